/** What can go wrong in a training, and what is said and kept then. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { openTeacher } from '../src/analysis/run/teacher-stage.js';
import { byClass } from '../src/by-class.js';
import { openClassifier } from '../src/classifier/classifier.js';
import { RunFolder, readRunConfig } from '../src/runs/run-folder.js';
import { saveTensors } from '../src/runs/save-tensors.js';
import { readWeights, saveWeights } from '../src/runs/training-state.js';
import { type TrainOptions, trainStudent, trainTeacher, trainVit } from '../src/training/train.js';
import { liveTensors, settledLiveTensors } from './helpers/live-tensors.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { recording, reporting, tinyDataset, tinyRecipe } from './training-tiny.js';

function optionsFor(t: TestContext, ...settings: readonly string[]): TrainOptions & { readonly folder: string } {
  const folder = path.join(temporaryFolder(t), 'run');
  return { dataset: tinyDataset(), recipe: tinyRecipe('teacher.epochs=1', ...settings), folder };
}

/** Options of a run that has ended. */
async function trained(t: TestContext, ...settings: readonly string[]): Promise<TrainOptions> {
  const options = optionsFor(t, ...settings);
  await trainTeacher(options);
  return options;
}

/** Makes the next write to the probe of `run` meet a full disk. */
function fillDisk(run: RunFolder): void {
  mkdirSync(path.dirname(run.checkpoint('last')), { recursive: true });
  symlinkSync('/dev/full', path.join(path.dirname(run.checkpoint('last')), `probe.tmp-${process.pid}`));
}

const noFull = !existsSync('/dev/full') && 'no /dev/full on this system';

/** Sets a learning rate that overflows the weights in one update; a recipe that is read is not allowed one. */
function overflow({ recipe }: TrainOptions, lr: number): void {
  recipe.teacher.optimizer.lr = lr;
}

suite('a loss that is not finite', () => {
  test('stops the training and names the place, what to try, and the last checkpoint, which can be used', async (t) => {
    const options = optionsFor(t, 'teacher.epochs=3', 'teacher.schedule.warmupEpochs=0', 'teacher.sam.rho=0');
    const reporter = reporting({ epoch: () => overflow(options, 1e30) });
    const run = new RunFolder(options.folder);
    const message = new RegExp(
      `^the (loss|weights) of the teacher became .* in epoch 2.* The last good checkpoint is ${run.checkpoint('last')}\\..*--set teacher\\.optimizer\\.lr=.*clipGradNorm.*precision`,
    );
    await assert.rejects(trainTeacher({ ...options, reporter, saveEverySeconds: 0 }), { code: 'NOT_FINITE', message });
    using classifier = await openClassifier(options.folder, { which: 'last' });
    assert.equal(classifier.epoch, 0);
    for (const parameter of classifier.model.parameters()) assert.ok(Number.isFinite(parameter.sum().toNumber()));
  });

  test('in the first batches names the batch and no checkpoint', async (t) => {
    const options = optionsFor(t, 'teacher.schedule.warmupEpochs=0', 'teacher.sam.rho=0');
    const reporter = reporting({ start: () => overflow(options, 1e30) });
    await assert.rejects(trainTeacher({ ...options, reporter }), {
      code: 'NOT_FINITE',
      message: /^the loss of the teacher became (NaN|-?Infinity) in epoch 1, batch [2-5]\. Try a smaller/,
    });
  });

  test('after the last update of an epoch, in the weights, is found before they are saved', async (t) => {
    const options = optionsFor(t, 'teacher.batchSize=64', 'teacher.schedule.warmupEpochs=0');
    const reporter = reporting({ start: () => overflow(options, 1e38) });
    await assert.rejects(trainTeacher({ ...options, reporter }), {
      code: 'NOT_FINITE',
      message: /^the weights of the teacher became infinite or not a number in epoch 1\. Try/,
    });
    assert.equal(new RunFolder(options.folder).hasCheckpoint('last'), false);
  });
});

test('a sampler that leaves no images is an error', async (t) => {
  const options = optionsFor(t, 'teacher.sampler=published-repeated-augmentation');
  await assert.rejects(trainTeacher(options), {
    code: 'RECIPE',
    message: /leaves none of the 52 training images; use/,
  });
});

suite('a folder that cannot be written', () => {
  const fails = async (options: TrainOptions, expected: { message: RegExp }) => {
    const reporter = recording();
    await assert.rejects(trainTeacher({ ...options, reporter }), { code: 'RUN_FOLDER', ...expected });
    assert.equal(reporter.records.length, 0);
  };

  test('because of its rights is an error before the first epoch', {
    skip: process.getuid?.() === 0 && 'root may write anywhere',
  }, async (t) => {
    const options = optionsFor(t);
    const parent = path.dirname(options.folder);
    chmodSync(parent, 0o500);
    await fails(options, { message: /^cannot write .*no permission/ });
    chmodSync(parent, 0o700);
  });

  test('because a part of its path is a file is an error before the first epoch', async (t) => {
    const options = optionsFor(t);
    writeFileSync(options.folder, '');
    await fails(options, {
      message: /run is a file; expected a new or empty folder\. Choose another folder with --out/,
    });
    await fails(
      { ...options, folder: path.join(options.folder, 'below') },
      { message: /^cannot write .*below: a part of its path is a file/ },
    );
  });

  test('because the disk is full is an error before the first epoch', { skip: noFull }, async (t) => {
    const options = await trained(t);
    const run = new RunFolder(options.folder);
    const begin = RunFolder.prototype.begin;
    t.mock.method(RunFolder.prototype, 'begin', function (this: RunFolder, ...args: Parameters<typeof begin>) {
      const config = begin.apply(this, args);
      fillDisk(this);
      return config;
    });
    await fails({ ...options, resume: true }, { message: /^cannot write .*probe: the disk is full; free some space/ });
    assert.ok(run.hasCheckpoint('last'));
  });

  test('any more during the training is an error that names the file', { skip: noFull }, async (t) => {
    const options = optionsFor(t);
    const { metricsFile } = new RunFolder(options.folder);
    const reporter = reporting({ start: () => symlinkSync('/dev/full', metricsFile) });
    await assert.rejects(trainTeacher({ ...options, reporter }), {
      code: 'RUN_FOLDER',
      message: `cannot write ${metricsFile}: the disk is full; free some space.`,
    });
  });

  test('when a checkpoint is due is an error that names the checkpoint', async (t) => {
    const options = optionsFor(t);
    const best = new RunFolder(options.folder).checkpoint('best');
    const reporter = reporting({ start: () => mkdirSync(path.join(best, 'in the way'), { recursive: true }) });
    await assert.rejects(trainTeacher({ ...options, reporter }), (error: Error & { code: string }) => {
      assert.equal(error.code, 'RUN_FOLDER');
      assert.ok(error.message.startsWith(`cannot write ${best}: `), error.message);
      return true;
    });
  });
});

suite('an existing run folder', () => {
  test('is not overwritten', async (t) => {
    const options = await trained(t);
    const kept = readFileSync(new RunFolder(options.folder).configFile);
    await assert.rejects(trainTeacher(options), { code: 'RUN_FOLDER', message: /is not empty\. .*--out.*--resume/ });
    assert.ok(readFileSync(new RunFolder(options.folder).configFile).equals(kept));
  });

  test('is not measured with the best weights of another network', async (t) => {
    const options = await trained(t);
    saveWeights(new RunFolder(options.folder).checkpoint('best'), new Map(), readRunConfig(options.folder), 0);
    await assert.rejects(trainTeacher({ ...options, resume: true }), {
      code: 'CHECKPOINT',
      message: /best\.safetensors does not fit its own recipe: .*Missing key/s,
    });
  });

  test('is not resumed with another recipe, data or kind of model', async (t) => {
    const options = await trained(t);
    const refuses = (change: Partial<TrainOptions>, message: RegExp) =>
      assert.rejects(trainTeacher({ ...options, ...change, resume: true }), { code: 'RUN_FOLDER', message });
    await refuses(
      { recipe: tinyRecipe('teacher.epochs=1', 'teacher.optimizer.momentum=0.8') },
      /cannot be resumed: its recipe differs in teacher\.optimizer\.momentum\. Start a new run with another --out/,
    );
    await refuses({ recipe: tinyRecipe('teacher.epochs=1', 'seed=1') }, /its recipe differs in seed/);
    const { train, ...rest } = tinyDataset();
    const nameOf = (i: number) => `another ${i}`;
    await refuses(
      { dataset: { ...rest, train: { ...train, images: { ...train.images, nameOf } } } },
      /its 52 training images are not those of shapes/,
    );
    await refuses(
      { dataset: { ...rest, train, classNames: rest.classNames.toReversed() } },
      /the names or the order of its classes differ/,
    );
    await assert.rejects(trainStudent({ ...options, teacher: options.folder, resume: true }), {
      message: /it is a run of a teacher, not of a student/,
    });
  });

  test('is not resumed with another teacher', async (t) => {
    const options = await trained(t);
    const student = {
      ...options,
      folder: `${options.folder}-student`,
      recipe: tinyRecipe('teacher.epochs=1', 'student.epochs=1'),
    };
    const moved = `${options.folder}-moved`;
    cpSync(options.folder, moved, { recursive: true });
    await trainStudent({ ...student, teacher: options.folder });
    await trainStudent({ ...student, teacher: moved, resume: true });
    const other = await trained(t, 'seed=5');
    await assert.rejects(trainStudent({ ...student, teacher: other.folder, resume: true }), {
      code: 'RUN_FOLDER',
      message: /its teacher, .* is not /,
    });
  });
});

/** All of a safetensors file. */
function read(file: string): { tensors: Map<string, torch.Tensor>; metadata: Record<string, string> } {
  using opened = torch.safetensors.open(file);
  return {
    tensors: new Map(opened.names.map((name) => [name, opened.get(name).clone()])),
    metadata: { ...opened.metadata },
  };
}

suite('a damaged checkpoint', () => {
  test('is an error that names the file, in resuming and in using it', async (t) => {
    const options = await trained(t);
    const run = new RunFolder(options.folder);
    for (const name of ['last', 'best'] as const) truncateSync(run.checkpoint(name), 5000);
    const namesFile = (name: 'last' | 'best') => ({
      code: 'CHECKPOINT',
      message: new RegExp(`^${run.checkpoint(name)} cannot be used: [^/]*expected .*Use another checkpoint`),
    });
    await assert.rejects(trainTeacher({ ...options, resume: true }), namesFile('last'));
    await assert.rejects(openClassifier(options.folder), namesFile('best'));
    await assert.rejects(
      trainStudent({ ...options, folder: `${options.folder}-student`, teacher: options.folder }),
      namesFile('best'),
    );
    assert.ok(!existsSync(`${options.folder}-student`), 'no folder is made for a student without a teacher');
  });

  test('with NaN or infinity in its weights is not resumed', async (t) => {
    const options = await trained(t);
    const file = new RunFolder(options.folder).checkpoint('last');
    const whole = readFileSync(file);
    const names = torch.tidy(() =>
      [...read(file).tensors.keys()].filter((name) => /^model\..*(weight|mean)$/.test(name)),
    );
    for (const [name, value] of [
      [names[0]!, Number.NaN],
      [names.at(-1)!, Number.POSITIVE_INFINITY],
    ] as const) {
      writeFileSync(file, whole);
      torch.tidy(() => {
        const { tensors, metadata } = read(file);
        torch.noGrad(() => tensors.get(name)!.flatten().narrow(0, 0, 1).fill_(value));
        saveTensors(file, tensors, metadata);
      });
      await assert.rejects(trainTeacher({ ...options, resume: true }), {
        code: 'CHECKPOINT',
        message: new RegExp(`last\\.safetensors: the weights ${name} contain NaN or infinity`),
      });
    }
  });

  test('of another run is an error, in resuming, in the last evaluation and in using the folder', async (t) => {
    const [options, other] = [await trained(t), await trained(t, 'seed=5')];
    const [run, otherRun] = [new RunFolder(options.folder), new RunFolder(other.folder)];
    for (const name of ['best', 'last'] as const) {
      const own = readFileSync(run.checkpoint(name));
      cpSync(otherRun.checkpoint(name), run.checkpoint(name));
      const message = new RegExp(
        `${name}\\.safetensors cannot be used: it is of a teacher whose run began 20.*config\\.json of its folder`,
      );
      await assert.rejects(trainTeacher({ ...options, resume: true }), { code: 'CHECKPOINT', message });
      await assert.rejects(openClassifier(options.folder, { which: name }), { code: 'CHECKPOINT', message });
      using named = await openClassifier(run.checkpoint(name)); // by its own name it is a checkpoint like any other
      assert.equal(named.kind, 'teacher');
      writeFileSync(run.checkpoint(name), own);
    }
  });

  test('of the run that an earlier version normalised is read in the folder of its τ-normalisation', async (t) => {
    const options = await trained(t);
    const run = { ...readRunConfig(options.folder), started: '2026-01-01', tau: 0.5 };
    const file = new RunFolder(options.folder).checkpoint('best');
    torch.tidy(() => assert.ok(readWeights(file, { run }).tensors.size > 10));
    assert.throws(() => readWeights(file, { run: { ...run, tau: undefined } as never }), { code: 'CHECKPOINT' });
  });

  test('with an optimizer without a known rate is an error', async (t) => {
    const options = await trained(t);
    const file = new RunFolder(options.folder).checkpoint('last');
    torch.tidy(() => {
      const { tensors, metadata } = read(file);
      saveTensors(file, tensors, { ...metadata, optimizer: '{"param_groups":[],"numbers":0.5}' });
    });
    await assert.rejects(trainTeacher({ ...options, resume: true }), {
      code: 'CHECKPOINT',
      message: /last\.safetensors cannot be used: numbers: expected record/,
    });
  });

  test('that is the last one where the best is gone is used with a note', async (t) => {
    const options = await trained(t);
    rmSync(new RunFolder(options.folder).checkpoint('best'));
    using classifier = await openClassifier(options.folder);
    assert.deepEqual(classifier.notes, [
      `${options.folder} has no best checkpoint; its last one, after epoch 1, is used.`,
    ]);
    using last = await openClassifier(options.folder, { which: 'last' });
    assert.deepEqual(last.notes, []);
  });

  test('of another kind is an error', async (t) => {
    const options = await trained(t);
    const run = new RunFolder(options.folder);
    cpSync(run.checkpoint('best'), run.checkpoint('last'));
    await assert.rejects(trainTeacher({ ...options, resume: true }), {
      code: 'CHECKPOINT',
      message: /last\.safetensors cannot be used: its format is "deit-lt weights 1", expected "deit-lt state 1"/,
    });
  });
});

suite('a student that does not fit its teacher', () => {
  /** A network has more tensors; small constants are the collector's, which may take them before or after. */
  const mostKept = 30;

  /** What `fail` leaves alive of the tensors that it made. */
  async function leftBy(fail: () => Promise<void>): Promise<number> {
    const before = await settledLiveTensors();
    await fail();
    return liveTensors() - before;
  }

  test('releases both networks before it throws', async (t) => {
    const options = await trained(t, 'student.model.name=vit');
    const student = { ...options, teacher: options.folder, folder: path.join(temporaryFolder(t), 'student') };
    const left = await leftBy(() =>
      assert.rejects(trainStudent(student), { code: 'RECIPE', message: /has no DIST token/ }),
    );
    assert.ok(left <= mostKept, `${left} tensors`);
  });

  test('is not evaluated in the analysis, which releases the teacher', async (t) => {
    const options = await trained(t);
    const config = { ...readRunConfig(options.folder), kind: 'student', teacher: options.folder } as const;
    const countsBefore = byClass(['a', 'b'], [2, 1]);
    const left = await leftBy(() => assert.rejects(openTeacher({ config, countsBefore }), { code: 'DATA_CLASSES' }));
    assert.ok(left <= mostKept, `${left} tensors`);
  });
});

suite('a last batch of a single image', () => {
  /** Batches of the only epoch: thirty images, 29 of them in the first batch. */
  async function batchesOf(
    t: TestContext,
    train: typeof trainTeacher,
    ...settings: readonly string[]
  ): Promise<number> {
    const thirty = ['data.imbalance=null', 'data.validation=0', 'data.limit=30', 'evaluation.select=last'];
    const found: number[] = [];
    const reporter = reporting({ start: ({ batchesPerEpoch }) => void found.push(batchesPerEpoch) });
    await train({ ...optionsFor(t, ...thirty, ...settings), reporter });
    return found[0]!;
  }

  test('is left out where batch norm would have a single value of each channel', async (t) => {
    const network = ['teacher.model={name: resnet18, cosine: true, replace: true}', 'teacher.imageSize=32'];
    assert.equal(await batchesOf(t, trainTeacher, 'teacher.batchSize=29', ...network), 1);
  });

  test('is learned from by a transformer', async (t) => {
    assert.equal(await batchesOf(t, trainVit, 'student.batchSize=29', 'student.epochs=1'), 2);
  });
});
