/**
 * Crops, resizes, colours and normalisation against torchvision's `transforms.v2` on the images of Pillow and on tensors,
 * for the parameters that torchvision draws.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { cifar10, cifarOps, scaledPolicies } from '../src/augment/auto-augment-policies.js';
import { normalize } from '../src/augment/normalize.js';
import { applyPlans, type OpChoice } from '../src/augment/ops.js';
import type { Filter, Window } from '../src/data/decode/window.js';
import { MemorySource } from '../src/data/memory-source.js';
import { resizeInPython, smoothImages } from './helpers/photographs.js';
import { fromPython, skipTransformsV2 } from './helpers/python-torch.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-torchvision-'));
after(() => rmSync(folder, { recursive: true }));
const fileOf = (name: string): string => path.join(folder, `${name}.safetensors`);

const count = 12;
const [width, height] = [52, 40];
const mean = [0.485, 0.456, 0.406] as const;
const std = [0.229, 0.224, 0.225] as const;
const filters = ['bilinear', 'bicubic'] as const;
/** Smaller, between the sides, and larger than the images. */
const sizes = [24, 45, 64];

const program = `
import os, numpy as np, safetensors.torch
from torchvision.transforms import v2, AutoAugmentPolicy
from torchvision.transforms.v2 import functional as F
${resizeInPython}
torch.set_num_threads(1)
at = lambda name: os.path.join(given["folder"], name + ".safetensors")
tensors = safetensors.torch.load_file(at("images"))["images"]
images = [Image.fromarray(image.numpy()) for image in tensors]
levels = lambda image: torch.from_numpy(np.array(image)).permute(2, 0, 1)
stack = lambda changed: torch.stack([levels(image) for image in changed])
result, out = {}, {"crops": [], "places": [], "jitters": []}
Image.Image.resize = resize
for filter in given["filters"]:
    mode = v2.InterpolationMode(filter)
    for size in given["sizes"]:
        result[f"resize.{filter}.{size}"] = stack(F.resize(image, [size, size], mode) for image in images)
        result[f"tensor.{filter}.{size}"] = F.resize(tensors.permute(0, 3, 1, 2), [size, size], mode, antialias=True)
    crop = v2.RandomResizedCrop(32, interpolation=mode)
    torch.manual_seed(5)
    crops = [crop.make_params([image]) for image in images]
    out["crops"].append(crops)
    result[f"crop.{filter}"] = stack(crop.transform(image, each) for image, each in zip(images, crops))
for mode in ("constant", "reflect"):
    crop = v2.RandomCrop((${height}, ${width}), padding=4, padding_mode=mode)
    crops = [crop.make_params([image]) for image in images]
    out["places"].append([[each["top"], each["left"]] for each in crops])
    result[f"pad.{mode}"] = stack(crop.transform(image, each) for image, each in zip(images, crops))
result["flip"] = stack(v2.RandomHorizontalFlip(1)(image) for image in images)
result["flipVertical"] = stack(v2.RandomVerticalFlip(1)(image) for image in images)
jitter = v2.ColorJitter(0.4, 0.4, 0.4, 0.1)
drawn = [jitter.make_params([image]) for image in images]
for each in drawn:
    named = [("brightness", each["brightness_factor"]), ("contrast", each["contrast_factor"]), ("color", each["saturation_factor"]), ("hue", each["hue_factor"])]
    out["jitters"].append([named[k] for k in each["fn_idx"].tolist()])
result["jitter"] = stack(jitter.transform(image, each) for image, each in zip(images, drawn))
for name, transform in given["single"].items():
    result["single." + name] = stack(eval("v2." + transform)(image) for image in images)
numbers = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(given["mean"], given["std"])])
result["normalize"] = torch.stack([numbers(image) for image in images])
for name, policy in (("cifar10", AutoAugmentPolicy.CIFAR10), ("imagenet", AutoAugmentPolicy.IMAGENET)):
    auto = v2.AutoAugment(policy)
    out[name] = auto._policies
space = {name: law(10, 32, 32) for name, (law, signed) in auto._AUGMENTATION_SPACE.items()}
out["space"] = {name: None if law is None else law.tolist() for name, law in space.items()}
safetensors.torch.save_file({k: v.contiguous() for k, v in result.items()}, at("results"))`;

/** Transforms of one operation: ours and torchvision's. */
const single: Readonly<Record<string, [OpChoice, string]>> = {
  grayscale: [{ op: 'grayscale', arg: 0 }, 'RandomGrayscale(1)'],
  solarize: [{ op: 'solarize', arg: 100 }, 'RandomSolarize(100, 1)'],
  posterize: [{ op: 'posterize', arg: 3 }, 'RandomPosterize(3, 1)'],
  autocontrast: [{ op: 'autocontrast', arg: 0 }, 'RandomAutocontrast(1)'],
  equalize: [{ op: 'equalize', arg: 0 }, 'RandomEqualize(1)'],
  invert: [{ op: 'invert', arg: 0 }, 'RandomInvert(1)'],
  sharpness: [{ op: 'sharpness', arg: 1.7 }, 'RandomAdjustSharpness(1.7, 1)'],
};

type Policy = [[string, number, number | null], [string, number, number | null]][];

interface Found {
  /** One list for each filter. */
  readonly crops: readonly { top: number; left: number; height: number; width: number }[][];
  /** One list for each mode of the border: top and left of each image. */
  readonly places: readonly [number, number][][];
  readonly jitters: readonly [OpChoice['op'], number][][];
  readonly cifar10: Policy;
  readonly imagenet: Policy;
  readonly space: Readonly<Record<string, number[] | null>>;
}

suite("images are those of torchvision's transforms.v2", { skip: skipTransformsV2 }, () => {
  const images = smoothImages(count, width, height);
  const batch = images.permute(0, 3, 1, 2).float();
  const pixels = images.toTypedArray<'uint8'>();
  const source = new MemorySource({ kind: 'memory', length: count, width, height, pixels, nameOf: String });
  let found: Found;
  let theirs: ReadonlyMap<string, torch.Tensor>;

  before(() => {
    torch.safetensors.save(fileOf('images'), new Map([['images', images]]));
    const calls = Object.fromEntries(Object.entries(single).map(([name, [, call]]) => [name, call]));
    found = fromPython<Found>(program, { folder, filters, sizes, mean, std, single: calls });
    theirs = torch.safetensors.load(fileOf('results'));
  });

  /** The window of each image, or one for all. */
  function read(windows: Window | readonly Window[], size: number, filter: Filter): Promise<torch.Tensor> {
    const all = Array.isArray(windows) ? (windows as Window[]) : new Array<Window>(count).fill(windows as Window);
    return source.read(
      Int32Array.from({ length: count }, (_, i) => i),
      all,
      size,
      filter,
    );
  }

  const difference = (actual: torch.Tensor, name: string): number => {
    const wanted = theirs.get(name)!.float();
    assert.deepEqual(actual.shape, wanted.shape, name);
    return actual.sub(wanted).abs().max().toNumber();
  };

  const whole: Window = { x: 0, y: 0, width, height, flip: false };

  for (const filter of filters)
    for (const size of sizes) {
      test(`resize to ${size}, ${filter}, of Pillow's images`, async () => {
        assert.equal(difference(await read(whole, size, filter), `resize.${filter}.${size}`), 0);
      });

      // PyTorch's weights of bytes have fewer bits than Pillow's.
      test(`resize to ${size}, ${filter}, of tensors, up to one level`, async () => {
        assert.ok(difference(await read(whole, size, filter), `tensor.${filter}.${size}`) <= 1);
      });
    }

  for (const [k, filter] of filters.entries())
    test(`random resized crops, ${filter}`, async () => {
      const windows = found.crops[k]!.map(({ left, top, ...sides }) => ({ x: left, y: top, ...sides, flip: false }));
      assert.equal(difference(await read(windows, 32, filter), `crop.${filter}`), 0);
    });

  for (const [k, mode] of (['constant', 'reflect'] as const).entries())
    test(`crops with a border of 4 pixels, ${mode}`, async () => {
      // Ours are square: the left part of torchvision's.
      const windows = found.places[k]!.map(([top, left]): Window => {
        const place = { x: left - 4, y: top - 4, width: height, height, flip: false };
        return mode === 'reflect' ? { ...place, reflect: true } : place;
      });
      const actual = await read(windows, height, 'bilinear');
      const wanted = theirs.get(`pad.${mode}`)!.narrow(3, 0, height).float();
      assert.equal(actual.sub(wanted).abs().max().toNumber(), 0);
    });

  test('flips', async () => {
    const window = { ...whole, width: height };
    const right = { ...window, x: width - height, flip: true };
    const across = theirs.get('flip')!.narrow(3, 0, height).float();
    assert.equal((await read(right, height, 'bilinear')).sub(across).abs().max().toNumber(), 0);
    const down = theirs.get('flipVertical')!.narrow(3, 0, height).float();
    const turned = await read({ ...window, flipVertical: true }, height, 'bilinear');
    assert.equal(turned.sub(down).abs().max().toNumber(), 0);
  });

  test('colour jitter of brightness, contrast, saturation and hue, in the drawn order', () => {
    const plans = found.jitters.map((each) => each.map(([op, arg]): OpChoice => ({ op, arg })));
    assert.ok(plans.every((plan) => plan.length === 4));
    assert.equal(difference(applyPlans(batch, plans), 'jitter'), 0);
  });

  for (const [name, [choice]] of Object.entries(single))
    test(name, () => {
      assert.equal(difference(applyPlans(batch, new Array(count).fill([choice])), `single.${name}`), 0);
    });

  test('normalisation, up to the rounding of float32', () => {
    assert.ok(difference(normalize({ mean, std })(batch, []), 'normalize') < 2e-6);
  });

  test('AutoAugment for CIFAR-10 has the same operations, probabilities and steps', () => {
    for (const [k, [a, pa, la, b, pb, lb]] of cifar10.entries())
      for (const [[name, p, level], given] of [
        [[a, pa, la], found.cifar10[k]![0]],
        [[b, pb, lb], found.cifar10[k]![1]],
      ] as const) {
        assert.deepEqual([name.toLowerCase(), p], [given[0].toLowerCase(), given[1]]);
        if (given[2] !== null) assert.equal(level, given[2]);
      }
  });

  test('its ranges are the same', () => {
    const value = (name: keyof typeof cifarOps, level: number): number => cifarOps[name].argument(level, 1);
    for (let level = 0; level < 10; level++) {
      const at = (name: string): number => found.space[name]![level]!;
      for (const name of ['shearX', 'shearY', 'rotate'] as const)
        assert.ok(Math.abs(value(name, level) - at(name[0]!.toUpperCase() + name.slice(1))) < 1e-5, name);
      for (const name of ['brightness', 'color', 'contrast', 'sharpness'] as const)
        assert.ok(Math.abs(value(name, level) - 1 - at(name[0]!.toUpperCase() + name.slice(1))) < 1e-6, name);
      assert.equal(value('posterize', level), at('Posterize'));
      assert.ok(Math.abs(value('solarize', level) - 256 * at('Solarize')) < 1e-4);
      for (const name of ['translateX', 'translateY'] as const)
        assert.ok(Math.abs(value(name, level) * 32 - at(name[0]!.toUpperCase() + name.slice(1))) < 1e-5, name);
    }
  });

  test('AutoAugment for ImageNet has the same operations and probabilities', () => {
    for (const [k, [a, pa, , b, pb]] of scaledPolicies.original.entries()) {
      const plain = (name: string): string => name.replace('Original', '').toLowerCase();
      const given = found.imagenet[k]!.map(([name, p]) => [name.toLowerCase(), p]);
      assert.deepEqual(
        [
          [plain(a), pa],
          [plain(b), pb],
        ],
        given,
      );
    }
  });
});
