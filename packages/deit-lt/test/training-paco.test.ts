/** Trainings of a PaCo teacher: what is in its checkpoints, how it goes on, and that a student can learn from it. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { openClassifier } from '../src/training/classifier.js';
import { RunFolder } from '../src/training/run-folder.js';
import { type TrainOptions, trainStudent, trainTeacher } from '../src/training/train.js';
import { abortAt, assertSameRun } from './helpers/same-run.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { atBatch, tinyDataset, tinyRecipe } from './training-tiny.js';

const settings = ['loss={replace: true, name: paco}', 'model.cosine=false', 'drw.epoch=null', 'paco.queue=30'];

function optionsFor(t: TestContext, ...more: string[]): TrainOptions {
  const recipe = tinyRecipe(...[...settings, ...more].map((pair) => `teacher.${pair}`), 'student.epochs=1');
  return { dataset: tinyDataset(), recipe, folder: path.join(temporaryFolder(t), 'run') };
}

const namesIn = (file: string): string[] => {
  using opened = torch.safetensors.open(file);
  return [...opened.names];
};

suite('a PaCo training', () => {
  for (const variant of ['paco', 'gpaco'] as const)
    test(`(${variant}) that was stopped goes on to the same bits, queue and key encoder too`, async (t) => {
      const whole = optionsFor(t, `paco.variant=${variant}`, 'paco.batchNormParts=2');
      const stopped = { ...whole, folder: `${whole.folder}-stopped` };
      await trainTeacher(whole);
      await assert.rejects(trainTeacher({ ...stopped, ...abortAt((act) => atBatch(1, 2, act)) }), {
        code: 'INTERRUPTED',
      });
      await trainTeacher({ ...stopped, resume: true });
      assertSameRun(stopped.folder, whole.folder);
      const names = namesIn(new RunFolder(whole.folder).checkpoint('last'));
      for (const part of ['queue.embeddings', 'queue.labels', 'queue.next', 'head.0.weight'])
        assert.ok(names.includes(`companion.${part}`), part);
      assert.equal(names.includes('companion.key_encoder.conv1.weight'), variant === 'paco');
    });

  test('leaves query encoder and classifier in `best`, which predict and teach', async (t) => {
    const options = optionsFor(t, 'epochs=1');
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

  test('refuses values that have no meaning with it', () => {
    assert.throws(() => tinyRecipe('teacher.loss.name=paco', 'teacher.drw.epoch=null'), {
      code: 'RECIPE',
      message: /teacher\.loss\.name is "paco", which needs a linear classifier: set teacher\.model\.cosine=false/,
    });
    assert.throws(() => tinyRecipe('teacher.loss.name=paco', 'teacher.model.cosine=false'), {
      code: 'RECIPE',
      message: /teacher\.loss\.name is "paco", which balances the classes by itself: set teacher\.drw\.epoch=null/,
    });
  });
});
