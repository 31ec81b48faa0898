/** `analyzeRun()` of tiny trained models, against what their training measured and against the measures by themselves. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { runFoldersIn } from '../src/analysis/compared-runs.js';
import { readAnalysis } from '../src/analysis/run/analysis-file.js';
import { analyzeRun } from '../src/analysis/run/analyze-run.js';
import { openSubject } from '../src/analysis/run/subject.js';
import { balancedSample, openTeacher, teacherStage } from '../src/analysis/run/teacher-stage.js';
import { openClassifier } from '../src/classifier/classifier.js';
import { analysisText } from '../src/cli/analysis-text.js';
import { Loader } from '../src/data/loader.js';
import { openPixels } from '../src/data/open-pixels.js';
import { attentionDistances, rankOf, singularValues } from '../src/index.js';
import type { VisionTransformer } from '../src/models/vit.js';
import { readPredictions } from '../src/runs/predictions.js';
import { silentReporter } from '../src/runs/reporter.js';
import { type FinalEvaluation, RunFolder, readRunConfig } from '../src/runs/run-folder.js';
import { trainAll, trainVit } from '../src/training/train.js';
import { assertClose } from './helpers/golden-files.js';
import { deitLt } from './helpers/standing-process.js';
import { reporting, tinyDataset, tinyRecipe } from './training-tiny.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-analysis-'));
const dataset = tinyDataset();
const [teacher, student] = ['teacher', 'student'].map((name) => path.join(folder, name)) as [string, string];

/** All tensors that `of` makes of the test images, in one batch. */
async function ofImages<T>(of: (model: VisionTransformer, images: torch.Tensor) => T): Promise<T> {
  using classifier = await openClassifier(student);
  const { images, labels } = dataset.test!;
  await using source = openPixels(images);
  const ids = Int32Array.from(labels, (_, i) => i);
  const loader = new Loader({ source, labels, pipeline: classifier.pipeline, ids, batchSize: ids.length });
  for await (using batch of loader) return torch.noGrad(() => of(classifier.model as VisionTransformer, batch.images));
  return assert.fail('no batch');
}

suite('analyzeRun()', { timeout: 120_000 }, () => {
  before(async () => {
    await trainAll({ dataset, recipe: tinyRecipe('student.epochs=2', 'teacher.epochs=2'), folder });
    for (const run of runFoldersIn(folder)) await analyzeRun(run, dataset, { batchSize: 8 });
  });
  after(() => rmSync(folder, { recursive: true }));

  test('finds the accuracies and the cosine of the evaluation', () => {
    const { outputs, cosineDistance, data } = readAnalysis(student)!;
    const run = new RunFolder(student);
    const evaluation = JSON.parse(readFileSync(run.evaluationFile, 'utf8')) as FinalEvaluation;
    for (const output of ['cls', 'dist', 'avg'] as const) {
      const [found, expected] = [outputs[output]!, evaluation[output]!];
      const { top5: _, confusion: __, loss: ___, ...figures } = expected;
      assert.deepEqual(found.accuracy, figures, output);
    }
    assertClose(cosineDistance!.all!, 1 - evaluation.expertCosine!, { atol: 1e-5 }, 'cosine distance');
    const { imagesSha256, split } = readPredictions(
      run.predictionsFile,
      readRunConfig(student).data.classNames.length,
    )!;
    assert.deepEqual([data.imagesSha256, data.split, data.images], [imagesSha256, split, 30]);
  });

  test('finds the attention distances and ranks of the whole set, though it works in batches', async () => {
    const { attention, ranks } = readAnalysis(student)!;
    const { grid, patchSize } = attention!;
    assert.deepEqual([grid, patchSize], [[2, 2], 8]);
    const expected = await ofImages((model, images) =>
      torch.tidy(() => ({
        distances: model
          .attentionMaps(images)
          .map((map) => attentionDistances(map, { grid, patchSize, prefixTokens: 2 }).renormalised.mean(0).toArray()),
        ranks: model
          .blockTokens(images)
          .flatMap((tokens) => [0, 1].map((token) => rankOf(singularValues(tokens.select(1, token))))),
      })),
    );
    attention!.renormalised.flat().forEach((distance, i) => {
      assertClose(distance, expected.distances.flat()[i] as number, { rtol: 1e-5 }, `head ${i}`);
    });
    const all = ranks!.filter(({ group }) => group === 'all').map(({ rank }) => rank);
    assert.deepEqual(all, expected.ranks);
  });

  test('evaluates the teacher on clean, augmented and mixed images, and measures its sharpness', () => {
    const { teacher: asked, gallery } = readAnalysis(student)!;
    const counts = (['clean', 'augmented', 'mixed'] as const).map((view) => asked![view]!.all!.images);
    assert.equal(new Set(counts).size, 1);
    assert.equal(asked!.clean.all!.asWhenClean, 1);
    const entropies = (['clean', 'augmented', 'mixed'] as const).map((view) => asked![view]!.all!.entropy);
    assert.equal(new Set(entropies).size, 3);
    assert.ok(
      entropies.every((entropy) => entropy > 0 && entropy <= Math.log(10)),
      entropies.join(),
    );
    assert.ok(gallery.every(({ guesses, maps }) => guesses.teacher !== undefined && maps.dist!.length === 4));
    const { sharpness } = readAnalysis(teacher)!;
    assert.ok(sharpness!.samGap > 0 && Number.isFinite(sharpness!.largestEigenvalue), JSON.stringify(sharpness));
  });

  test('shows images as pictures that belong to their classes', () => {
    const { gallery, confused } = readAnalysis(student)!;
    for (const { image, label, picture } of [...gallery, ...confused.flatMap(({ examples }) => examples)]) {
      assert.equal(label, dataset.test!.labels[image]);
      assert.match(picture, /^data:image\/png;base64,/);
    }
    for (const { class: c, examples } of confused) assert.ok(examples.every(({ label }) => label === c));
  });

  test('resumes where it was stopped, to the same file', async () => {
    const file = path.join(student, 'analysis.json');
    const whole = readFileSync(file, 'utf8');
    rmSync(file);
    const controller = new AbortController();
    const stop = reporting({ progress: (_, done) => done >= 16 && controller.abort(new Error('enough')) });
    const { signal } = controller;
    await assert.rejects(analyzeRun(student, dataset, { batchSize: 8, reporter: stop, signal }), /enough/);
    assert.ok(!existsSync(file));
    const notes: string[] = [];
    const reporter = { ...silentReporter, note: (line: string) => void notes.push(line) };
    await analyzeRun(student, dataset, { batchSize: 8, reporter });
    assert.equal(readFileSync(file, 'utf8'), whole);
    assert.ok(
      notes.some((note) => /resumes after image 16 of 30/.test(note)),
      notes.join(),
    );
    assert.deepEqual(
      readdirSync(student).filter((name) => name.includes('partial')),
      [],
    );
  });

  test('stops while the teacher is evaluated', async () => {
    await using subject = await openSubject(student, dataset);
    using asked = await openTeacher(subject);
    const controller = new AbortController();
    setImmediate(() => controller.abort(new Error('enough')));
    await assert.rejects(teacherStage(subject, asked!, controller.signal), /enough/);
  });

  test('begins again when what is left is of other work, or damaged', async () => {
    writeFileSync(path.join(student, 'analysis.partial.safetensors'), 'nothing');
    const { imagesPerSecond } = await analyzeRun(student, dataset, { batchSize: 8 });
    assert.ok(imagesPerSecond! > 0);
  });

  test('does not resume with averaged weights where the others of the same checkpoint were stopped', async () => {
    const averaged = { batchSize: 8, weights: 'ema' } as const;
    const { analysis: whole } = await analyzeRun(student, dataset, averaged);
    const controller = new AbortController();
    const stop = reporting({ progress: (_, done) => done >= 16 && controller.abort(new Error('enough')) });
    const others = { batchSize: 8, weights: 'raw', reporter: stop, signal: controller.signal } as const;
    await assert.rejects(analyzeRun(student, dataset, others), /enough/);
    assert.deepEqual((await analyzeRun(student, dataset, averaged)).analysis, whole);
  });

  test('reports when the training images differ, and refuses other classes', async () => {
    const fewer = { ...dataset, train: { ...dataset.train, labels: dataset.train.labels.map((label) => 9 - label) } };
    const { analysis } = await analyzeRun(student, fewer, { batchSize: 8 });
    assert.match(analysis.notes.join(), /are not those that the model was trained on/);
    const renamed = { ...dataset, classNames: dataset.classNames.map((name) => `${name}s`) };
    await assert.rejects(analyzeRun(student, renamed), { code: 'DATA_CLASSES' });
  });

  test('of an earlier version keeps what is of single classes and of all images', () => {
    const analysis = JSON.parse(readFileSync(path.join(student, 'analysis.json'), 'utf8'));
    const byGroup = { all: 0.6, head: 0.9, mid: 0.5, tail: 0.1 };
    const { accuracy: _, ...rest } = analysis.outputs.avg;
    const { accuracy: __, ...asked } = analysis.teacher;
    const older = {
      ...{ ...analysis, format: 'deit-lt analysis 1', teacher: asked },
      outputs: { avg: { ...rest, accuracy: byGroup, perClass: [0.5, null] } },
    };
    writeFileSync(path.join(folder, 'analysis.json'), JSON.stringify(older));
    const { outputs, teacher: read, format } = readAnalysis(folder)!;
    const { overall, head, balanced, perClass } = outputs.avg.accuracy;
    assert.deepEqual([format, overall, head, balanced, perClass], ['deit-lt analysis 2', 60, null, null, [50, null]]);
    assert.equal(read!.accuracy.clean!.overall, 100 * asked.clean.all.right);
    rmSync(path.join(folder, 'analysis.json'));
  });

  test('calls a network without a teacher a plain ViT only when it is one', async () => {
    const out = path.join(folder, 'plain');
    const recipe = tinyRecipe('student.epochs=1', 'student.model={ replace: true, name: resnet20 }');
    await trainVit({ dataset, recipe, folder: out });
    const { analysis, name } = await analyzeRun(out, dataset, { batchSize: 8 });
    assert.match(analysisText(analysis, out, name), /^plain network .*plain: epoch 1, /);
    rmSync(out, { recursive: true });
  });

  test('explains what to do about a file that is not an analysis', () => {
    writeFileSync(path.join(folder, 'analysis.json'), '{}');
    assert.throws(() => readAnalysis(folder), {
      code: 'RUN_FOLDER',
      message: /Remove it and run "(npx )?deit-lt analyze" again/,
    });
    rmSync(path.join(folder, 'analysis.json'));
  });
});

suite('balancedSample()', () => {
  test('has all of the small classes and as many of the large ones', () => {
    const labels = Int32Array.from({ length: 1010 }, (_, i) => (i < 1000 ? 0 : 1));
    const sample = balancedSample(labels, 2, 0);
    assert.equal(sample.filter((id) => labels[id] === 1).length, 10);
    assert.equal(sample.length, 266);
    assert.equal(new Set(sample).size, sample.length);
  });
});

suite('deit-lt analyze', () => {
  test('of a folder that is none says so', () => {
    const { status, stderr } = deitLt(['analyze', 'nowhere', '--data', 'shapes']);
    assert.equal(status, 1);
    assert.match(stderr, /nowhere does not exist; expected a run folder/);
    assert.match(deitLt(['analyze', 'nowhere']).stderr, /--data is missing/);
  });
});
