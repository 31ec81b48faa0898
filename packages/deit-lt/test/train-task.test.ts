/** `trainTask()`: a task of a program's own in the loop, its run folder, and its resumption. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import { logitScale } from '../src/classifier/logit-scale.js';
import { openClassifier, type TaskContext, torch, trainTask, trainTeacher } from '../src/index.js';
import { readRunConfig } from '../src/runs/run-folder.js';
import type { TrainTaskOptions } from '../src/training/train-options.js';
import { abortAt, assertSameRun } from './helpers/same-run.js';
import { atBatch, recording, tinyDataset, tinyRecipe } from './training-tiny.js';

const root = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-task-'));
after(() => rmSync(root, { recursive: true, force: true }));

const linear = [
  'teacher.model.cosine=false',
  'teacher.loss=cross-entropy',
  'teacher.model.width=4',
  'teacher.epochs=2',
];
const recipe = tinyRecipe(...linear, 'teacher.drw.epoch=null', 'teacher.sam.rho=0', 'teacher.optimizer.lr=0.01');

/** Cross-entropy, and the agreement of two views. */
const agreement = ({ model, device }: TaskContext): ReturnType<TrainTaskOptions['create']> => ({
  kind: 'teacher',
  model,
  drwEpoch: null,
  prepare: ({ images, more = [], labels }) => ({
    loss: () => {
      const [logits, other] = [images, more[0]!].map((view) => model.call(view).float()) as [
        torch.Tensor,
        torch.Tensor,
      ];
      const targets = torch.tensor(labels, { dtype: 'int64' }).to(device);
      const apart = logits.sub(other).square().mean();
      return { loss: torch.nn.functional.crossEntropy(logits, targets).add(apart), parts: { apart } };
    },
  }),
  logits: (images) => ({ avg: model.call(images) }),
});

const options = (folder: string): TrainTaskOptions => ({
  name: 'agreement',
  dataset: tinyDataset(),
  recipe,
  folder: path.join(root, folder),
  views: [recipe.teacher.augment],
  logitScale: 2,
  create: agreement,
});

suite('trainTask()', () => {
  test('trains, resumes bit-exactly, and its run is opened with its own logit scale', async () => {
    const reporter = recording();
    const { folder, evaluation } = await trainTask({ ...options('whole'), reporter });
    assert.ok(evaluation !== undefined && reporter.records.length === 2);
    assert.ok(reporter.records.every(({ loss, parts }) => loss > parts.apart! && parts.apart! > 0));
    const stopped = { ...options('stopped'), ...abortAt((act) => atBatch(1, 2, act)) };
    await assert.rejects(trainTask(stopped), { code: 'INTERRUPTED', message: /the same call and resume: true/ });
    await trainTask({ ...options('stopped'), resume: true });
    assertSameRun(path.join(root, 'stopped'), folder);
    const { task, kind } = readRunConfig(folder);
    assert.deepEqual([task, kind], ['agreement', 'teacher']);
    using classifier = await openClassifier(folder);
    assert.equal(logitScale(classifier), 2);
  });

  test('is not resumed by another task, nor by the recipe alone', async () => {
    const { name, create, views, logitScale: _, ...others } = options('whole');
    const resume = { ...others, resume: true };
    const refused = { code: 'RUN_FOLDER', message: /trained by a program with its own task "agreement" \(trainTask\)/ };
    await assert.rejects(trainTask({ ...resume, name: 'other', create, views: views! }), refused);
    await assert.rejects(trainTeacher(resume), refused);
  });

  test('refuses a task that cannot be trained, and leaves no folder', async () => {
    const run = (change: object) =>
      trainTask({ ...options('none'), create: (context) => ({ ...agreement(context), ...change }) as never });
    const refused = (message: RegExp) => ({ code: 'PLUGIN', message });
    await assert.rejects(run({ kind: 'student' }), refused(/"agreement" cannot be used: .* kind is "teacher"/));
    await assert.rejects(
      run({ model: new torch.nn.Linear(1, 1) }),
      refused(/its model must be the model of the context/),
    );
    await assert.rejects(run({ prepare: undefined }), refused(/it has no function prepare/));
    assert.equal(existsSync(path.join(root, 'none')), false);
  });
});
