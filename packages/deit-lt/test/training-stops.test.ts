/** What stops a training from outside: its folder, its disk, another training, a signal before the first batch. */
import assert from 'node:assert/strict';
import fs, { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import type { CliContext } from '../src/cli/context.js';
import { parseWords } from '../src/cli/program.js';
import { prepareRun } from '../src/cli/training-run.js';
import { claimName } from '../src/runs/claim.js';
import type { Reporter } from '../src/runs/reporter.js';
import { RunFolder } from '../src/runs/run-folder.js';
import { programWords } from '../src/suggested-command.js';
import { type TrainOptions, trainTeacher } from '../src/training/train.js';
import { writeTinyJob } from './helpers/killed-training.js';
import { assertSameRun } from './helpers/same-run.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { atBatch, reporting, tinyDataset, tinyRecipe } from './training-tiny.js';

const command = ['deit-lt', 'teacher', '--data', 'shapes', '--out', 'run'];
const again = 'resume with: deit-lt teacher --data shapes --out run --resume';
const end = (epoch: number, batch: number): string =>
  `The last checkpoint is of epoch ${epoch}, batch ${batch}. When this is solved, ${again}`;

function optionsFor(t: TestContext, reporter: Reporter): TrainOptions & { readonly folder: string } {
  const folder = path.join(temporaryFolder(t), 'run');
  const recipe = tinyRecipe('teacher.epochs=2', 'teacher.drw.epoch=1', 'teacher.model.width=4');
  return { dataset: tinyDataset(), recipe, folder, command, saveEverySeconds: 0, reporter };
}

const stops = (options: TrainOptions, message: string) =>
  assert.rejects(trainTeacher(options), { code: 'RUN_FOLDER', message });

suite('a run folder that is lost during the training stops it:', () => {
  const lost = (folder: string): string =>
    `${folder} was removed or moved while it was being trained (${path.join(folder, 'checkpoints', claimName)} is gone), so nothing can be saved any more. This training ends. If the folder was moved, resume it there: --resume --out FOLDER.`;

  test('deleted', async (t) => {
    const options = optionsFor(
      t,
      atBatch(1, 2, () => rmSync(options.folder, { recursive: true })),
    );
    await stops(options, lost(options.folder));
    assert.equal(existsSync(options.folder), false, 'nothing is made there again');
  });

  test('deleted without its configuration', async (t) => {
    const options = optionsFor(
      t,
      atBatch(1, 2, () => rmSync(path.join(options.folder, 'checkpoints'), { recursive: true })),
    );
    await stops(options, lost(options.folder));
  });

  test('moved; it is resumed at its new place', async (t) => {
    const options = optionsFor(
      t,
      atBatch(1, 2, () => renameSync(options.folder, moved)),
    );
    const moved = `${options.folder}-moved`;
    await stops(options, lost(options.folder));
    rmSync(path.join(moved, 'checkpoints', claimName)); // this process is alive
    const { reporter: _, ...rest } = options;
    await trainTeacher({ ...rest, folder: moved, resume: true });
    await trainTeacher({ ...rest, folder: `${moved}-whole` });
    assertSameRun(moved, `${moved}-whole`);
  });

  test('deleted in the last evaluation', async (t) => {
    let epochs = 0;
    const options = optionsFor(
      t,
      reporting({
        epoch: () => void epochs++,
        progress: (_, done) => {
          if (epochs === 2 && done === 4) rmSync(options.folder, { recursive: true });
        },
      }),
    );
    await assert.rejects(trainTeacher(options), {
      code: 'RUN_FOLDER',
      message: /was removed or moved while it was being trained/,
    });
  });
});

suite('a disk that takes no more stops the training, and the last checkpoint stays whole:', () => {
  for (const [code, call, problem] of [
    ['ENOSPC', 'writeSync', 'the disk is full; free some space'],
    ['ENOSPC', 'fsyncSync', 'the disk is full; free some space'],
    ['EROFS', 'openSync', 'no permission to write there; choose another place'],
  ] as const)
    test(`${code} of ${call}`, async (t) => {
      let kept: Buffer | undefined;
      const options = optionsFor(
        t,
        atBatch(1, 3, () => {
          kept = readFileSync(last);
          const original = fs[call] as (...args: unknown[]) => unknown;
          t.mock.method(fs, call, (...args: unknown[]) => {
            if (call === 'openSync' && args[1] === 'r') return original(...args);
            throw Object.assign(new Error(code), { code, syscall: 'call', errno: -1 });
          });
        }),
      );
      const run = new RunFolder(options.folder);
      const last = run.checkpoint('last');
      await stops(options, `cannot write ${last}: ${problem}. ${end(2, 2)}`);
      t.mock.restoreAll();
      assert.ok(readFileSync(last).equals(kept!));
      assert.deepEqual(readdirSync(path.dirname(last)), ['best.safetensors', 'last.safetensors']);
      const { reporter: _, ...rest } = options;
      await trainTeacher({ ...rest, resume: true });
      assert.equal(run.readMetrics().length, 2);
    });
});

suite('a second training in a folder', () => {
  test('is refused while the first one lives', { skip: process.platform !== 'linux' && 'needs /proc' }, async (t) => {
    let second: Promise<unknown> | undefined;
    const options = optionsFor(
      t,
      atBatch(0, 2, () => {
        const { reporter: _, ...rest } = options;
        second = assert.rejects(trainTeacher({ ...rest, resume: true }), {
          code: 'RUN_FOLDER',
          message: `${options.folder} is being trained by process ${process.pid}. Wait until it ends, or stop it; then give the same command with --resume.`,
        });
      }),
    );
    await trainTeacher(options);
    await second;
    assert.ok(!existsSync(path.join(options.folder, 'checkpoints', claimName)), 'the claim is given back');
  });

  test('that has claimed it ends the first one, whose checkpoint it resumes', async (t) => {
    const options = optionsFor(
      t,
      atBatch(0, 3, () => void new RunFolder(options.folder).claim()),
    );
    await assert.rejects(trainTeacher(options), {
      code: 'RUN_FOLDER',
      message: new RegExp(`is being trained twice at once: process ${process.pid} started later and continues`),
    });
    assert.ok(existsSync(path.join(options.folder, 'checkpoints', claimName)), 'the claim of the other one stays');
  });

  test('is not refused for a process that ended, whose number another one has', async (t) => {
    const options = optionsFor(t, reporting({}));
    const run = new RunFolder(options.folder);
    const claim = path.join(options.folder, 'checkpoints', claimName);
    await trainTeacher(options);
    for (const content of [
      JSON.stringify({ id: 'a', process: process.pid, born: 'another boot 1' }),
      JSON.stringify({ id: 'a', process: 2 ** 22 + 1, born: null }),
      '{',
    ]) {
      fs.writeFileSync(claim, content);
      await trainTeacher({ ...options, resume: true });
      assert.equal(existsSync(claim), false);
    }
    assert.equal(run.readMetrics().length, 2);
  });
});

test('a run whose checkpoint is gone says that it starts again', async (t) => {
  const options = optionsFor(t, reporting({}));
  await trainTeacher(options);
  rmSync(path.join(options.folder, 'checkpoints/last.safetensors'));
  const notes: string[] = [];
  await trainTeacher({ ...options, resume: true, reporter: reporting({ note: (note) => void notes.push(note) }) });
  const missing = path.join(options.folder, 'checkpoints/last.safetensors');
  assert.ok(notes.includes(`${missing} does not exist, so this training starts again at epoch 1`), notes.join('\n'));
});

suite('a signal before the first batch', () => {
  test('while the images are read explains how to start the command again', async (t) => {
    const job = temporaryFolder(t);
    await writeTinyJob(job);
    process.env.DEIT_LT_CACHE = path.join(job, 'cache');
    t.after(() => delete process.env.DEIT_LT_CACHE);
    const words = ['vit', '--data', path.join(job, 'data'), '--out', path.join(job, 'run')];
    const parse = (given: readonly string[]) => parseWords(given, { writeOut: () => {}, writeErr: () => {} });
    const signal = AbortSignal.abort(new Error('Ctrl-C'));
    const context = { note: () => {}, reporter: async () => reporting({}), signal } as unknown as CliContext;
    await assert.rejects(prepareRun({ ...parse(words)!, parse, context }), {
      code: 'INTERRUPTED',
      message: `stopped before the training began; there is nothing to save yet. Resume with: ${[...programWords(), ...words].join(' ')} --resume`,
    });
  });

  test('names the folder to which a run was moved, and the data of this call', async (t) => {
    const options = optionsFor(t, reporting({}));
    await trainTeacher(options);
    const moved = ['deit-lt', 'teacher', '--data', 'elsewhere', '--out', 'moved'];
    const resumed = { ...options, resume: true, signal: AbortSignal.abort() };
    const messageOf = (command: readonly string[]) =>
      trainTeacher({ ...resumed, command }).then(
        () => assert.fail('it was not stopped'),
        ({ message }: Error) => message,
      );
    assert.match(await messageOf(moved), /Resume with: deit-lt teacher --data elsewhere --out moved --resume$/);
    assert.match(await messageOf([]), /Resume with: deit-lt teacher --data shapes --out run --resume$/);
  });

  test('ends the training before it begins', async (t) => {
    const options = optionsFor(t, reporting({ step: () => assert.fail('a batch was trained') }));
    await assert.rejects(trainTeacher({ ...options, signal: AbortSignal.abort() }), {
      code: 'INTERRUPTED',
      message: `stopped before the first batch; there is nothing to save yet. R${again.slice(1)}`,
    });
  });
});
