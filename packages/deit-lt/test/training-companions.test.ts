/** Trainings of PaCo and GLMC teachers, which have more than the network: what is in its checkpoints, how they go on, and that a student can learn from them. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { openClassifier } from '../src/classifier/classifier.js';
import { RunFolder } from '../src/runs/run-folder.js';
import { measureTrainingRates, measureTrainingSpeed } from '../src/training/measure-speed.js';
import { type TrainOptions, trainStudent, trainTeacher } from '../src/training/train.js';
import { liveTensors, settledLiveTensors } from './helpers/live-tensors.js';
import { abortAt, assertSameRun } from './helpers/same-run.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { atBatch, tinyDataset, tinyRecipe } from './training-tiny.js';

const settings = {
  paco: ['loss.queue=30', 'loss.batchNormParts=2'],
  gpaco: ['loss.queue=30', 'loss.variant=gpaco'],
  glmc: ['loss.embedding=16'],
};

type Name = keyof typeof settings;

/** What is in `last` beside the network. */
const companions: Record<Name, readonly string[]> = {
  paco: ['queue.embeddings', 'queue.labels', 'queue.next', 'head.0.weight', 'key_encoder.conv1.weight'],
  gpaco: ['queue.embeddings', 'queue.labels', 'queue.next', 'head.4.weight'],
  glmc: ['plain.weight', 'projector.weight', 'predictor.bias'],
};

function optionsFor(t: TestContext, name: Name, ...more: string[]): TrainOptions {
  const loss = `loss={replace: true, name: ${name === 'glmc' ? 'glmc' : 'paco'}}`;
  const all = [loss, 'model.cosine=false', 'drw.epoch=null', ...settings[name], ...more];
  const recipe = tinyRecipe(...all.map((pair) => `teacher.${pair}`), 'student.epochs=1');
  return { dataset: tinyDataset(), recipe, folder: path.join(temporaryFolder(t), 'run') };
}

const namesIn = (file: string): string[] => {
  using opened = torch.safetensors.open(file);
  return [...opened.names];
};

for (const name of ['paco', 'gpaco', 'glmc'] as const)
  suite(`a teacher by ${name}`, () => {
    test('that was stopped resumes bit-exactly, with all that only the training needs', async (t) => {
      const whole = optionsFor(t, name);
      const stopped = { ...whole, folder: `${whole.folder}-stopped` };
      await trainTeacher(whole);
      const stop = abortAt((act) => atBatch(1, 2, act));
      await assert.rejects(trainTeacher({ ...stopped, ...stop }), { code: 'INTERRUPTED' });
      await trainTeacher({ ...stopped, resume: true });
      assertSameRun(stopped.folder, whole.folder);
      const names = namesIn(new RunFolder(whole.folder).checkpoint('last'));
      for (const part of companions[name]) assert.ok(names.includes(`companion.${part}`), part);
      assert.equal(names.includes('companion.key_encoder.conv1.weight'), name === 'paco');
    });

    test('leaves network and classifier in `best`, which predict and teach', async (t) => {
      const options = optionsFor(t, name, 'epochs=1');
      const { evaluation } = await trainTeacher(options);
      assert.ok(evaluation!.avg.overall >= 0);
      using classifier = await openClassifier(options.folder);
      const best = namesIn(new RunFolder(options.folder).checkpoint('best'));
      assert.deepEqual(best.toSorted(), [...classifier.model.stateDict().keys()].toSorted());
      using logits = classifier.logits(torch.randn([2, 3, 16, 16])).avg;
      assert.deepEqual(logits.shape, [2, 10]);
      const student = { ...options, folder: `${options.folder}-student`, teacher: options.folder };
      assert.ok((await trainStudent(student)).evaluation!.dist !== undefined);
    });
  });

suite('measureTrainingSpeed()', () => {
  for (const name of ['paco', 'glmc'] as const)
    test(`runs steps of a teacher by ${name} and of the student`, async (t) => {
      const { dataset, recipe } = optionsFor(t, name);
      const { imagesPerSecond, teacherImagesPerSecond } = await measureTrainingSpeed(recipe, dataset, {
        seconds: 0.01,
      });
      assert.ok(imagesPerSecond > 0 && teacherImagesPerSecond > 0);
    });

  test('releases what it made, and ends with the batch at hand when its time is over', async (t) => {
    for (const name of ['paco', 'glmc'] as const) {
      const { dataset, recipe } = optionsFor(t, name);
      const measure = () =>
        measureTrainingSpeed(recipe, dataset, { seconds: 600, until: performance.now(), withoutSam: true });
      await measure(); // what is made once for all
      const before = await settledLiveTensors();
      const { imagesPerSecond } = await measure();
      assert.ok(imagesPerSecond > 0);
      // The collector takes vectors of one number for each class, of losses and of cached constants, when it likes; the
      // networks have 35 tensors and 115.
      const left = liveTensors() - before;
      assert.ok(left <= 30, `${left} tensors are left of ${name}`);
    }
  });

  test('runs steps of the given trainings, and of no other', async (t) => {
    const { dataset, recipe } = optionsFor(t, 'glmc');
    const wrong = { ...recipe.teacher, model: { name: 'no-such-network' } } as typeof recipe.teacher;
    const plain = { ...recipe.student, model: { name: 'resnet20' } } as typeof recipe.student;
    const rates = await measureTrainingRates({ ...recipe, teacher: wrong, student: plain }, dataset, ['vit'], {
      seconds: 0.01,
    });
    assert.deepEqual([...rates.keys()], ['vit']);
    assert.ok(rates.get('vit')! > 0);
    const alone = { ...recipe, student: { ...recipe.student, model: wrong.model } } as typeof recipe;
    assert.deepEqual(
      [...(await measureTrainingRates(alone, dataset, ['teacher'], { seconds: 0.01 })).keys()],
      ['teacher'],
    );
  });

  test('ends by a signal that comes from the event loop, long before its time', async (t) => {
    const { dataset, recipe } = optionsFor(t, 'glmc');
    const stop = new AbortController();
    setImmediate(() => stop.abort(new Error('enough')));
    await assert.rejects(measureTrainingSpeed(recipe, dataset, { seconds: 60, signal: stop.signal }), /enough/);
  });
});

suite('a recipe of a teacher', () => {
  const refused = (message: RegExp, ...pairs: string[]): void =>
    assert.throws(() => tinyRecipe(...pairs.map((pair) => `teacher.${pair}`)), { code: 'RECIPE', message });

  for (const name of ['paco', 'glmc', 'cross-entropy', 'focal'])
    test(`with ${name} refuses a cosine classifier`, () => {
      refused(
        new RegExp(
          `teacher\\.loss\\.name is "${name}", which needs a linear classifier: set teacher\\.model\\.cosine=false`,
        ),
        `loss.name=${name}`,
      );
    });

  for (const name of ['paco', 'glmc'])
    test(`with ${name} refuses re-weighting`, () => {
      const message = /which balances the classes by itself: set teacher\.drw\.epoch=null/;
      refused(message, `loss.name=${name}`, 'model.cosine=false');
    });

  test('refuses SAM with accumulated batches', () => {
    refused(/teacher\.sam\.rho is 0\.1 and teacher\.accumulation is 2/, 'accumulation=2');
  });
});
