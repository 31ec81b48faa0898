/**
 * The same figures of the same run wherever they are shown: of a student whose classes are in another order than its
 * teacher's and than those of the folder that it is measured on, on oblong images, with test classes of unequal sizes.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import sharp from 'sharp';
import { bySeed, findModels } from '../src/analysis/compared-runs.js';
import { compareRuns } from '../src/analysis/comparison.js';
import { readAnalysis } from '../src/analysis/run/analysis-file.js';
import { analyzeRun } from '../src/analysis/run/analyze-run.js';
import { openClassifier } from '../src/classifier/classifier.js';
import type { Dataset } from '../src/data/dataset.js';
import { openDataset } from '../src/data/open.js';
import { prepareData } from '../src/data/prepare-data.js';
import { drawShapes } from '../src/data/shapes/index.js';
import { type AccuracyName, accuracyNames } from '../src/evaluation/class-figures.js';
import { evaluate } from '../src/evaluation/evaluate.js';
import { accuracyCells } from '../src/evaluation/figure-text.js';
import { modelCard } from '../src/export/model-card.js';
import { makeReport } from '../src/report/report.js';
import { readRuns } from '../src/report/report-run.js';
import { outputNames } from '../src/runs/predictions.js';
import { RunFolder } from '../src/runs/run-folder.js';
import { FollowedRun } from '../src/studio/followed-run.js';
import { trainStudent, trainTeacher } from '../src/training/train.js';
import { assertClose } from './helpers/golden-files.js';
import { deitLt } from './helpers/standing-process.js';
import { recording, tinyRecipe } from './training-tiny.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-figures-'));
const at = (name: string): string => path.join(folder, name);
/** Of the drawn classes, in their order; the folder's is by name. */
const counts = { train: [5, 12, 7, 3, 11, 9, 4, 10, 6, 8], test: [7, 1, 5, 2, 6, 3, 4, 1, 7, 2] };

/** The first images of each class, twice as wide as high. */
async function writeImages(): Promise<void> {
  const drawn = drawShapes({ trainPerClass: 12, testPerClass: 7, size: 16 });
  for (const split of ['train', 'test'] as const) {
    const { images, labels } = drawn[split]!;
    if (images.kind !== 'memory') throw new Error('expected drawn images');
    for (const [i, label] of labels.entries()) {
      if (Math.floor(i / 10) >= counts[split][label]!) continue;
      const place = path.join(at('images'), split, drawn.classNames[label]!);
      mkdirSync(place, { recursive: true });
      const pixels = images.pixels.subarray(i * 768, (i + 1) * 768);
      const image = sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } });
      await image.resize(32, 16, { fit: 'fill' }).toFile(path.join(place, `${i}.png`));
    }
  }
}

/** The same data with the classes the other way round. */
function reversed({ classNames, train, test: tested, ...rest }: Dataset): Dataset {
  const other = ({ images, labels }: Dataset['train']) => ({ images, labels: labels.map((c) => 9 - c) });
  return { ...rest, classNames: classNames.toReversed(), train: other(train), test: other(tested!) };
}

const settings = ['data.imbalance=null', 'data.validation=0', 'data.groups=cifar10-lt', 'evaluation.select=last'];
const common = ['teacher.epochs=1', 'teacher.drw.epoch=null', 'student.epochs=2', 'student.drw.epoch=null'];
const records = recording();

suite('figures of a run', { timeout: 120_000 }, () => {
  let dataset: Dataset;
  let evaluated: Record<'avg' | 'cls' | 'dist', Record<string, unknown>> & Record<string, unknown>;
  before(async () => {
    await writeImages();
    dataset = await openDataset(at('images'));
    const recipe = tinyRecipe(...settings, ...common);
    await trainTeacher({ dataset, recipe, folder: at('teacher') });
    const sorted = tinyRecipe(...settings, ...common, 'data.classOrder=count', 'student.distillation.mapTargets=names');
    await trainStudent({
      ...{ dataset: reversed(dataset), recipe: sorted, reporter: records },
      ...{ teacher: at('teacher'), folder: at('student') },
    });
    const { status, stdout, stderr } = deitLt(['eval', at('student'), '--data', at('images'), '--json']);
    assert.equal(status, 0, stderr);
    evaluated = JSON.parse(stdout);
    await analyzeRun(at('student'), dataset);
  });
  after(() => rmSync(folder, { recursive: true }));

  const run = new RunFolder(at('student'));
  const pick = (figures: object | undefined) =>
    Object.fromEntries(accuracyNames.map((name) => [name, (figures as Record<AccuracyName, number | null>)[name]]));

  test('are of three orders of classes, and of classes without a common size', () => {
    const { classNames } = readRuns([run.folder])[0]!.config.data;
    assert.notDeepEqual(classNames, dataset.classNames);
    assert.notDeepEqual(classNames, dataset.classNames.toReversed());
    const { avg } = evaluated as { avg: Record<AccuracyName, number> };
    assert.equal(new Set([avg.balanced, avg.overall, avg.head]).size, 3, 'equal figures would show nothing');
  });

  test('by eval are those of the training’s last evaluation', () => {
    const { classNames, avg } = run.readEvaluation()!;
    assert.deepEqual(evaluated.classes, classNames);
    for (const output of outputNames) assert.deepEqual(pick(evaluated[output]), pick(run.readEvaluation()![output]));
    const { perClass, imagesPerClass } = avg;
    assert.deepEqual([evaluated.avg.perClass, evaluated.imagesPerClass], [perClass, imagesPerClass]);
    const sizes = Object.fromEntries(classNames!.map((name, c) => [name, imagesPerClass![c]]));
    const shapes = drawShapes({ trainPerClass: 1, testPerClass: 1, size: 16 }).classNames;
    assert.deepEqual(sizes, Object.fromEntries(shapes.map((name, c) => [name, counts.test[c]])));
  });

  test('in the training log are of the same weights at the last epoch', () => {
    const { emaEvaluation } = records.records.at(-1)!;
    assert.deepEqual(pick(emaEvaluation!.avg), pick(evaluated.avg));
    const logged = readFileSync(run.metricsFile, 'utf8').trim().split('\n').at(-1)!;
    assert.deepEqual(pick(JSON.parse(logged).emaEvaluation.avg), pick(evaluated.avg));
    assert.ok(!/imagesPerClass|classNames|confusion/.test(logged), 'what each epoch would repeat');
  });

  test('by analyze are the same, class by class', () => {
    const { outputs, data } = readAnalysis(run.folder)!;
    assert.deepEqual(data.classNames, evaluated.classes);
    for (const output of outputNames) {
      assert.deepEqual(pick(outputs[output]!.accuracy), pick(evaluated[output]), output);
      assert.deepEqual(outputs[output]!.accuracy.perClass, evaluated[output].perClass);
    }
  });

  test('by compare are the same, with the same intervals', () => {
    const { rows } = compareRuns(bySeed(findModels([run.folder]).models));
    for (const { output, figures } of rows)
      for (const name of accuracyNames) {
        const { value, low, high } = figures[name]!;
        const intervals = evaluated[output].intervals as Record<AccuracyName, { low: number; high: number }>;
        assert.equal(value, evaluated[output][name], `${output} ${name}`);
        assert.deepEqual({ low, high }, intervals[name]);
      }
  });

  test('by the studio are the same, while it trains and afterwards', () => {
    const look = (): object | undefined => new FollowedRun('student', run.folder).look(Date.now())?.view.figures;
    assert.deepEqual(pick(look()), pick(evaluated.avg));
    const kept = readFileSync(run.evaluationFile);
    rmSync(run.evaluationFile);
    assert.deepEqual(pick(look()), pick(evaluated.avg));
    writeFileSync(run.evaluationFile, kept);
  });

  test('in a report and a model card are printed alike, with the warning', async () => {
    const report = await makeReport(readRuns([run.folder]), { resamples: 100 });
    const text = report.html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
    const warning =
      'Warning: 10 of 10 classes have fewer than 20 test images (the fewest: 1), so the accuracies are uncertain';
    const evaluation = run.readEvaluation()!;
    const cells = accuracyCells(evaluation.avg);
    assert.ok(text.includes(`average ${cells.join(' ').replace(/\[([\d.]+), ([\d.]+)\]/g, '$1 – $2')}`), cells.join());
    assert.ok(text.includes(warning));
    using classifier = await openClassifier(run.folder);
    const card = modelCard({ classifier, dataName: 'shapes', evaluation, checks: new Map() });
    assert.ok(card.includes(`| | balanced | overall | head | mid | tail |\n| --- | --- | --- | --- | --- | --- |`));
    assert.ok(card.includes(`| average | ${cells.join(' | ')} |`) && card.includes(warning), card);
  });

  test('by the command line have the explanation and the warning', () => {
    const { stdout } = deitLt(['eval', run.folder, '--data', at('images')]);
    assert.match(stdout, /balanced +overall +head +mid +tail +top-5\n/);
    const cells = accuracyCells(run.readEvaluation()!.dist!).join(' ');
    assert.ok(stdout.replace(/ +/g, ' ').includes(`student DIST ${cells} `), stdout);
    assert.match(stdout, /\(balanced: mean over the classes; overall: share of the images; /);
    assert.match(stdout, /Warning: 10 of 10 classes have fewer than 20 test images \(the fewest: 1\)/);
  });

  test('of the teacher equal those of its own evaluation, though it numbers the classes differently', async () => {
    using teacher = await openClassifier(at('teacher'));
    const { train, classNames, groups } = prepareData(dataset, tinyRecipe(...settings));
    await using _ = train.source;
    const result = await evaluate({
      ...{ ...train, groups, outputClasses: classNames, pipeline: teacher.pipeline, batchSize: 64 },
      logits: (images) => teacher.logits(images),
    });
    const { accuracy, images } = readAnalysis(run.folder)!.teacher!;
    assert.equal(images, train.labels.length, 'all training images are asked about');
    for (const name of accuracyNames) assertClose(accuracy.clean![name]!, result.avg[name]!, { atol: 1e-9 }, name);
  });
});
