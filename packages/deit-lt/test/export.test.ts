/** What others read of our models: onnxruntime, PyTorch, and the layout that transformers.js and timm expect. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import sharp from 'sharp';
import { networkInput } from '../src/augment/evaluation-input.js';
import { type Classifier, openClassifier } from '../src/classifier/classifier.js';
import { exportHuggingFace, exportOnnx } from '../src/export/export.js';
import { modelConfig } from '../src/export/hugging-face.js';
import { checkOnnx } from '../src/export/onnx/check.js';
import { onnxModel } from '../src/export/onnx/model.js';
import { exportSafetensors, exportTorch } from '../src/export/weights.js';
import { createModel, type ModelOptions } from '../src/models/index.js';
import { VisionTransformer } from '../src/models/vit.js';
import { loadRuntime } from '../src/onnx/runtime.js';
import { fromPython, skipPython } from './helpers/python-torch.js';
import { deitLt } from './helpers/standing-process.js';
import { Golden, goldenFolder } from './models-golden.js';

torch.setNumThreads(1);
const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-export-'));
after(() => rmSync(folder, { recursive: true }));

const version = '0.0.0';
const runtime = await loadRuntime();
const skipOnnx = runtime === undefined && 'no onnxruntime-node here';

/** A model with weights of its own, from a file that has nothing else. */
async function classifierOf(name: string, options: Partial<ModelOptions> = {}): Promise<Classifier> {
  const file = path.join(folder, `${name}-${Object.values(options).join('-')}.safetensors`);
  torch.manualSeed(1);
  using model = createModel(name, { numClasses: 6, ...options });
  torch.safetensors.save(file, model.stateDict());
  return openClassifier(file, { settings: ['precision=float32', 'device=cpu'] });
}

const models: [name: string, options: Partial<ModelOptions>][] = [
  ['deit', { embedDim: 64, depth: 2 }],
  ['vit', { embedDim: 64, depth: 2, initValues: 0.5 }],
  ['resnet8', { cosine: true }],
  ['resnet14', {}],
  ['resnet18_cifar', { width: 8 }],
  ['regnety_004', {}],
];
/** Shares of the largest logit, ten times what was seen. */
const allowed = { fp32: 1e-5, fp16: 1e-2, int8: 0.3 } as const;

suite('ONNX', { skip: skipOnnx }, () => {
  for (const [name, options] of models)
    test(`${name} in all precisions gives the logits of the model`, async () => {
      using classifier = await classifierOf(name, options);
      for (const precision of ['fp32', 'fp16', 'int8'] as const) {
        const bytes = onnxModel(classifier, { precision, version });
        const { images, difference } = await checkOnnx(runtime!, bytes, classifier, precision);
        assert.equal(images, 16);
        assert.ok(difference <= allowed[precision], `${precision}: ${difference}`);
      }
    });

  for (const [name, options] of models)
    test(`${name} in fp16 has logits in float32, so that classes are not equal by rounding`, async () => {
      using classifier = await classifierOf(name, options);
      const bytes = onnxModel(classifier, { precision: 'fp16', version });
      const session = await runtime!.InferenceSession.create(bytes, {});
      const images = torch.randn([8, 3, classifier.recipe.imageSize, classifier.recipe.imageSize]);
      const feeds = { pixel_values: new runtime!.Tensor('float32', images.toTypedArray(), images.shape) };
      for (const { data, dims } of Object.values(await session.run(feeds))) {
        const logits = torch.tensor(data as Float32Array, { shape: dims });
        assert.ok(logits.ne(logits.half().float()).float().mean().toNumber() > 0.9);
      }
      await session.release();
    });

  test('a student has three outputs, any batch, and attention of every block when asked for', async () => {
    using classifier = await classifierOf('deit', { embedDim: 64, depth: 2, numClasses: 3 });
    const session = await runtime!.InferenceSession.create(onnxModel(classifier, { attention: true, version }), {});
    for (const batch of [1, 5]) {
      const images = torch.randn([batch, 3, 32, 32]);
      const feeds = { pixel_values: new runtime!.Tensor('float32', images.toTypedArray(), images.shape) };
      const found = await session.run(feeds);
      assert.deepEqual(Object.keys(found), ['logits', 'logits_cls', 'logits_dist', 'attentions']);
      assert.deepEqual(found.logits!.dims, [batch, 3]);
      const { data, dims } = found.attentions!;
      assert.deepEqual(dims, [batch, 2, 1, 66, 66]);
      const sums = torch.tensor(data, { shape: dims }).sum(-1);
      assert.ok(sums.sub(1).abs().max().toNumber() < 1e-5);
    }
    await session.release();
  });

  test('a model of other weights is found out, and not written', async () => {
    using one = await classifierOf('resnet8', { cosine: true });
    using other = await classifierOf('resnet8', {});
    const bytes = onnxModel(other, { version });
    await assert.rejects(checkOnnx(runtime!, bytes, one, 'fp32'), { code: 'CHECKPOINT', message: /was not written/ });
  });

  test('attention of a convolutional network is refused', async () => {
    using classifier = await classifierOf('resnet8', {});
    const file = path.join(folder, 'never.onnx');
    const options = { precision: 'fp32', attention: true, version } as const;
    await assert.rejects(exportOnnx(file, classifier, options), { code: 'USAGE', message: /needs a transformer/ });
    assert.equal(existsSync(file), false);
  });

  test('the published student, through ONNX, gives the logits of the program that saved it', {
    skip: goldenFolder === undefined && 'no golden files',
  }, async () => {
    interface Entry {
      file: string;
      model_config?: { num_heads: number };
      logits?: { input: string; cls: string; dist: string };
    }
    const golden = new Golden<{ files: Entry[] }>('checkpoint');
    const student = golden.json.files.find(({ model_config }) => model_config !== undefined)!;
    const file = path.join(goldenFolder!, student.file);
    const settings = [`student.model.numHeads=${student.model_config!.num_heads}`, 'student.evalSize=null'];
    using classifier = await openClassifier(file, { settings });
    const { input: inputKey, ...outputKeys } = student.logits!;
    const input = golden.at(inputKey);
    const session = await runtime!.InferenceSession.create(onnxModel(classifier, { version }), {});
    const feeds = { pixel_values: new runtime!.Tensor('float32', input.toTypedArray(), input.shape) };
    const found = await session.run(feeds);
    for (const [name, key] of [['logits_cls', outputKeys.cls] as const, ['logits_dist', outputKeys.dist] as const]) {
      const wanted = golden.at(key);
      const actual = torch.tensor(found[name]!.data, { shape: wanted.shape });
      assert.ok(actual.sub(wanted).abs().max().toNumber() <= 1e-4, name);
    }
    await session.release();
  });
});

suite('weights', () => {
  test('a .pth is read by torch.load(weights_only=True) to the bit', { skip: skipPython }, async () => {
    using classifier = await classifierOf('deit', { embedDim: 64, depth: 2 });
    const [file, other] = [path.join(folder, 'x.pth'), path.join(folder, 'x.safetensors')];
    exportTorch(file, classifier);
    exportSafetensors(other, classifier);
    const state = torch.safetensors.load(other);
    const code = `
import zipfile
assert zipfile.ZipFile(given).testzip() is None
file = torch.load(given, weights_only=True)
out = [file["epoch"], json.loads(file["deit_lt"])["architecture"], file["class_names"], file["architecture"], [[k, list(v.shape), v.double().sum().item(), v.is_contiguous()] for k, v in file["model"].items()]]`;
    const [epoch, described, names, architecture, tensors] = fromPython<
      [null, object, string[], string, [string, number[], number, boolean][]]
    >(code, file);
    assert.deepEqual([epoch, names, architecture], [null, ['0', '1', '2', '3', '4', '5'], 'deit']);
    const sizes = { patchSize: 4, embedDim: 64, depth: 2, numHeads: 1, mlpRatio: 4 };
    assert.deepEqual(described, { name: 'deit', ...sizes });
    assert.equal(tensors.length, state.size);
    for (const [name, shape, sum, contiguous] of tensors) {
      const ours = state.get(name)!;
      assert.deepEqual([shape, contiguous], [ours.shape, true], name);
      assert.ok(Math.abs(ours.double().sum().toNumber() - sum) < 1e-9, name);
    }
  });

  test('a .pth comes back as the same model', async () => {
    using classifier = await classifierOf('resnet14', {});
    const file = path.join(folder, 'back.pth');
    exportTorch(file, classifier);
    using back = await openClassifier(file, { settings: ['precision=float32'] });
    const images = torch.randn([2, 3, 32, 32]);
    assert.equal(back.logits(images).avg.sub(classifier.logits(images).avg).abs().max().toNumber(), 0);
  });
});

suite('Hugging Face folder', { skip: skipOnnx }, () => {
  test('has what transformers.js and timm look for', async () => {
    using classifier = await classifierOf('deit', { embedDim: 64, depth: 2 });
    const out = path.join(folder, 'hub');
    await exportHuggingFace(out, classifier, { version });
    assert.deepEqual(readdirSync(out).sort(), [
      'README.md',
      'config.json',
      'model.safetensors',
      'onnx',
      'preprocessor_config.json',
    ]);
    assert.deepEqual(readdirSync(path.join(out, 'onnx')).sort(), [
      'model.onnx',
      'model_fp16.onnx',
      'model_quantized.onnx',
    ]);
    const read = (name: string) => JSON.parse(readFileSync(path.join(out, name), 'utf8'));
    const { model_type: type, id2label, architecture, model_args: args, pretrained_cfg: timm } = read('config.json');
    assert.deepEqual([timm.first_conv, timm.classifier], ['patch_embed.proj', ['head', 'head_dist']]);
    assert.deepEqual([type, id2label[5], architecture], ['deit', '5', 'deit_tiny_distilled_patch16_224']);
    assert.deepEqual(args, { img_size: 32, patch_size: 4, embed_dim: 64, depth: 2, num_heads: 1, mlp_ratio: 4 });
    const { size, do_center_crop: crops, image_mean: mean } = read('preprocessor_config.json');
    assert.deepEqual([size, crops, mean], [{ height: 32, width: 32 }, false, [0.485, 0.456, 0.406]]);
    const card = readFileSync(path.join(out, 'README.md'), 'utf8');
    assert.match(card, /ONNX float32: largest difference .* the same class for 16 of 16/);
    assert.doesNotMatch(card, new RegExp(folder));
    await assert.rejects(exportHuggingFace(out, classifier, { version }), {
      code: 'RUN_FOLDER',
      message: /is not empty/,
    });
    await assert.rejects(exportHuggingFace(path.join(out, 'config.json'), classifier, { version }), {
      code: 'RUN_FOLDER',
      message: /is a file\. .*--out/,
    });
  });
});

suite('transformers.js', { skip: skipOnnx }, () => {
  test('classifies a file with the folder as we do', async () => {
    using classifier = await classifierOf('deit', { embedDim: 64, depth: 3 });
    await exportHuggingFace(path.join(folder, 'their-model'), classifier, { version });
    const levels = Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => (i * 37 + (i >> 5) * 11) % 256);
    const image = path.join(folder, 'drawn.png');
    await sharp(levels, { raw: { width: 32, height: 32, channels: 3 } }).toFile(image);
    const { env, pipeline } = await import('@huggingface/transformers');
    Object.assign(env, { allowRemoteModels: false, localModelPath: folder });
    const classify = await pipeline('image-classification', 'their-model', { dtype: 'fp32' });
    const theirs = (await classify(image, { top_k: 6 })) as { label: string; score: number }[];
    await classify.dispose();
    const { mean, std } = classifier.recipe;
    const input = torch.tensor(networkInput(levels, { mean, std }), { shape: [1, 3, 32, 32] });
    const ours = classifier.logits(input).avg.softmax(1).toTypedArray();
    assert.equal(theirs.length, 6);
    for (const { label, score } of theirs) assert.ok(Math.abs(ours[Number(label)]! - score) < 1e-5, label);
  });
});

suite('the configuration for timm', () => {
  const told = (classifier: Classifier, recipe: Partial<Classifier['recipe']> = {}) =>
    modelConfig({ ...classifier, recipe: { ...classifier.recipe, ...recipe } }) as {
      architecture: string;
      model_args: Record<string, number>;
      pretrained_cfg: Record<string, unknown>;
    };

  test('positions are written for the images of the evaluation', async () => {
    using classifier = await classifierOf('deit', { embedDim: 64, depth: 2 });
    const larger = { ...classifier, recipe: { ...classifier.recipe, evalSize: 48 } };
    const { model_args: args, pretrained_cfg: timm } = told(larger);
    assert.deepEqual([args.img_size, timm.input_size], [48, [3, 48, 48]]);
    const file = path.join(folder, 'positions.safetensors');
    exportSafetensors(file, larger, { imageSize: 48 });
    const tensors = torch.safetensors.load(file);
    assert.ok(classifier.model instanceof VisionTransformer);
    const expected = classifier.model.positionsFor(48, 48);
    assert.deepEqual(expected.shape, [1, 2 + 12 * 12, 64]);
    assert.ok(torch.equal(tensors.get('pos_embed')!, expected));
  });

  test('a plain ViT by the recipe of a student has the name without "distilled"', async () => {
    using classifier = await classifierOf('vit', { embedDim: 64, depth: 2 });
    const { model } = classifier.recipe;
    const named = { ...model, name: 'deit_tiny_distilled_patch16_224' };
    assert.equal(told(classifier, { model: named }).architecture, 'deit_tiny_patch16_224');
    const unknown = { ...model, name: 'deit_tiny_patch16_384' };
    assert.equal(told(classifier, { model: unknown }).architecture, 'vit_tiny_patch16_224');
  });

  test('classifiers are named, so that other numbers of classes begin again', async () => {
    using network = await classifierOf('regnety_004', {});
    assert.equal(told(network).pretrained_cfg.classifier, 'head.fc');
  });
});

suite('deit-lt export', () => {
  const cases: [string, RegExp][] = [
    ['export run --out x', /--format is missing/],
    ['export run --format onnx', /--out is missing/],
    ['export run --format onnx --out x.pth', /expected a file that ends in \.onnx/],
    ['export run --format torch --precision fp16 --out x.pth', /need --format onnx/],
    ['export run --format csv --out x', /no export format is called "csv"; .*safetensors, onnx, torch, huggingface/],
    ['export run --format onnnx --out x', /did you mean "onnx"/],
    ['export run --format onnx --option precision --out x.onnx', /--option precision: expected key=value/],
    [
      'export run --format onnx --option precison=int8 --out x.onnx',
      /has no option "precison": did you mean "precision"/,
    ],
    ['export run --format onnx --option precision=int9 --out x.onnx', /"onnx": precision: .*fp32/],
    [
      'export run --format torch --option precision=int8 --out x.pth',
      /"torch" has no option "precision": it has no options/,
    ],
  ];
  for (const [line, message] of cases)
    test(`says what is wrong with "${line}"`, () => {
      const { status, stderr } = deitLt(line.split(' '), { cwd: folder });
      assert.equal(status, 2);
      assert.match(stderr, message);
    });
});
