/** The convolutional stem against PyTorch, and everything that a model with it goes through: training, files, ONNX, analysis. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { openClassifier } from '../src/classifier/classifier.js';
import { exportSafetensors, exportTorch } from '../src/export/weights.js';
import { ConvPatchEmbed } from '../src/models/conv-patch-embed.js';
import { createModel, type VisionTransformer } from '../src/models/index.js';
import { loadRuntime } from '../src/onnx/runtime.js';
import { trainAll } from '../src/training/train.js';
import { assertOnnxLogits, assertTimmLogits } from './helpers/exported-logits.js';
import { fromPython, skipPython, skipTimm } from './helpers/python-torch.js';
import { randomised } from './helpers/randomised.js';
import { assertNear } from './models-golden.js';
import { tinyDataset, tinyRecipe } from './training-tiny.js';

torch.setNumThreads(1);
const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-stem-'));
after(() => rmSync(folder, { recursive: true }));

const runtime = await loadRuntime();
const small = { imageSize: 32, embedDim: 32, depth: 2, numHeads: 2, numClasses: 5, patchEmbed: 'conv' } as const;

const stems: readonly [patchSize: number, size: readonly [number, number], channels?: number[]][] = [
  [2, [6, 6]],
  [4, [16, 16]],
  [4, [10, 15], [4, 6]],
  [8, [16, 24], [4, 5, 6, 7]],
  [16, [32, 48]],
];

/** `[tokens, gradient of the images, gradients of the parameters, running statistics]` in training, and evaluated tokens. */
const program = `
from torch import nn
torch.set_default_dtype(torch.float64)
out = []
for case in given:
    halvings = int(math.log2(case["patch"]))
    width, layers = 3, []
    for n, channels in enumerate(case["channels"]):
        stride = 2 if n >= len(case["channels"]) - halvings else 1
        layers += [nn.Conv2d(width, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
        width = channels
    model = nn.Sequential(*layers, nn.Conv2d(width, case["dim"], 1))
    state = {name: torch.tensor(value) for name, value in zip(model.state_dict(), case["state"])}
    model.load_state_dict(state)
    images = torch.tensor(case["images"], requires_grad=True)
    tokens = lambda: model(images).flatten(2).transpose(1, 2)
    evaluated = model.eval()(images).flatten(2).transpose(1, 2)
    model.train()
    trained = tokens()
    trained.square().mean().backward()
    out.append({
        "evaluated": evaluated.tolist(), "trained": trained.tolist(), "images": images.grad.tolist(),
        "gradients": [parameter.grad.flatten().tolist() for parameter in model.parameters()],
        "buffers": [buffer.flatten().tolist() for buffer in model.buffers()],
    })`;

interface Peer {
  readonly evaluated: number[][][];
  readonly trained: number[][][];
  readonly images: number[][][][];
  readonly gradients: number[][];
  readonly buffers: number[][];
}

suite('ConvPatchEmbed', () => {
  test('has the tokens, gradients and statistics of the same modules of PyTorch', { skip: skipPython }, () => {
    torch.manualSeed(5);
    const made = stems.map(([patchSize, size, channels]) => {
      const stem = randomised(new ConvPatchEmbed(patchSize, 3, 8, { channels })).to('float64');
      return { stem, images: torch.randn([3, 3, ...size], { dtype: 'float64' }) };
    });
    const peers = fromPython<Peer[]>(
      program,
      made.map(({ stem, images }) => ({
        patch: stem.patchSize,
        dim: 8,
        channels: stem.channels(),
        state: [...stem.stateDict().values()].map((value) => value.toArray()),
        images: images.toArray(),
      })),
    );
    for (const [i, { stem, images }] of made.entries()) {
      const { evaluated, trained, images: wanted, gradients, buffers } = peers[i]!;
      const near = (actual: torch.Tensor | null, expected: unknown, what: string): void =>
        assertNear(actual!.double(), torch.tensor(expected as number[], { dtype: 'float64' }), { atol: 1e-9 }, what);
      near(stem.eval().call(images), evaluated, `evaluation ${i}`);
      images.requiresGrad_();
      const tokens = stem.train().call(images);
      near(tokens, trained, `training ${i}`);
      const [rows, columns] = stem.gridOf(images.size(2), images.size(3));
      assert.deepEqual(tokens.shape, [3, rows * columns, 8]);
      tokens.square().mean().backward();
      near(images.grad, wanted, `images ${i}`);
      for (const [n, parameter] of stem.parameters().entries())
        near(parameter.grad!.flatten(), gradients[n], `gradient ${n} of ${i}`);
      for (const [n, [name, buffer]] of stem.namedBuffers().entries()) near(buffer.flatten(), buffers[n], name);
    }
  });

  test('halves the channels from the last convolution to the first', () => {
    const channels = (patchSize: number, dim: number): number[] => new ConvPatchEmbed(patchSize, 3, dim).channels();
    assert.deepEqual(channels(4, 96), [24, 48, 96]);
    assert.deepEqual(channels(8, 192), [24, 48, 96, 192]);
    assert.deepEqual(channels(16, 768), [96, 192, 384, 768]);
    assert.deepEqual(channels(4, 32), [16, 16, 32]);
    assert.deepEqual(channels(32, 512), [32, 64, 128, 256, 512]);
  });

  test('refuses patches that are no power of two, too few channels, and channels without it', () => {
    const refused = (options: object, message: RegExp): void =>
      assert.throws(() => createModel('deit', { ...small, ...options }), { code: 'RECIPE', message });
    refused({ imageSize: 36, patchSize: 6 }, /patchSize must be a power of two; it is 6/);
    refused({ patchSize: 8, stemChannels: [16, 32] }, /stemChannels has 2 numbers, .* at least 3/);
    refused({ patchEmbed: 'linear', stemChannels: [16, 32, 32] }, /patchEmbed is "linear": set patchEmbed=conv/);
    assert.ok(createModel('deit', { ...small, patchEmbed: 'linear', stemChannels: null }));
    refused({ stemChannels: [] }, /stemChannels/);
    refused({ patchEmbed: 'cnv' }, /patchEmbed/);
  });
});

suite('a transformer with a convolutional stem', () => {
  const settings = ['precision=float32', 'device=cpu'];
  const bare = path.join(folder, 'bare.safetensors');
  const ours = { 'ours.safetensors': exportSafetensors, 'ours.pth': exportTorch } as const;
  const sizes = [...settings, 'student.model.patchSize=4', 'student.model.numHeads=2'];
  const images = torch.randn([2, 3, 32, 32]);
  let wanted: torch.Tensor[];

  before(async () => {
    torch.manualSeed(2);
    using model = randomised(createModel('deit', small)).eval();
    wanted = torch.noGrad(() => model.call(images)) as torch.Tensor[];
    torch.safetensors.save(bare, model.stateDict());
    using classifier = await openClassifier(bare, { settings: sizes });
    for (const [name, write] of Object.entries(ours)) write(path.join(folder, name), classifier);
  });

  test('has nearly the same gradients in bfloat16, and the same for images in either memory format', () => {
    torch.manualSeed(3);
    using model = createModel('deit', small) as VisionTransformer;
    const gradient = (bfloat16: boolean, input: torch.Tensor): torch.Tensor => {
      model.zeroGrad();
      const [cls, dist] = torch.autocast('cpu', { enabled: bfloat16 }, () => model.call(input)) as torch.Tensor[];
      cls!.float().square().mean().add(dist!.float().square().mean()).backward();
      return (model.patchEmbed as ConvPatchEmbed).proj.weight.grad!.clone();
    };
    const float32 = gradient(false, images);
    assertNear(gradient(true, images), float32, { relative: 0.05 }, 'bfloat16');
    const last = images.contiguous({ memoryFormat: 'channels_last' });
    assertNear(gradient(false, last), float32, { relative: 1e-5 }, 'channels last');
  });

  test('interpolates positions for images of other sizes, whole patches or not', () => {
    using model = createModel('deit', { ...small, patchSize: 8 }).eval() as VisionTransformer;
    for (const [size, patches] of [
      [32, 16],
      [48, 36],
      [36, 25],
    ] as const)
      assert.deepEqual(model.blockTokens(torch.randn([2, 3, size, size]))[0]!.shape, [2, 2 + patches, 32]);
  });

  test('trains with averaged weights and statistics, and is read from its run, with its teacher of the same kind', async () => {
    const recipe = tinyRecipe('student.model.patchEmbed=conv', 'student.epochs=2', 'teacher.epochs=1');
    const { student } = await trainAll({ dataset: tinyDataset(), recipe, folder: path.join(folder, 'run') });
    using classifier = await openClassifier(student.folder, { settings });
    const { patchEmbed } = classifier.model as VisionTransformer;
    assert.ok(patchEmbed instanceof ConvPatchEmbed);
    const [first] = patchEmbed.backbone;
    assert.ok(first!.bn.runningMean!.abs().max().toNumber() > 0, 'the statistics are averaged with the weights');
  });

  test('gives the same logits from each file, and of weights alone when the patch size is given', async () => {
    await assert.rejects(openClassifier(bare), { code: 'CHECKPOINT', message: /--set student\.model\.patchSize=N/ });
    for (const [file, given] of [
      [bare, sizes] as const,
      ...Object.keys(ours).map((name) => [path.join(folder, name), settings] as const),
    ]) {
      using classifier = await openClassifier(file, { settings: given });
      assert.deepEqual(classifier.recipe.model.stemChannels, [16, 16, 32]);
      const { cls, dist } = classifier.logits(images);
      assertNear(cls!, wanted[0]!, { atol: 1e-5 }, 'cls');
      assertNear(dist!, wanted[1]!, { atol: 1e-5 }, 'dist');
    }
  });

  test('as an ONNX model, with batch norm folded, gives the same logits', {
    skip: runtime === undefined && 'no onnxruntime-node here',
  }, async () => {
    using classifier = await openClassifier(path.join(folder, 'ours.pth'), { settings });
    await assertOnnxLogits(runtime!, classifier, { fp32: 1e-5, fp16: 1e-2, int8: 0.3 });
  });

  test('is read by timm with the code in its Hugging Face folder', { skip: skipTimm }, async () => {
    using classifier = await openClassifier(path.join(folder, 'ours.pth'), { settings });
    await assertTimmLogits(path.join(folder, 'hub'), classifier, 'deit_lt_conv_stem', images);
  });
});
