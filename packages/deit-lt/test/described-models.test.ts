/** Runs with nothing at its default, through each format that `export` writes: whoever reads them has the run's model. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import sharp from 'sharp';
import { readAnalysis } from '../src/analysis/run/analysis-file.js';
import { analyzeRun } from '../src/analysis/run/analyze-run.js';
import { openAnyClassifier } from '../src/classifier/any-classifier.js';
import { modelOrder } from '../src/classifier/class-names.js';
import { type AnyClassifier, openClassifier } from '../src/classifier/classifier.js';
import { logitScale } from '../src/classifier/logit-scale.js';
import { type Dataset, subset } from '../src/data/dataset.js';
import { openPixels } from '../src/data/open-pixels.js';
import { drawShapes } from '../src/data/shapes/index.js';
import { DeitLT } from '../src/deit-lt.js';
import { evaluate } from '../src/evaluation/evaluate.js';
import type { Opinion } from '../src/evaluation/ranking.js';
import { exportHuggingFace, exportOnnx } from '../src/export/export.js';
import { exportSafetensors, exportTorch } from '../src/export/weights.js';
import { loadRuntime } from '../src/onnx/runtime.js';
import type { Values } from '../src/recipe/merge.js';
import { RunFolder, readRunConfig } from '../src/runs/run-folder.js';
import { trainStudent, trainTeacher, trainVit } from '../src/training/train.js';
import { deitLt } from './helpers/standing-process.js';
import { recording, tinyRecipe } from './training-tiny.js';

torch.setNumThreads(1);
const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-described-'));
after(() => rmSync(folder, { recursive: true }));
const at = (...names: string[]): string => path.join(folder, ...names);
const version = '0.0.0';
const skipOnnx = (await loadRuntime()) === undefined && 'no onnxruntime-node here';

/** Classes of 3 to 11 training images: in the order of their counts, they are in another order than the data's. */
function unequalDataset(): Dataset {
  const { train, ...rest } = drawShapes({ trainPerClass: 12, testPerClass: 3, size: 24 });
  const seen = new Map<number, number>();
  const ids = [...train.labels.keys()].filter((id) => {
    const label = train.labels[id]!;
    const before = seen.get(label) ?? 0;
    seen.set(label, before + 1);
    return before < 3 + ((label * 5) % 9);
  });
  return { ...rest, train: subset(train, Int32Array.from(ids)) };
}

const input = ['mean=[0.3, 0.4, 0.6]', 'std=[0.2, 0.3, 0.4]', 'filter=bilinear', 'imageSize=32', 'evalSize=40'];
const short = ['epochs=2', 'drw.epoch=null', 'schedule.milestones=[]', 'schedule.factors=[]'];
const everything = [
  'data.classOrder=count',
  'data.imbalance=null',
  'data.validation=0',
  'data.groups=count',
  'evaluation.select=last',
  'student.model={name: deit, replace: true, patchSize: 8, embedDim: 128, depth: 1, numHeads: 4, mlpRatio: 1.5, initValues: 0.5, dropPathRate: 0.2}',
  'student.multiCrop=null',
  ...['teacher', 'student'].flatMap((part) => [...input, ...short].map((each) => `${part}.${each}`)),
];

/** Trained by each kind of loss; and what their logits are multiplied by. */
const teachers: Record<string, { readonly settings: readonly string[]; readonly scale: number }> = {
  'cross-entropy': { settings: ['loss={replace: true, name: cross-entropy}', 'model.cosine=false'], scale: 1 },
  ldam: { settings: ['loss.scale=17'], scale: 17 },
  paco: {
    settings: ['loss={replace: true, name: paco}', 'model.cosine=false', 'loss.queue=30', 'loss.classTemperature=0.4'],
    scale: 2.5,
  },
  glmc: { settings: ['loss={replace: true, name: glmc}', 'model.cosine=false', 'loss.embedding=16'], scale: 1 },
};
const runs = [...Object.keys(teachers), 'student', 'vit'];
const formats = ['pth', 'safetensors', 'hub', 'onnx'] as const;

function recipeFor(name: string) {
  const { settings = [] } = teachers[name] ?? {};
  return tinyRecipe(
    ...everything,
    'teacher.model={name: resnet8, replace: true, width: 8, cosine: true}',
    ...settings.map((each) => `teacher.${each}`),
  );
}

async function trainEach(dataset: Dataset): Promise<void> {
  for (const name of Object.keys(teachers)) await trainTeacher({ dataset, recipe: recipeFor(name), folder: at(name) });
  const common = { dataset, recipe: recipeFor('ldam') };
  await trainStudent({ ...common, folder: at('student'), teacher: at('ldam') });
  await trainVit({ ...common, folder: at('vit') });
}

async function exportEach(name: string): Promise<void> {
  using model = await openClassifier(at(name));
  exportTorch(at(`${name}.pth`), model);
  exportSafetensors(at(`${name}.safetensors`), model);
  if (skipOnnx) return;
  await exportHuggingFace(at(`${name}.hub`), model, { version });
  await exportOnnx(at(`${name}.onnx`), model, { precision: 'fp32', version });
}

/** A photograph that is not square. */
async function drawPhoto(file: string, shift: number): Promise<void> {
  const [width, height] = [90, 61];
  const level = (x: number, y: number, c: number): number =>
    128 + 120 * Math.sin((x * (c + 1 + shift)) / 17 + (y * (3 - c)) / 11);
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return Math.round(level(pixel % width, Math.floor(pixel / width), i % 3));
  });
  await sharp(pixels, { raw: { width, height, channels: 3 } }).toFile(file);
}

/** As `deit-lt eval` measures it. */
async function figuresOf(classifier: AnyClassifier) {
  const order = modelOrder(classifier, dataset.classNames);
  const { test, classNames } = dataset;
  const { labels } = order.labels({ labels: test!.labels, classNames });
  const { images } = test!;
  await using source = openPixels(images);
  const { pipeline, groups, placement } = classifier;
  return evaluate({
    source,
    labels,
    classNames: order.to,
    outputClasses: order.to,
    groups,
    pipeline,
    batchSize: 16,
    device: placement.device,
    logits: (xs) => classifier.logits(xs),
  });
}

const photos = [at('a.png'), at('b.png')];
const dataset = unequalDataset();
before(async () => {
  for (const [i, photo] of photos.entries()) await drawPhoto(photo, i);
  await trainEach(dataset);
  for (const name of runs) await exportEach(name);
});

suite('an exported model', () => {
  for (const format of formats)
    for (const name of runs)
      test(`${name} as ${format} has the figures, classes and probabilities of the run`, {
        skip: ['hub', 'onnx'].includes(format) && skipOnnx,
      }, async () => {
        using run = await openClassifier(at(name));
        using found = await openAnyClassifier(at(`${name}.${format}`));
        assert.deepEqual(saidOf(found), saidOf(run));
        assert.deepEqual(inputOf(found), sizedFor(inputOf(run), format, name));
        assert.equal(logitScale(found), teachers[name]?.scale ?? 1);
        assert.deepEqual(found.notes, [], 'nothing is assumed');
        assert.deepEqual(await figuresOf(found), await figuresOf(run));
        await assertSameOpinions(at(`${name}.${format}`), at(name), format === 'onnx' ? 1e-5 : 1e-7);
      });
});

const readEvaluation = (run: string) => new RunFolder(run).readEvaluation()!;

function saidOf({ kind, classNames, namesKnown, trainCounts, groups, epoch }: AnyClassifier) {
  return { kind, classNames, namesKnown, trainCounts, groups, epoch };
}

function inputOf({ recipe: { mean, std, filter, imageSize, evalSize } }: AnyClassifier) {
  return { mean, std, filter, imageSize, evalSize };
}

/** An ONNX model, and a transformer whose positions are written for the evaluation, are of the evaluation's size. */
function sizedFor(input: ReturnType<typeof inputOf>, format: (typeof formats)[number], name: string) {
  const resized = format === 'onnx' || (format === 'hub' && !(name in teachers));
  return resized ? { ...input, imageSize: input.evalSize, evalSize: null } : input;
}

async function assertSameOpinions(actual: string, expected: string, tolerance: number): Promise<void> {
  using found = await DeitLT.load(actual);
  using wanted = await DeitLT.load(expected);
  for (const photo of photos) {
    const [a, b] = [await found.classify(photo, { top: 10 }), await wanted.classify(photo, { top: 10 })];
    for (const output of ['top', 'cls', 'dist'] as const) {
      const names = (opinion: Opinion): string[] => (opinion[output] ?? []).map((each) => each.class);
      assert.deepEqual(names(a), names(b), output);
      for (const [i, { probability }] of (b[output] ?? []).entries())
        assert.ok(Math.abs(a[output]![i]!.probability - probability) <= tolerance, `${photo} ${output} ${i}`);
    }
  }
}

suite('a description', () => {
  test('is refused where it is damaged, or of weights that are others', async () => {
    const { metadata, tensors } = readAll(at('student.safetensors'));
    const described = JSON.parse(metadata.deit_lt!) as Values;
    const changes: readonly [change: Values, message: RegExp][] = [
      [{ format: 'deit-lt model 2' }, /its format is "deit-lt model 2", this version reads "deit-lt model 1"/],
      [{ std: [0, 1, 1] }, /std\.0: /],
      [{ resizeTo: 41 }, /resized to 41 before the crop, where this version has 45/],
      [{ classNames: ['a'] }, /as many trainCounts and groups as classNames/],
      [{ architecture: { name: 'deit', depth: 900 } }, /describes 900 blocks, but has/],
      [{ architecture: { name: 'deit', window: 7 } }, /architecture\.window: the model "deit" has no option "window"/],
      [
        { architecture: { name: 'deit', patchSize: 8, embedDim: 64, depth: 1 } },
        /does not fit it: .*attn\.proj\.bias \[128\] instead of \[64\]/,
      ],
    ];
    for (const [change, message] of changes) {
      const text = JSON.stringify({ ...described, ...change });
      torch.safetensors.save(at('changed.safetensors'), tensors, { metadata: { ...metadata, deit_lt: text } });
      await assert.rejects(openClassifier(at('changed.safetensors')), { code: 'CHECKPOINT', message });
    }
    torch.safetensors.save(at('changed.safetensors'), tensors, { metadata: { ...metadata, deit_lt: '{' } });
    await assert.rejects(openClassifier(at('changed.safetensors')), { code: 'CHECKPOINT', message: /deit_lt/ });
  });

  test('of a Hugging Face folder is refused when another key says something else', { skip: skipOnnx }, async () => {
    const file = at('vit.hub', 'config.json');
    const written = readFileSync(file, 'utf8');
    const config = JSON.parse(written) as Values & { pretrained_cfg: Values; deit_lt: Values };
    const changes: readonly [config: object, message: RegExp][] = [
      [
        { ...config, pretrained_cfg: { ...config.pretrained_cfg, mean: [0, 0, 0] } },
        /contradicts itself: deit_lt\.mean is \[0\.3/,
      ],
      [{ ...config, deit_lt: { ...config.deit_lt, epoch: 7 } }, /config\.json beside it describe different models/],
    ];
    for (const [changed, message] of changes) {
      writeFileSync(file, JSON.stringify(changed));
      await assert.rejects(openClassifier(at('vit.hub')), { code: 'CHECKPOINT', message });
    }
    writeFileSync(file, written);
  });

  test('of an ONNX model is not contradicted by a hint', { skip: skipOnnx }, async () => {
    for (const setting of ['teacher.mean=[0, 0, 0]', 'student.model.numHeads=2', 'teacher.imageSize=32'])
      await assert.rejects(openAnyClassifier(at('vit.onnx'), { settings: [setting] }), {
        code: 'RECIPE',
        message: /vit\.onnx has /,
      });
  });
});

function readAll(file: string) {
  using opened = torch.safetensors.open(file);
  return { metadata: { ...opened.metadata }, tensors: new Map(opened.names.map((name) => [name, opened.get(name)])) };
}

suite('the command line', () => {
  /** What `deit-lt` prints with `--json`. */
  const printed = (...words: string[]): unknown => {
    const { status, stdout, stderr } = deitLt(words);
    assert.equal(status, 0, stderr);
    assert.doesNotMatch(stderr, /does not|assumed|ignored/, 'nothing is assumed');
    return JSON.parse(stdout);
  };
  const figures = (model: string): unknown => {
    const { checkpoint: _, ...rest } = printed('eval', at(model), '--data', at('data'), '--json') as Values;
    return rest;
  };

  before(() => writeFolder(at('data')));

  test('eval, predict and import say of a .pth what they say of the run', () => {
    const wanted = figures('student');
    assert.deepEqual(figures('student.pth'), wanted);
    const predict = (model: string): unknown => printed('predict', at(model), ...photos, '--json');
    assert.deepEqual(predict('student.pth'), predict('student'));
    const imported = deitLt(['import', at('student.pth'), '--out', at('imported')]);
    assert.deepEqual([imported.status, imported.stderr], [0, ''], 'nothing is assumed');
    assert.deepEqual(figures('imported'), wanted);
    const [was, is] = [readRunConfig(at('student')), readRunConfig(at('imported'))];
    assert.deepEqual(
      [is.kind, is.data.classNames, is.data.trainCounts],
      [was.kind, was.data.classNames, was.data.trainCounts],
    );
  });

  test('analyze finds the accuracies of the evaluation in the run and in what was imported from it', async () => {
    deitLt(['import', at('student.safetensors'), '--out', at('analyzed')]);
    for (const name of ['student', 'analyzed']) {
      await analyzeRun(at(name), dataset, { batchSize: 16 });
      const { outputs } = readAnalysis(at(name))!;
      const { perClass } = readEvaluation(at('student')).avg;
      assert.deepEqual(
        outputs.avg!.accuracy.perClass.map((each) => Math.round(each!)),
        perClass.map((each) => Math.round(each!)),
        name,
      );
    }
  });

  test('a hint that contradicts the file is refused, one that agrees is not needed', async () => {
    const words = ['predict', at('student.pth'), photos[0]!, '--set'];
    const wrong = deitLt([...words, 'student.model.numHeads=2']);
    assert.equal(wrong.status, 2, wrong.stderr);
    assert.match(wrong.stderr, /--set student\.model\.numHeads=2: .*student\.pth has 4\. Leave the setting out/);
    using found = await openClassifier(at('student.pth'), { settings: ['student.model.numHeads=4', 'device=cpu'] });
    assert.equal(found.recipe.model.numHeads, 4);
  });
});

/** The test images as files, with a training image of each class. */
async function writeFolder(place: string): Promise<void> {
  for (const split of ['train', 'test'] as const) {
    const { images, labels } = dataset[split]!;
    assert.ok(images.kind === 'memory');
    const { width, height, pixels } = images;
    const bytes = width * height * 3;
    for (const [i, label] of labels.entries()) {
      const file = path.join(place, split, dataset.classNames[label]!, `${i}.png`);
      mkdirSync(path.dirname(file), { recursive: true });
      const raw = { width, height, channels: 3 } as const;
      await sharp(pixels.subarray(i * bytes, (i + 1) * bytes), { raw }).toFile(file);
    }
  }
}

suite('deit-lt import', () => {
  test('keeps logit scale and classes of an LDAM teacher; then it teaches as the run does', async () => {
    const { status, stderr } = deitLt(['import', at('ldam.safetensors'), '--out', at('ldam-imported')]);
    assert.equal(status, 0, stderr);
    const losses: number[] = [];
    for (const teacher of ['ldam', 'ldam.pth', 'ldam-imported']) {
      using opened = await openClassifier(at(teacher));
      assert.equal(logitScale(opened), 17);
      const reporter = recording();
      const options = { dataset, recipe: recipeFor('ldam'), reporter, teacher: at(teacher) };
      await trainStudent({ ...options, folder: at(`student of ${teacher}`) });
      losses.push(reporter.records.at(-1)!.loss);
    }
    assert.deepEqual(losses, [losses[0], losses[0], losses[0]]);
  });

  test('loads a checkpoint of one of our runs unchanged', async () => {
    const file = path.join(at('paco'), 'checkpoints', 'last.safetensors');
    const { status, stderr } = deitLt(['import', file, '--out', at('own')]);
    assert.equal(status, 0, stderr);
    using run = await openClassifier(at('paco'), { which: 'last' });
    using found = await openClassifier(at('own'));
    assert.deepEqual([saidOf(found), inputOf(found)], [saidOf(run), inputOf(run)]);
    assert.equal(logitScale(found), 2.5);
  });

  test('refuses data of other classes than the file names', () => {
    const { status, stderr } = deitLt(['import', at('vit.pth'), '--data', at('others'), '--out', at('never')]);
    assert.equal(status, 1);
    assert.match(
      stderr,
      /the classes of .*vit\.pth are not those of the data: only the model has .*; only the data has cat/,
    );
  });

  before(async () => {
    for (const name of ['circle', 'cat'])
      for (const i of [0, 1]) {
        mkdirSync(at('others', 'train', name), { recursive: true });
        await drawPhoto(at('others', 'train', name, `${i}.png`), i);
      }
  });
});
