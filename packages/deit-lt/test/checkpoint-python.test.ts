/** What Python's `torch.save` writes today, of timm's, torchvision's and other scripts' models, is recognised and mapped. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { openClassifier } from '../src/classifier/classifier.js';
import { createModel, type ModelOptions } from '../src/models/index.js';
import { fromPython, skipPython } from './helpers/python-torch.js';

/** How a script saves `state` to `file`. */
const saves = {
  plain: 'torch.save(state, file)',
  legacy: 'torch.save({"state_dict": state, "epoch": 5}, file, _use_new_zipfile_serialization=False)',
  'half precision, of several cards':
    'torch.save({"model": {"module." + k: v.half() if v.is_floating_point() else v for k, v in state.items()}}, file)',
  'bfloat16, protocol 4':
    'torch.save({"net": {k: v.bfloat16() if v.is_floating_point() else v for k, v in state.items()}}, file, pickle_protocol=4)',
  'views of one storage': `
flat = torch.cat([v.flatten().float() for v in state.values()])
views, at = {}, 0
for k, v in state.items(): views[k] = torch.nn.Parameter(flat[at:at + v.numel()].view(v.shape)); at += v.numel()
torch.save({"state_dict": views, "optimizer": {"state": {}, "param_groups": [{"betas": (0.9, 0.999)}]}}, file)`,
};

interface Job {
  file: string;
  shapes: [string, readonly number[]][];
  how: keyof typeof saves;
}

/** Saves state dicts of these names and shapes: element i of each is i/1000 (mod 1), counters are 7. */
function saveByPython(jobs: readonly Job[]): void {
  const ways = Object.entries(saves).map(([how, code]) => `if how == "${how}":\n${code.replace(/^/gm, '        ')}`);
  const code = `
for job in given:
    file, how, state = job["file"], job["how"], {}
    for name, shape in job["shapes"]:
        if name.endswith("num_batches_tracked"): state[name] = torch.tensor(7)
        else: state[name] = (torch.arange(math.prod(shape)) % 1000 / 1000).view(shape).contiguous()
    ${ways.join('\n    ')}
out = None`;
  fromPython(code, jobs);
}

const shapesOf = (name: string, options: ModelOptions): [string, readonly number[]][] => {
  using model = createModel(name, { ...options, device: 'meta' });
  return [...model.stateDict()].map(([key, { shape }]) => [key, shape]);
};

/** torchvision's name of a tensor of RegNet. */
const torchvisionRegNet = (name: string): string =>
  name
    .replace(/^head\.fc\./, 'fc.')
    .replace(/^stem\.(conv|bn)\./, (_, part: string) => `stem.${part === 'conv' ? 0 : 1}.`)
    .replace(/^s(\d)\.b(\d+)\./, (_, s: string, b: string) => `trunk_output.block${s}.block${s}-${Number(b) - 1}.`)
    .replace(/\.downsample\.(conv|bn)\./, (_, part: string) => `.proj.${part === 'conv' ? 0 : 1}.`)
    .replace(/\.se\./, '.f.se.')
    .replace(
      /\.conv([123])\.(conv|bn)\./,
      (_, i: string, part: string) => `.f.${'abc'[Number(i) - 1]}.${part === 'conv' ? 0 : 1}.`,
    );

const cases: [
  what: string,
  model: string,
  options: ModelOptions,
  kind: string,
  how: keyof typeof saves,
  rename?: (name: string) => string,
][] = [
  ['a small DeiT', 'deit', { numClasses: 10, embedDim: 64, depth: 2 }, 'student', 'plain'],
  [
    'a small ViT',
    'vit',
    { numClasses: 4, imageSize: 48, patchSize: 6, embedDim: 64, depth: 2 },
    'vit',
    'bfloat16, protocol 4',
  ],
  [
    'LayerScale with the names of its authors',
    'vit',
    { numClasses: 3, embedDim: 64, depth: 2, initValues: 0.1 },
    'vit',
    'legacy',
    (name) => name.replace(/ls([12])\.gamma/, 'gamma_$1'),
  ],
  ['ResNet-32', 'resnet32', { numClasses: 100 }, 'teacher', 'half precision, of several cards'],
  [
    'a wide ResNet-20 with a cosine classifier',
    'resnet20',
    { numClasses: 10, width: 8, cosine: true },
    'teacher',
    'views of one storage',
  ],
  [
    'ResNet-18 for small images, in the old container',
    'resnet18_cifar',
    { numClasses: 5, width: 8 },
    'teacher',
    'legacy',
  ],
  ['ResNet-18 for small images', 'resnet18_cifar', { numClasses: 10, width: 16 }, 'teacher', 'plain'],
  ['RegNetY of timm', 'regnety_004', { numClasses: 7 }, 'teacher', 'plain'],
  ['RegNetY of torchvision', 'regnety_004', { numClasses: 7 }, 'teacher', 'views of one storage', torchvisionRegNet],
];

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-python-'));
const fileOf = (i: number | string): string => path.join(folder, `${i}.pth`);

suite('checkpoints by Python', { skip: skipPython }, () => {
  before(() => {
    const jobs = cases.map(([, name, options, , how, rename = (each: string) => each], i): Job => {
      const shapes = shapesOf(name, options).map(([key, shape]): Job['shapes'][0] => [rename(key), shape]);
      return { file: fileOf(i), shapes, how };
    });
    const resnet20 = shapesOf('resnet20', { numClasses: 10 }).filter(([name]) => name !== 'layer2.1.bn1.weight');
    const wide = shapesOf('resnet50', { numClasses: 10 }).map(([name, shape]): Job['shapes'][0] =>
      /layer\d\.\d\.conv2/.test(name) ? [name, [128, 128, 3, 3]] : [name, shape.map((size) => Math.min(size, 8))],
    );
    saveByPython([
      ...jobs,
      { file: fileOf('unfit'), shapes: [...resnet20, ['layer1.0.attention.weight', [4]]], how: 'plain' },
      { file: fileOf('wide'), shapes: wide, how: 'plain' },
      { file: fileOf('other'), shapes: [['embeddings.weight', [4, 4]]], how: 'plain' },
    ]);
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const [i, [what, name, options, kind, how]] of cases.entries())
    test(`${what} (${how})`, async () => {
      using found = await openClassifier(fileOf(i));
      assert.deepEqual(
        [found.kind, found.recipe.model.name, found.classNames.length, found.namesKnown],
        [kind, name, options.numClasses, false],
      );
      const state = found.model.stateDict();
      for (const [key, tensor] of state) {
        const wanted = torch.arange(tensor.numel()).remainder(1000).div(1000).view(tensor.shape);
        const close = /16|half/.test(how) ? 4e-3 : 1e-7;
        if (tensor.isFloatingPoint()) assert.ok(tensor.sub(wanted).abs().max().toNumber() <= close, key);
        else assert.equal(Number(tensor.item()), 7, key);
      }
    });

  test('what does not fit is listed', async () => {
    const message =
      /looks like resnet20, but does not fit it: it lacks layer2\.1\.bn1\.weight; it has layer1\.0\.attention\.weight, which the network does not have/;
    await assert.rejects(openClassifier(fileOf('unfit')), { code: 'CHECKPOINT', message });
  });

  test('networks that are not available here are named by their architecture', async () => {
    const wide = /is a ResNet of an unknown shape: 3,4,6,3 bottleneck 1×128/;
    await assert.rejects(openClassifier(fileOf('wide')), { code: 'CHECKPOINT', message: wide });
    const other = /is not a network that this program knows .* It has embeddings\.weight/;
    await assert.rejects(openClassifier(fileOf('other')), { code: 'CHECKPOINT', message: other });
    const message = /has no averaged weights/;
    await assert.rejects(openClassifier(fileOf('other'), { weights: 'ema' }), { code: 'CHECKPOINT', message });
  });
});
