/** The stem of airbench94's convolutions against PyTorch, and everything that a model with it goes through: training, files, ONNX, timm. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { openClassifier } from '../src/classifier/classifier.js';
import { exportSafetensors, exportTorch } from '../src/export/weights.js';
import { AirbenchPatchEmbed } from '../src/models/airbench-patch-embed.js';
import { createModel, type VisionTransformer } from '../src/models/index.js';
import { loadRuntime } from '../src/onnx/runtime.js';
import { trainAll } from '../src/training/train.js';
import { assertOnnxLogits, assertTimmLogits } from './helpers/exported-logits.js';
import { fromPython, skipPython, skipTimm } from './helpers/python-torch.js';
import { randomised } from './helpers/randomised.js';
import { assertNear } from './models-golden.js';
import { tinyDataset, tinyRecipe } from './training-tiny.js';

torch.setNumThreads(1);
const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-airbench-stem-'));
after(() => rmSync(folder, { recursive: true }));

const runtime = await loadRuntime();
const small = {
  ...{ imageSize: 32, patchSize: 8, embedDim: 32, depth: 2, numHeads: 2, numClasses: 5 },
  patchEmbed: 'airbench',
} as const;

const stems: readonly [patchSize: number, size: readonly [number, number], channels?: number[]][] = [
  [2, [6, 6]],
  [4, [16, 13], [5, 6]],
  [8, [32, 24]],
  [8, [15, 23], [4, 5, 6]],
];

/** Tokens in evaluation and training, gradients of the images and of what is learned, running statistics. */
const program = `
from torch import nn
torch.set_default_dtype(torch.float64)

class Pooled(nn.Module):
    def __init__(self, conv):
        super().__init__()
        self.conv = conv
    def forward(self, x):
        return nn.functional.max_pool2d(self.conv(x), 2)

def norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-12, momentum=0.4)

out = []
for case in given:
    layers, width = [nn.Conv2d(3, 24, 2, padding=1), nn.GELU()], 24
    for channels in case["channels"]:
        layers += [Pooled(nn.Conv2d(width, channels, 3, padding=1, bias=False)), norm(channels), nn.GELU()]
        layers += [nn.Conv2d(channels, channels, 3, padding=1, bias=False), norm(channels), nn.GELU()]
        width = channels
    model = nn.Sequential(*layers, nn.Conv2d(width, case["dim"], 1))
    model.load_state_dict({name: torch.tensor(case["state"][i]) for i, name in enumerate(model.state_dict())})
    images = torch.tensor(case["images"], requires_grad=True)
    tokens = lambda: model(images).flatten(2).transpose(1, 2)
    evaluated = model.eval()(images).flatten(2).transpose(1, 2)
    model.train()
    trained = tokens()
    trained.square().mean().backward()
    learned = [p for n, p in model.named_parameters() if n != "0.weight" and not (n.endswith("weight") and p.ndim == 1)]
    out.append({
        "evaluated": evaluated.tolist(), "trained": trained.tolist(), "images": images.grad.tolist(),
        "gradients": [parameter.grad.flatten().tolist() for parameter in learned],
        "statistics": [b.flatten().tolist() for n, b in model.named_buffers()],
    })`;

interface Peer {
  readonly evaluated: number[][][];
  readonly trained: number[][][];
  readonly images: number[][][][];
  readonly gradients: number[][];
  readonly statistics: number[][];
}

/** Names of our weights in the order of PyTorch's: convolution, norm, convolution, norm of each group. */
function stateOf(stem: AirbenchPatchEmbed): [name: string, value: torch.Tensor][] {
  const state = stem.stateDict();
  const norm = (name: string): string[] =>
    ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'].map((part) => `${name}.${part}`);
  const groups = stem.channels().flatMap((_, i) => {
    const at = `backbone.layers.${i}`;
    return [`${at}.conv1.weight`, ...norm(`${at}.norm1`), `${at}.conv2.weight`, ...norm(`${at}.norm2`)];
  });
  const names = ['backbone.whiten.weight', 'backbone.whiten.bias', ...groups, 'proj.weight', 'proj.bias'];
  assert.deepEqual([...state.keys()].sort(), [...names].sort());
  return names.map((name) => [name, state.get(name)!]);
}

suite('AirbenchPatchEmbed', () => {
  test('has the tokens, gradients and statistics of the same modules of PyTorch', { skip: skipPython }, () => {
    torch.manualSeed(5);
    const made = stems.map(([patchSize, size, channels]) => {
      const stem = randomised(new AirbenchPatchEmbed(patchSize, 3, 8, { channels })).to('float64');
      return { stem, images: torch.randn([3, 3, ...size], { dtype: 'float64' }) };
    });
    const peers = fromPython<Peer[]>(
      program,
      made.map(({ stem, images }) => ({
        dim: 8,
        channels: stem.channels(),
        state: stateOf(stem).map(([, value]) => value.toArray()),
        images: images.toArray(),
      })),
    );
    for (const [i, { stem, images }] of made.entries()) {
      const { evaluated, trained, images: wanted, gradients, statistics } = peers[i]!;
      const near = (actual: torch.Tensor | null, expected: unknown, what: string): void =>
        assertNear(actual!.double(), torch.tensor(expected as number[], { dtype: 'float64' }), { atol: 1e-8 }, what);
      near(stem.eval().call(images), evaluated, `evaluation ${i}`);
      images.requiresGrad_();
      const tokens = stem.train().call(images);
      near(tokens, trained, `training ${i}`);
      const [rows, columns] = stem.gridOf(images.size(2), images.size(3));
      assert.deepEqual(tokens.shape, [3, rows * columns, 8]);
      tokens.square().mean().backward();
      near(images.grad, wanted, `images ${i}`);
      const learned = new Map(stem.namedParameters() as torch.nn.NamedTensors);
      const ordered = stateOf(stem).flatMap(([name]) => learned.get(name) ?? []);
      assert.equal(ordered.length, gradients.length);
      for (const [n, parameter] of ordered.entries()) near(parameter.grad!.flatten(), gradients[n], `gradient ${n}`);
      const running = stateOf(stem).filter(([name]) => /running_|num_batches/.test(name));
      for (const [n, [name, value]] of running.entries()) near(value.flatten(), statistics[n], name);
    }
  });

  test("has airbench94's widths for tokens of width 128, and others in proportion", () => {
    const channels = (patchSize: number, dim: number): number[] => new AirbenchPatchEmbed(patchSize, 3, dim).channels();
    assert.deepEqual(channels(8, 128), [64, 256, 256]);
    assert.deepEqual(channels(4, 192), [96, 384]);
    assert.deepEqual(channels(2, 8), [8]);
  });

  test('refuses patches that are not a power of two, another number of groups, and channels without it', () => {
    const refused = (options: object, message: RegExp): void =>
      assert.throws(() => createModel('deit', { ...small, ...options }), { code: 'RECIPE', message });
    refused({ imageSize: 36, patchSize: 6 }, /patchEmbed "airbench" .* patchSize must be a power of two; it is 6/);
    refused({ patchSize: 1 }, /halves images at least once, but patchSize is 1/);
    refused({ stemChannels: [16, 32] }, /stemChannels has 2 numbers, but .* has 3 groups/);
    refused({ stemChannels: [16, 32, 32, 32] }, /stemChannels has 4 numbers/);
    refused({ patchEmbed: 'linear', stemChannels: [16, 32, 32] }, /patchEmbed is "linear"/);
  });
});

suite("a transformer on airbench94's convolutions", () => {
  const settings = ['precision=float32', 'device=cpu'];
  const bare = path.join(folder, 'bare.safetensors');
  const ours = { 'ours.safetensors': exportSafetensors, 'ours.pth': exportTorch } as const;
  const heads = [...settings, 'student.model.numHeads=2'];
  const images = torch.randn([2, 3, 32, 32]);
  let wanted: torch.Tensor[];

  before(async () => {
    torch.manualSeed(2);
    using model = randomised(createModel('deit', small)).eval();
    wanted = torch.noGrad(() => model.call(images)) as torch.Tensor[];
    torch.safetensors.save(bare, model.stateDict());
    using classifier = await openClassifier(bare, { settings: heads });
    for (const [name, write] of Object.entries(ours)) write(path.join(folder, name), classifier);
  });

  test('interpolates positions for images of other sizes', () => {
    using model = createModel('deit', small).eval() as VisionTransformer;
    for (const [size, patches] of [
      [32, 16],
      [48, 36],
      [36, 16],
      [39, 25],
    ] as const)
      assert.deepEqual(model.blockTokens(torch.randn([2, 3, size, size]))[0]!.shape, [2, 2 + patches, 32]);
    assert.throws(() => model.call(torch.randn([1, 3, 6, 6])), {
      code: 'RECIPE',
      message: /smaller than a patch of 8/,
    });
  });

  test('whitens with its training images, keeps that, and is read from its run', async () => {
    const recipe = tinyRecipe('student.model.patchEmbed=airbench', 'student.epochs=2', 'teacher.epochs=1');
    const { student } = await trainAll({ dataset: tinyDataset(), recipe, folder: path.join(folder, 'run') });
    using classifier = await openClassifier(student.folder, { settings });
    const { patchEmbed } = classifier.model as VisionTransformer;
    assert.ok(patchEmbed instanceof AirbenchPatchEmbed);
    const { weight } = patchEmbed.backbone.whiten;
    const half = weight.size(0) / 2;
    assertNear(weight.narrow(0, half, half), weight.narrow(0, 0, half).neg(), { atol: 0 }, 'filters of both signs');
    const filters = weight.narrow(0, 0, half).flatten(1);
    const products = filters.matmul(filters.t());
    const crossed = products.sub(products.diag().diag()).abs().max().toNumber();
    assert.ok(crossed < 1e-4 * products.abs().max().toNumber(), `filters are orthogonal: ${crossed}`);
  });

  test('gives the same logits from each file, of weights alone too', async () => {
    for (const [file, given] of [
      [bare, heads] as const,
      ...Object.keys(ours).map((name) => [path.join(folder, name), settings] as const),
    ]) {
      using classifier = await openClassifier(file, { settings: given });
      const { patchEmbed, patchSize, stemChannels } = classifier.recipe.model;
      assert.deepEqual([patchEmbed, patchSize, stemChannels], ['airbench', 8, [16, 64, 64]]);
      const { cls, dist } = classifier.logits(images);
      assertNear(cls!, wanted[0]!, { atol: 1e-5 }, 'cls');
      assertNear(dist!, wanted[1]!, { atol: 1e-5 }, 'dist');
    }
  });

  test('as an ONNX model gives the same logits', {
    skip: runtime === undefined && 'no onnxruntime-node here',
  }, async () => {
    using classifier = await openClassifier(path.join(folder, 'ours.pth'), { settings });
    await assertOnnxLogits(runtime!, classifier, { fp32: 1e-4, fp16: 2e-2, int8: 0.5 });
  });

  test('is read by timm with the code in its Hugging Face folder', { skip: skipTimm }, async () => {
    using classifier = await openClassifier(path.join(folder, 'ours.pth'), { settings });
    await assertTimmLogits(path.join(folder, 'hub'), classifier, 'deit_lt_airbench_stem', images);
  });
});
