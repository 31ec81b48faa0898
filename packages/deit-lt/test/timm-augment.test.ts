/**
 * Augmentations against timm itself (`npm run setup:torch` installs it): every operation at every level, and whole
 * training and evaluation transforms, which draw the random numbers that were drawn here.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { argumentAt, hasSign, increasing, opOf, randOps, type ScaledOp } from '../src/augment/magnitudes.js';
import { applyPlans, type OpChoice } from '../src/augment/ops.js';
import { type AugmentConfig, buildPipeline, evaluationPipeline } from '../src/augment/registry.js';
import type { Pipeline } from '../src/augment/transform.js';
import type { Window } from '../src/data/decode/window.js';
import { MemorySource } from '../src/data/memory-source.js';
import { stream } from '../src/random/stream.js';
import { resizeInPython, smoothImages } from './helpers/photographs.js';
import { fromPython, skipTimm } from './helpers/python-torch.js';
import { type Draws, drawsInPython, RecordingStream } from './helpers/recorded-draws.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-timm-augment-'));
after(() => rmSync(folder, { recursive: true }));

const [width, height, size] = [52, 40, 32];
const mean = [0.485, 0.456, 0.406] as const;
const std = [0.229, 0.224, 0.225] as const;
/** Images of each configuration: two operations each, so that nearly all operations occur. */
const perCase = 24;

/** timm's names of operations: `posterizeIncreasing` is `PosterizeIncreasing`. */
function timmName(name: ScaledOp): string {
  if (name === 'autocontrast') return 'AutoContrast';
  const capital = name[0]!.toUpperCase() + name.slice(1);
  return name.startsWith('translate') ? `${capital}Rel` : capital;
}

interface OpCase {
  name: ScaledOp;
  timm: string;
  level: number;
  sign: 1 | -1;
  filter: 'bilinear' | 'bicubic';
}

const levels = [0, 1, 2.5, 4.4, 5, 6.25, 7.1, 9, 9.37, 10];
const allOps = [...new Set([...randOps, ...randOps.map(increasing), 'posterizeOriginal' as const])];
const opCases: OpCase[] = allOps.flatMap((name) =>
  levels.flatMap((level) =>
    (hasSign(name) ? ([1, -1] as const) : ([1] as const)).flatMap((sign) =>
      (/^(rotate|shear|translate)/.test(name) ? (['bilinear', 'bicubic'] as const) : (['bicubic'] as const)).map(
        (filter) => ({ name, timm: timmName(name), level, sign, filter }),
      ),
    ),
  ),
);

interface TransformCase {
  /** timm's configuration string. */
  config: string;
  augment: AugmentConfig;
  interpolation: 'bilinear' | 'bicubic';
  /** Boxes that random erasing draws at most. */
  boxes: number;
}

const transform = (
  config: string,
  policy: AugmentConfig,
  { interpolation = 'bicubic' as TransformCase['interpolation'], boxes = 1 } = {},
): TransformCase => ({
  config,
  augment: {
    randomResizedCrop: true,
    flip: true,
    ...policy,
    randomErasing: { probability: 0.4, fill: 'const', count: boxes, minCount: 1 },
  },
  interpolation,
  boxes,
});

const randAugment = (config: string, more = {}): TransformCase => transform(config, { randAugment: { config } }, more);
const augMix = (config: string): TransformCase => transform(config, { augMix: { config } });
const autoAugment = (policy: 'original' | 'originalr' | 'v0' | 'v0r', magnitudeStd?: number): TransformCase =>
  transform(magnitudeStd === undefined ? policy : `${policy}-mstd${magnitudeStd}`, {
    autoAugment: { policy, ...(magnitudeStd !== undefined && { magnitudeStd }) },
  });

const transformCases: TransformCase[] = [
  randAugment('rand-m9-mstd0.5-inc1'),
  randAugment('rand-m9-mstd0.5-inc1', { interpolation: 'bilinear', boxes: 3 }),
  randAugment('rand'),
  randAugment('rand-n3-m7-mstd101-inc1-p1'),
  randAugment('rand-m12-mmax15-mstd1-p0.8'),
  autoAugment('original', 0.5),
  autoAugment('originalr'),
  autoAugment('v0', 1),
  autoAugment('v0r', 0.5),
  augMix('augmix-m5-w4-d2'),
  augMix('augmix-m3-w3'),
];

const contextOf = (interpolation: TransformCase['interpolation']) => ({ size, mean, std, filter: interpolation });

/** Runs `pipeline` on all `images`, each with its own draws. */
async function run(pipeline: Pipeline, images: torch.Tensor, randoms: readonly RecordingStream[]) {
  const length = images.size(0);
  const pixels = images.toTypedArray<'uint8'>();
  const source = new MemorySource({ kind: 'memory', length, width, height, pixels, nameOf: (i) => `${i}` });
  const windows = randoms.map((random) => pipeline.window(width, height, random));
  const read = await source.read(
    Int32Array.from({ length }, (_, i) => i),
    windows,
    size,
    pipeline.filter,
  );
  return pipeline.transforms.reduce((batch, apply) => apply(batch, randoms), read);
}

const program = `
import os, numpy as np, safetensors.torch, torchvision.transforms.transforms as tv
import timm.data, timm.data.auto_augment as aa, timm.data.transforms as crops, timm.data.random_erasing as erasing
${drawsInPython}
${resizeInPython}
torch.set_num_threads(1)
at = lambda name: os.path.join(given["folder"], name)
images = [Image.fromarray(image) for image in safetensors.torch.load_file(at("images.safetensors"))["images"].numpy()]
fill = tuple(min(255, round(255 * x)) for x in given["mean"])
filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}

# Today's Pillow refuses to keep no bits, which earlier ones did: all levels become 0.
keep_bits = aa.ImageOps.posterize
aa.ImageOps.posterize = lambda image, bits: keep_bits(image, bits) if bits > 0 else Image.new("RGB", image.size)

class Sign:
    """In place of random: negates or not."""
    def __init__(self, sign): self.sign = sign
    def random(self): return 0.25 if self.sign > 0 else 0.75

arguments, operated = [], []
for case in given["ops"]:
    hparams = {"img_mean": fill, "interpolation": filters[case["filter"]]}
    op = aa.AugmentOp(case["timm"], prob=1.0, magnitude=case["level"], hparams=hparams)
    aa.random = Sign(case["sign"])
    level_fn = aa.LEVEL_TO_ARG[case["timm"]]
    arguments.append(list(level_fn(case["level"], hparams)) if level_fn else [])
    operated.append(torch.from_numpy(np.array(op(images[0]))))

Image.Image.resize = resize
def rand(*shape): return torch.tensor([drawing.random()], dtype=torch.float64)
tv.torch = type("Torch", (), {"rand": staticmethod(rand), "__getattr__": lambda self, name: getattr(torch, name)})()
transformed = {}
for k, case in enumerate(given["transforms"]):
    transform = timm.data.create_transform(
        ${size}, is_training=True, auto_augment=case["config"], interpolation=case["interpolation"], mean=given["mean"],
        std=given["std"], re_prob=0.4, re_mode="const", re_count=case["boxes"])
    results = []
    for image, drawn in zip(images, case["drawn"]):
        drawing = aa.random = crops.random = erasing.random = Draws(drawn)
        aa.np = drawing.numpy
        results.append(transform(image))
        drawing.check_empty()
    transformed[f"transform{k}"] = torch.stack(results)
evaluate = timm.data.create_transform(${size + 16}, interpolation="bicubic", mean=given["mean"], std=given["std"], crop_pct=0.875)
evaluated = torch.stack([evaluate(image) for image in images])
Image.Image.resize = resize_at_once
tall = [each.resize((${size}, ${size}), Image.Resampling.BICUBIC, (8, 0, 36, ${height})) for each in images]
tall = torch.stack([torch.from_numpy(np.array(each)) for each in tall])
result = {"tall": tall, "operated": torch.stack(operated), "evaluated": evaluated, **transformed}
safetensors.torch.save_file(result, at("results.safetensors"))
out = arguments`;

suite("augmentations are timm's", { skip: skipTimm }, () => {
  let images: torch.Tensor;
  let ours: torch.Tensor[];
  let theirs: ReadonlyMap<string, torch.Tensor>;
  let theirArguments: number[][];

  before(async () => {
    images = smoothImages(perCase, width, height);
    torch.safetensors.save(path.join(folder, 'images.safetensors'), new Map([['images', images]]));
    const drawn: Draws[][] = [];
    ours = [];
    for (const [k, { augment, interpolation }] of transformCases.entries()) {
      const randoms = Array.from({ length: perCase }, (_, i) => new RecordingStream(7, k, i));
      ours.push(await run(buildPipeline(augment, contextOf(interpolation)), images, randoms));
      drawn.push(randoms.map((random) => random.drawn));
    }
    theirArguments = fromPython<number[][]>(program, {
      folder,
      mean,
      std,
      ops: opCases,
      transforms: transformCases.map(({ config, interpolation, boxes }, k) => ({
        config,
        interpolation,
        boxes,
        drawn: drawn[k],
      })),
    });
    theirs = torch.safetensors.load(path.join(folder, 'results.safetensors'));
  });

  test('levels become the same arguments, to the last bit', () => {
    for (const [k, { name, level, sign }] of opCases.entries()) {
      const [theirArgument] = theirArguments[k]!;
      if (theirArgument !== undefined)
        assert.equal(argumentAt(name, level, sign) + 0, theirArgument + 0, `${name} at ${level}, ${sign}`);
    }
  });

  for (const name of allOps)
    test(`${name} gives the same pixels at every level`, () => {
      const cases = [...opCases.entries()].filter(([, each]) => each.name === name);
      const plans = cases.map(([, { level, sign, filter }]): OpChoice[] => [
        { op: opOf(name), arg: argumentAt(name, level, sign), filter },
      ]);
      const first = images.narrow(0, 0, 1).permute(0, 3, 1, 2).float();
      const changed = applyPlans(first.repeat(cases.length, 1, 1, 1), plans, { fill: [124, 116, 104] });
      for (const [i, [k, { level, sign, filter }]] of cases.entries()) {
        const wanted = theirs.get('operated')!.select(0, k).permute(2, 0, 1).float();
        const difference = changed.select(0, i).sub(wanted).abs().max().toNumber();
        assert.equal(difference, 0, `${name} at ${level}, ${sign}, ${filter}`);
      }
    });

  // A level is at least 1/255/0.229 = 0.017 of the network's numbers; the rest is how float32 rounds (level/255 − mean)/std.
  const tolerance = 1e-5;

  for (const [k, { config, interpolation, boxes }] of transformCases.entries())
    test(`the training transform ${config}, ${interpolation}, ${boxes} boxes, with the same draws`, () => {
      const wanted = theirs.get(`transform${k}`)!;
      assert.deepEqual(ours[k]!.shape, wanted.shape);
      const apart = ours[k]!.sub(wanted).abs().amax([1, 2, 3]).toArray() as number[];
      apart.forEach((difference, i) => {
        assert.ok(difference < tolerance, `image ${i} differs by ${difference}`);
      });
    });

  test('a resize that Pillow 13 does vertically first differs by two levels at most', async () => {
    const window = { x: 8, y: 0, width: 28, height, flip: false, seesAround: true };
    const pixels = images.toTypedArray<'uint8'>();
    const source = new MemorySource({ kind: 'memory', length: perCase, width, height, pixels, nameOf: String });
    const ids = Int32Array.from({ length: perCase }, (_, i) => i);
    const read = await source.read(ids, new Array<Window>(perCase).fill(window), size, 'bicubic');
    const difference = read.sub(theirs.get('tall')!.permute(0, 3, 1, 2).float()).abs();
    assert.ok(difference.max().toNumber() <= 2, `${difference.max().toNumber()} levels`);
  });

  test('the evaluation transform gives the same numbers', async () => {
    const pipeline = evaluationPipeline({ ...contextOf('bicubic'), size: size + 16 });
    const source = { kind: 'memory' as const, length: perCase, width, height, pixels: images.toTypedArray<'uint8'>() };
    const windows = Array.from({ length: perCase }, () => pipeline.window(width, height, stream(0, 'augment')));
    const read = await new MemorySource({ ...source, nameOf: String }).read(
      Int32Array.from({ length: perCase }, (_, i) => i),
      windows,
      pipeline.size,
      pipeline.filter,
    );
    const evaluated = pipeline.transforms.reduce((batch, apply) => apply(batch, []), read);
    assert.ok(evaluated.sub(theirs.get('evaluated')!).abs().max().toNumber() < tolerance);
  });
});
