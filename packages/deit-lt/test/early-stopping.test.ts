/** Early stopping on the validation images: when a training ends, what it says, what it keeps, and that it resumes. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, test } from 'node:test';
import { loadRecipe } from '../src/recipe/load.js';
import { completeOlder } from '../src/recipe/older.js';
import type { Recipe } from '../src/recipe/schema.js';
import { RunFolder } from '../src/runs/run-folder.js';
import { FollowedRun } from '../src/studio/followed-run.js';
import { afterEvaluation } from '../src/training/early-stopping.js';
import { trainVit } from '../src/training/train.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { reporting, tinyDataset, tinyRecipe } from './training-tiny.js';

interface Evaluation {
  readonly epoch: number;
  readonly score: number;
  readonly counts: boolean;
}

/** The epoch after which scores of each epoch end a training, from 1; undefined where they do not. */
function endOf(
  scores: readonly number[],
  settings: { patience: number; minDelta: number },
  counts = (_epoch: number) => true,
): number | undefined {
  let state: ReturnType<typeof afterEvaluation> | undefined;
  for (const [epoch, score] of scores.entries()) {
    const evaluation: Evaluation = { epoch, score, counts: counts(epoch) };
    state = afterEvaluation(settings, state, evaluation);
    if (state.ended) return epoch + 1;
  }
  return undefined;
}

suite('afterEvaluation()', () => {
  // keras 3.15.1, EarlyStopping(mode="max", patience, min_delta) on the same scores, ends after these epochs.
  test('ends where Keras ends', () => {
    assert.equal(endOf([10, 20, 20, 20, 30], { patience: 2, minDelta: 0 }), 4);
    assert.equal(endOf([10, 20, 19, 21, 20, 21], { patience: 2, minDelta: 0 }), 6);
    assert.equal(endOf([10, 11, 12, 13, 14], { patience: 2, minDelta: 0 }), undefined);
    assert.equal(endOf([10, 10.5, 11, 11.4, 11.9], { patience: 2, minDelta: 1 }), 3);
    assert.equal(endOf([10, 10.5, 11.5, 12, 12.4], { patience: 2, minDelta: 1 }), 5);
  });

  test('counts epochs between rare evaluations', () => {
    const settings = { patience: 4, minDelta: 0 };
    const first = afterEvaluation(settings, undefined, { epoch: 4, score: 50, counts: true });
    const second = afterEvaluation(settings, first, { epoch: 9, score: 49, counts: true });
    assert.deepEqual(second, { epoch: 4, score: 50, ended: true });
  });

  test('begins with the first re-weighted epoch, and compares with what came before', () => {
    const settings = { patience: 2, minDelta: 0 };
    assert.equal(
      endOf([50, 49, 48, 47, 46, 49, 51], settings, (epoch) => epoch >= 5),
      undefined,
    );
    assert.equal(
      endOf([50, 49, 48, 47, 46, 49, 50], settings, (epoch) => epoch >= 5),
      7,
    );
  });
});

suite('a training with early stopping', { timeout: 120_000 }, () => {
  // Nothing is learned at this rate, so the first evaluation stays the best.
  const still = (...more: readonly string[]): Recipe =>
    tinyRecipe(
      'student.epochs=9',
      'student.optimizer.lr=1e-30',
      'student.schedule={ name: constant, warmupEpochs: 0 }',
      'student.ema=null',
      'student.weights=raw',
      'student.drw.epoch=null',
      'data.validation=0.3',
      'evaluation.earlyStopping={ patience: 3 }',
      ...more,
    );

  test('ends, says why, counts as finished, and is not trained again when it resumes', async (t) => {
    const folder = path.join(temporaryFolder(t), 'run');
    const notes: string[] = [];
    const starts: unknown[] = [];
    const reporter = reporting({
      note: (...lines) => void notes.push(...lines),
      start: ({ epochs, resumedAt }) => void starts.push({ epochs, resumedAt }),
    });
    const run = { dataset: tinyDataset(), recipe: still(), folder, reporter };
    const { evaluation } = await trainVit(run);
    const epochs = () => new RunFolder(folder).readMetrics().length;
    assert.equal(epochs(), 4, 'one best epoch and three that are no better');
    assert.match(
      notes.at(-1)!,
      /^vit: ended after 4 of 9 epochs, because the mean of the class accuracies on the validation images had not risen for 3 epochs \(evaluation\.earlyStopping\); the best was [\d.]+ % after epoch 1$/,
    );
    const followed = new FollowedRun('x', folder);
    followed.look(Date.now());
    assert.deepEqual([followed.view?.state, followed.view?.epochs], ['finished', 4]);
    const again = await trainVit({ ...run, resume: true });
    assert.equal(epochs(), 4);
    assert.equal(again.evaluation?.avg.overall, evaluation?.avg.overall);
    assert.deepEqual(starts.at(-1), { epochs: 4, resumedAt: { epoch: 4, batch: 0 } });
  });

  test('keeps its count when it resumes', async (t) => {
    const folder = path.join(temporaryFolder(t), 'run');
    const run = { dataset: tinyDataset(), recipe: still(), folder };
    const stop = new AbortController();
    const stopping = reporting({ step: ({ epoch, batch }) => void (epoch === 2 && batch === 1 && stop.abort()) });
    await assert.rejects(trainVit({ ...run, reporter: stopping, signal: stop.signal }), { code: 'INTERRUPTED' });
    await trainVit({ ...run, resume: true });
    assert.equal(new RunFolder(folder).readMetrics().length, 4);
  });

  test('trains to its re-weighted epochs, however long the accuracy stands', async (t) => {
    const folder = path.join(temporaryFolder(t), 'run');
    const recipe = still('student.drw.epoch=5', 'student.clsReweight=drw', 'evaluation.earlyStopping.patience=1');
    await trainVit({ dataset: tinyDataset(), recipe, folder });
    const records = new RunFolder(folder).readMetrics();
    assert.deepEqual([records.length, records.at(-1)?.drw], [6, true]);
  });

  test('is refused without validation images that choose the best epoch', () => {
    for (const select of ['last', 'test'])
      assert.throws(() => tinyRecipe('evaluation.earlyStopping={}', `evaluation.select=${select}`), {
        code: 'RECIPE',
        message: new RegExp(
          `evaluation\\.select is "${select}": set evaluation\\.select=validation and data\\.validation=0\\.1`,
        ),
      });
    assert.throws(() => tinyRecipe('evaluation.earlyStopping.patience=0'), { code: 'RECIPE', message: /patience/ });
    assert.throws(() => tinyRecipe('evaluation.earlyStopping=5'), { code: 'RECIPE', message: /earlyStopping/ });
  });

  test('is off in the recipes of earlier versions and in published ones', () => {
    const { earlyStopping: _, ...evaluation } = loadRecipe('cifar10-lt-100').evaluation;
    const older = { ...loadRecipe('cifar10-lt-100'), evaluation } as unknown as Recipe;
    assert.equal(completeOlder(older).evaluation.earlyStopping, null);
    assert.equal(loadRecipe('imagenet-lt').evaluation.earlyStopping, null);
  });
});
