/** Operations at random arguments against Pillow itself and torchvision, where this machine has them: equal level by level. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { applyPlans, type OpChoice } from '../src/augment/ops.js';
import { type RandomStream, stream } from '../src/random/stream.js';
import { pillow, skipPillow } from './helpers/pillow.js';

const [width, height] = [37, 22];
const fill = [124, 116, 104];

/** What gives the same image in Python, of `im` and the argument `arg`. */
const references: Record<string, string> = {
  rotate: 'im.rotate(arg, resample=resample, fillcolor=fill)',
  shearX: 'im.transform(im.size, 0, (1, arg, 0, 0, 1, 0), resample=resample, fillcolor=fill)',
  shearY: 'im.transform(im.size, 0, (1, 0, 0, arg, 1, 0), resample=resample, fillcolor=fill)',
  translateX: 'im.transform(im.size, 0, (1, 0, arg * im.size[0], 0, 1, 0), resample=resample, fillcolor=fill)',
  translateY: 'im.transform(im.size, 0, (1, 0, 0, 0, 1, arg * im.size[1]), resample=resample, fillcolor=fill)',
  autocontrast: 'ImageOps.autocontrast(im)',
  equalize: 'ImageOps.equalize(im)',
  invert: 'ImageOps.invert(im)',
  solarize: 'ImageOps.solarize(im, arg)',
  posterize: 'ImageOps.posterize(im, int(arg))',
  brightness: 'ImageEnhance.Brightness(im).enhance(arg)',
  contrast: 'ImageEnhance.Contrast(im).enhance(arg)',
  color: 'ImageEnhance.Color(im).enhance(arg)',
  sharpness: 'ImageEnhance.Sharpness(im).enhance(arg)',
  hue: 'F.adjust_hue(im, arg)',
  gaussianBlur: 'im.filter(ImageFilter.GaussianBlur(arg))',
};

/** [low, high] of the arguments that are tried. */
const ranges: Record<string, readonly [number, number]> = {
  rotate: [-180, 180],
  shearX: [-0.4, 0.4],
  shearY: [-0.4, 0.4],
  translateX: [-0.6, 0.6],
  translateY: [-0.6, 0.6],
  solarize: [0, 256],
  posterize: [1, 8],
  hue: [-0.5, 0.5],
  gaussianBlur: [0.1, 4],
};

function argumentsOf(op: string, random: RandomStream): number[] {
  const [low, high] = ranges[op] ?? [0, 2];
  return Array.from({ length: 12 }, () => {
    const arg = random.uniform(low, high);
    return op === 'posterize' ? Math.floor(arg) : arg;
  });
}

const program = `
from PIL import ImageEnhance, ImageOps
import torchvision.transforms.functional as F
im = Image.fromarray(np.array(given["pixels"], dtype=np.uint8).reshape(${height}, ${width}, 3))
fill = (${fill.join()})
out = []
for case in given["cases"]:
    names = dict(globals(), resample=case["resample"])
    out.append([np.array(eval(case["code"], dict(names, arg=arg))).ravel().tolist() for arg in case["args"]])
`;

suite('operations at random arguments are Pillow’s', { skip: skipPillow }, () => {
  const random = stream(0, 'draw');
  // Smooth, as photographs are, with clipped parts: exact values fall on whole levels now and then.
  const image = torch
    .randn([1, 3, 6, 8], { generator: new torch.Generator().manualSeed(3) })
    .mul(90)
    .add(128);
  const levels = torch.ops.aten.upsample_bilinear2d.default(image, [height, width], false).clamp(0, 255).floor();
  const pixels = Array.from(levels.permute(0, 2, 3, 1).reshape(-1).toTypedArray<'float32'>());
  const filters = { nearest: 0, bilinear: 2, bicubic: 3 } as const;
  const cases = Object.entries(references).flatMap(([op, code]) => {
    const geometric = /^(rotate|shear|translate)/.test(op);
    return Object.entries(filters)
      .slice(0, geometric ? 3 : 1)
      .map(([filter, resample]) => ({ op, filter, resample, code, geometric, args: argumentsOf(op, random) }));
  });
  // One Python for all: to start it takes longer than all the rest.
  const expected = skipPillow ? [] : pillow<number[][][]>(program, { pixels, cases });

  cases.forEach(({ op, filter, geometric, args }, k) => {
    test(geometric ? `${op}, ${filter}` : op, () => {
      const plans = args.map((arg) => [{ op, arg, filter } as OpChoice]);
      const changed = applyPlans(levels.repeat(args.length, 1, 1, 1), plans, { fill });
      args.forEach((arg, i) => {
        const actual = Array.from(changed.select(0, i).permute(1, 2, 0).reshape(-1).toTypedArray<'float32'>());
        assert.deepEqual(actual, expected[k]![i], `${op} ${arg}`);
      });
    });
  });
});
