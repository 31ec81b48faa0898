/** A training that was killed or stopped, and went on, has the same bits as one that ran through. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { RunFolder } from '../src/runs/run-folder.js';
import { type TrainOptions, trainAll, trainStudent, trainTeacher } from '../src/training/train.js';
import { abortAt, assertSameRun, metricsOf } from './helpers/same-run.js';
import { atBatch, reporting, tinyDataset, tinyRecipe } from './training-tiny.js';

const root = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-resume-'));
const whole = path.join(root, 'whole');
const wholeTeacher = path.join(whole, 'teacher');
const wholeStudent = path.join(whole, 'student');
const optionsFor = (name: string): TrainOptions => ({
  dataset: tinyDataset(),
  recipe: tinyRecipe(),
  folder: path.join(root, name),
  command: ['deit-lt', 'student', '--data', 'shapes', '--out', 'my run'],
});

before(async () => {
  await trainAll(optionsFor('whole'));
});
after(() => rmSync(root, { recursive: true, force: true }));

/** Runs resume-child.ts until it says that it is there, and kills it. */
async function killedAt(folder: string, place: readonly [string, number, number], resume = false): Promise<void> {
  const script = path.join(import.meta.dirname, 'resume-child.js');
  const child = spawn(process.execPath, [script, folder, ...place.map(String), ...(resume ? ['--resume'] : [])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const first = await Promise.race([once(child.stdout, 'data'), ended]);
  assert.equal(String(first[0]), 'reached');
  child.kill('SIGKILL');
  assert.deepEqual(await ended, [null, 'SIGKILL']);
}

const teacher = wholeTeacher;

suite('a killed process', () => {
  test('resumes bit-exactly with --resume, killed in the teacher, then in the student', async () => {
    const folder = path.join(root, 'killed');
    await killedAt(folder, ['teacher', 1, 2]);
    assert.equal(new RunFolder(path.join(folder, 'teacher')).readMetrics().length, 1);
    await killedAt(folder, ['student', 1, 3], true);
    await trainAll({ ...optionsFor('killed'), resume: true });
    assertSameRun(path.join(folder, 'teacher'), wholeTeacher);
    assertSameRun(path.join(folder, 'student'), wholeStudent);
  });

  test('whose best weights and metrics are newer than its state repeats those epochs', async () => {
    const options = { ...optionsFor('behind'), teacher, saveEverySeconds: 0 };
    const run = new RunFolder(options.folder);
    const kept = path.join(root, 'first-epoch');
    const reporter = reporting({ epoch: ({ epoch }) => epoch === 0 && cpSync(run.checkpoint('last'), kept) });
    await trainStudent({ ...options, reporter });
    cpSync(kept, run.checkpoint('last'));
    writeFileSync(run.metricsFile, `${readFileSync(run.metricsFile, 'utf8')}{"epoch":3,"lo`);
    writeFileSync(`${run.metricsFile}.tmp-1`, 'half');
    writeFileSync(path.join(options.folder, 'checkpoints', '.last.safetensors.00.tmp'), 'half');
    await trainStudent({ ...options, resume: true });
    assertSameRun(options.folder, wholeStudent);
  });

  for (const resume of [true, false])
    test(`that had no time to make its configuration starts again ${resume ? 'with' : 'without'} --resume`, async () => {
      const options = { ...optionsFor(`early-${resume}`), recipe: tinyRecipe('teacher.epochs=1') };
      mkdirSync(path.join(options.folder, 'checkpoints'), { recursive: true });
      writeFileSync(path.join(options.folder, 'config.json.tmp-1'), '{');
      await trainTeacher({ ...options, resume });
      assert.equal(new RunFolder(options.folder).readMetrics().length, 1);
    });

  test('with files of others in its folder is refused, and they stay', async () => {
    const options = optionsFor('foreign');
    mkdirSync(options.folder, { recursive: true });
    writeFileSync(path.join(options.folder, 'notes.txt'), 'mine');
    for (const resume of [true, false])
      await assert.rejects(trainTeacher({ ...options, resume }), {
        code: 'RUN_FOLDER',
        message: /Choose another folder/,
      });
    assert.equal(readFileSync(path.join(options.folder, 'notes.txt'), 'utf8'), 'mine');
  });
});

/** Trainings whose last checkpoint before the crash lies inside of an epoch. Nothing divides the number of images. */
const kinds: Readonly<Record<string, readonly string[]>> = {
  'LDAM + SAM': ['teacher.loss.name=ldam'],
  'LDAM with accumulation': ['teacher.loss.name=ldam', 'teacher.sam.rho=0', 'teacher.accumulation=3'],
  'PaCo + SAM': [
    'teacher.loss.name=paco',
    'teacher.loss.queue=24',
    'teacher.model.cosine=false',
    'teacher.drw.epoch=null',
  ],
  'GLMC + SAM': ['teacher.loss.name=glmc', 'teacher.model.cosine=false', 'teacher.drw.epoch=null'],
};

/** Fails at the given place as a crash would: nothing is saved there. */
const crash = (epoch: number, batch: number) =>
  atBatch(epoch, batch, () => {
    throw new Error('crash');
  });

suite('a checkpoint inside of an epoch', () => {
  for (const [kind, settings] of Object.entries(kinds))
    test(`is resumed bit-exactly: ${kind}`, async () => {
      const recipe = tinyRecipe(...settings);
      const unbroken = { ...optionsFor(`unbroken ${kind}`), recipe };
      const options = { ...optionsFor(`inside ${kind}`), recipe, saveEverySeconds: 0 };
      await trainTeacher(unbroken);
      await assert.rejects(trainTeacher({ ...options, reporter: crash(0, 4) }), /crash/);
      const run = new RunFolder(options.folder);
      assert.equal(run.readMetrics().length, 0, 'no epoch has ended');
      assert.ok(run.hasCheckpoint('last'));
      await assert.rejects(trainTeacher({ ...options, resume: true, reporter: crash(1, 3) }), /crash/);
      await trainTeacher({ ...options, resume: true });
      assertSameRun(options.folder, unbroken.folder);
    });

  test('is resumed bit-exactly: student with accumulation, averaged weights, repeated augmentation', async () => {
    const options = { ...optionsFor('inside student'), teacher, saveEverySeconds: 0 };
    await assert.rejects(trainStudent({ ...options, reporter: crash(0, 3) }), /crash/);
    let resumedAt: unknown;
    const reporter = reporting({
      start: (start) => {
        resumedAt = start.resumedAt;
      },
    });
    await trainStudent({ ...options, resume: true, reporter });
    assert.deepEqual(resumedAt, { epoch: 0, batch: 2 }, 'the border of the last whole window');
    assertSameRun(options.folder, wholeStudent);
  });

  test('is not saved more often than saveEverySeconds allows', async () => {
    const options = { ...optionsFor('seldom'), saveEverySeconds: 3600 };
    await assert.rejects(trainTeacher({ ...options, reporter: crash(1, 2) }), /crash/);
    assert.equal(new RunFolder(options.folder).hasCheckpoint('last'), false);
  });
});

test('a run folder that is removed while it is trained ends the training with a message, and is not made again', async () => {
  const options = optionsFor('removed');
  const reporter = atBatch(1, 2, () => rmSync(options.folder, { recursive: true }));
  await assert.rejects(trainTeacher({ ...options, reporter }), {
    code: 'RUN_FOLDER',
    message: /removed was removed or moved while it was being trained .* This training ends\./,
  });
  assert.equal(existsSync(options.folder), false);
});

suite('a signal', () => {
  const interrupted = { code: 'INTERRUPTED' };

  for (const [batch, window] of [
    [2, 2],
    [3, 4],
    [5, 5],
  ] as const)
    test(`in batch ${batch} of the student's second epoch saves, and a resumed run has the same bits`, async () => {
      const options = { ...optionsFor(`student-${batch}`), teacher };
      const stop = abortAt((act) => atBatch(1, batch, act));
      await assert.rejects(trainStudent({ ...options, ...stop }), {
        ...interrupted,
        message: `stopped in epoch 2 of 3 after batch ${window} of 5; a checkpoint is saved. Resume with: deit-lt student --data shapes --out 'my run' --resume`,
      });
      await trainStudent({ ...options, resume: true });
      assertSameRun(options.folder, wholeStudent);
    });

  test('in the middle of the teacher, twice', async () => {
    const options = optionsFor('teacher');
    for (const [epoch, batch] of [
      [0, 1],
      [2, 3],
    ] as const)
      await assert.rejects(
        trainTeacher({ ...options, resume: epoch > 0, ...abortAt((act) => atBatch(epoch, batch, act)) }),
        interrupted,
      );
    await trainTeacher({ ...options, resume: true });
    assertSameRun(options.folder, wholeTeacher);
  });

  for (const [place, what] of [
    [2, 'weights as trained'],
    [5, 'averaged weights'],
  ] as const)
    test(`in the evaluation of the ${what} saves, and the resumed run evaluates again`, async () => {
      const options = { ...optionsFor(`evaluation-${what}`), teacher };
      let seen = 0;
      const stop = abortAt((act) => reporting({ progress: () => ++seen === place && act() }));
      await assert.rejects(trainStudent({ ...options, ...stop }), {
        message: /^stopped in epoch 1 of 3 after batch 5 of 5/,
      });
      await trainStudent({ ...options, resume: true });
      assertSameRun(options.folder, wholeStudent);
    });

  test('at the last evaluation', async () => {
    const options = { ...optionsFor('last-evaluation'), teacher };
    let epochs = 0;
    const stop = abortAt((act) => reporting({ epoch: () => void epochs++, progress: () => epochs === 3 && act() }));
    await assert.rejects(trainStudent({ ...options, ...stop }), { message: /^stopped at the last evaluation/ });
    await trainStudent({ ...options, resume: true });
    assertSameRun(options.folder, wholeStudent);
  });

  test('from a timer is heard although the batches come from memory', async () => {
    const stop = abortAt((act) => reporting({ start: () => void setImmediate(act) }));
    await assert.rejects(trainTeacher({ ...optionsFor('timer'), ...stop }), {
      message: /^stopped in epoch 1 of 3 after batch 1 /,
    });
  });
});

suite('a finished run', () => {
  test('is unchanged by --resume', async () => {
    const options = { ...optionsFor('finished'), folder: wholeStudent, teacher };
    const read = () => readFileSync(new RunFolder(wholeStudent).checkpoint('last'));
    const kept = read();
    await trainStudent({ ...options, resume: true });
    assert.ok(read().equals(kept));
    assert.equal(metricsOf(wholeStudent).length, 3);
  });
});
