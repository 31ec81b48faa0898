/** Which images are trained on, which choose the best epoch, and by which rule it is chosen. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { openClassifier } from '../src/classifier/classifier.js';
import { classCounts, type Dataset, subset } from '../src/data/dataset.js';
import { prepareData, type TrainingData } from '../src/data/prepare-data.js';
import { RunFolder } from '../src/runs/run-folder.js';
import { trainAll, trainTeacher, trainVit } from '../src/training/train.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { recording, tinyDataset, tinyRecipe } from './training-tiny.js';

/** Training images of the first classes: 12, 3, 2, 1 and none. */
function uneven(): Dataset {
  const { train, ...rest } = tinyDataset();
  const counts = [12, 3, 2, 1];
  const seen = new Int32Array(10);
  const ids = Int32Array.from(
    [...train.labels.keys()].filter((id) => seen[train.labels[id]!]!++ < (counts[train.labels[id]!] ?? 0)),
  );
  return { ...rest, train: subset(train, ids) };
}

const asItIs = 'data.imbalance=null';
const countsOf = (split: { labels: Int32Array } | undefined): number[] => [...classCounts(split!.labels, 10)];

suite('prepareData()', () => {
  test('sets a share of each class aside, at least one image where there are two', () => {
    const data = prepareData(uneven(), tinyRecipe(asItIs, 'data.validation=0.25'));
    assert.deepEqual(countsOf(data.validation).slice(0, 5), [3, 1, 1, 0, 0]);
    assert.deepEqual([...data.trainCounts].slice(0, 5), [9, 2, 1, 1, 0]);
    assert.deepEqual(countsOf(data.train), [...data.trainCounts]);
    assert.equal(data.test!.labels.length, 30);
  });

  test('sets the same images aside for teacher and student, others for another seed', async () => {
    const aside = async (...settings: string[]): Promise<Buffer> => {
      const { validation } = prepareData(tinyDataset(), tinyRecipe(...settings));
      const { source, labels } = validation!;
      const ids = Int32Array.from(labels.keys());
      const windows = Array.from(ids, () => ({ x: 0, y: 0, width: 16, height: 16, flip: false }));
      using pixels = await source.read(ids, windows, 16, 'bilinear');
      return Buffer.from(pixels.contiguous().toTypedArray<'float32'>().buffer);
    };
    const first = await aside();
    assert.ok((await aside('student.epochs=9', 'evaluation.select=test')).equals(first));
    assert.ok(!(await aside('seed=1')).equals(first));
  });

  test('gives groups of the training images before any is set aside', () => {
    const half = prepareData(uneven(), tinyRecipe(asItIs, 'data.validation=0.5', 'data.groups=count'));
    const none = prepareData(
      uneven(),
      tinyRecipe(asItIs, 'data.validation=0', 'evaluation.select=last', 'data.groups=count'),
    );
    assert.deepEqual(half.groups, none.groups);
    assert.equal(none.validation, undefined);
  });

  test('has a fingerprint of the images that are trained on', () => {
    const of = (data: Dataset, ...settings: string[]): string => prepareData(data, tinyRecipe(...settings)).fingerprint;
    const { train, ...rest } = tinyDataset();
    const relabelled = { ...rest, train: { ...train, labels: train.labels.map((label) => 9 - label) } };
    const all = [
      of(tinyDataset()),
      of(tinyDataset(), 'seed=1'),
      of(tinyDataset(), 'data.imbalance=2'),
      of(relabelled),
      of(uneven(), asItIs),
    ];
    assert.equal(new Set(all).size, all.length);
    assert.equal(of(tinyDataset()), all[0]);
    assert.equal(of(tinyDataset(), 'student.epochs=9'), all[0]);
  });

  test('refuses what cannot choose an epoch', () => {
    const prepare = (data: Dataset, ...settings: string[]): TrainingData => prepareData(data, tinyRecipe(...settings));
    assert.throws(() => prepare(tinyDataset(), 'data.validation=0'), {
      code: 'RECIPE',
      message: /data\.validation is 0: .*--set evaluation\.select=last/,
    });
    const { test: _, ...untested } = tinyDataset();
    assert.throws(() => prepare(untested, 'evaluation.select=test'), {
      code: 'DATA_LAYOUT',
      message: /no test images/,
    });
    const single = {
      ...untested,
      train: subset(
        untested.train,
        Int32Array.from({ length: 10 }, (__, i) => i),
      ),
    };
    assert.throws(() => prepare(single, asItIs), {
      code: 'DATA_CLASSES',
      message: /no class of shapes has two training images/,
    });
    assert.equal(prepare(single, asItIs, 'evaluation.select=last').validation, undefined);
  });
});

suite('the best epoch', () => {
  const evaluated = async (folder: string) => {
    using classifier = await openClassifier(folder);
    const written = JSON.parse(readFileSync(new RunFolder(folder).evaluationFile, 'utf8')) as {
      epoch: number;
      split: string;
    };
    assert.equal(written.epoch, classifier.epoch);
    return written;
  };
  /** The first of the largest. */
  const bestOf = (scores: readonly (number | null)[]): number =>
    scores.indexOf(Math.max(...scores.map((score) => score ?? -1)));

  test('has the highest mean of the class accuracies on the validation images, of the averaged weights where they count', async (t) => {
    const folder = temporaryFolder(t);
    const reporter = recording();
    const recipe = tinyRecipe('teacher.epochs=4', 'student.epochs=4', 'data.validation=0.3');
    await trainAll({ dataset: tinyDataset(), recipe, folder, reporter });
    const [teacher, student] = [reporter.records.slice(0, 4), reporter.records.slice(4)];
    assert.ok(reporter.records.every(({ evaluatedOn }) => evaluatedOn === 'validation'));
    const teacherBest = await evaluated(path.join(folder, 'teacher'));
    assert.equal(teacherBest.epoch, bestOf(teacher.map(({ evaluation }) => evaluation!.avg.balanced)));
    const studentBest = await evaluated(path.join(folder, 'student'));
    assert.equal(studentBest.epoch, bestOf(student.map(({ emaEvaluation }) => emaEvaluation!.avg.balanced)));
    assert.equal(studentBest.split, 'test');
  });

  test('with select "test" has the highest overall accuracy on the test images, which is the reported one', async (t) => {
    const folder = path.join(temporaryFolder(t), 'run');
    const reporter = recording();
    const recipe = tinyRecipe('teacher.epochs=4', 'evaluation.select=test');
    const { evaluation } = await trainTeacher({ dataset: tinyDataset(), recipe, folder, reporter });
    const scores = reporter.records.map((record) => record.evaluation!.avg.overall);
    assert.ok(reporter.records.every(({ evaluatedOn }) => evaluatedOn === 'test'));
    const { epoch, ...written } = await evaluated(folder);
    assert.equal(epoch, bestOf(scores));
    assert.equal(evaluation!.avg.overall, Math.max(...scores));
    assert.deepEqual(written, { split: 'test', checkpoint: 'best', ...evaluation });
    assert.equal(
      evaluation!.avg.confusion!.flat().reduce((a, b) => a + b),
      30,
    );
  });

  test('with select "last" is the last epoch, and needs no validation images', async (t) => {
    const folder = path.join(temporaryFolder(t), 'run');
    const { test: _, ...dataset } = tinyDataset();
    const recipe = tinyRecipe('student.epochs=2', 'evaluation.select=last', 'data.validation=0');
    const { evaluation } = await trainVit({ dataset, recipe, folder });
    assert.equal(evaluation, undefined);
    using classifier = await openClassifier(folder);
    assert.deepEqual([classifier.epoch, classifier.kind], [1, 'vit']);
    using logits = torch.tidy(() => classifier.logits(torch.zeros([2, 3, 16, 16])).avg);
    assert.deepEqual(logits.shape, [2, 10]);
  });
});
