/**
 * Augmentations against numbers that timm, torchvision and Pillow gave (../shared/golden beside the repository, made with
 * Pillow 9.4 and torch 1.13.1; skipped where it is not).
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { cifarChoice, drawCifarPair } from '../src/augment/auto-augment.js';
import { type CifarOpName, cifar10 } from '../src/augment/auto-augment-policies.js';
import { cutoutBox } from '../src/augment/cutout.js';
import { centerWindow } from '../src/augment/evaluation-input.js';
import { argumentAt, hasSign, opOf } from '../src/augment/magnitudes.js';
import { cutmixBox, cutmixOf, type Mix, mixImages, mixTargets } from '../src/augment/mixup.js';
import { normalize } from '../src/augment/normalize.js';
import { applyPlans, type OpChoice } from '../src/augment/ops.js';
import { padCrop } from '../src/augment/pad-crop.js';
import { drawEraseBox, pixelsIn } from '../src/augment/random-erasing.js';
import { drawResizedCrop } from '../src/augment/random-resized-crop.js';
import { asBatch, asImage, loadGolden, maxDifference, noGolden, pythonStream, replay } from './augment-helpers.js';
import { scaledNames } from './helpers/exactness.js';

type ImageName = string;
type Four = [number, number, number, number];

interface Golden {
  images: Record<ImageName, { width: number; height: number; key: string }>;
  img_mean_fill: number[];
  randaugment: { level_to_arg: { op: string; level: number | null; sign: 1 | -1 | null; args: number[] }[] };
  randaugment_full: { image: ImageName; cases: { key: string; applied: { op: string; args: number[] }[] }[] };
  eval_transform: {
    cases: {
      image: ImageName;
      size: number;
      resized_width_height: [number, number];
      crop_top: number;
      crop_left: number;
    }[];
  };
  random_resized_crop_params: {
    scale: [number, number];
    ratio: [number, number];
    cases: { python_seed: number; image: ImageName; top_left_height_width: Four }[];
  };
  normalize: Record<string, { mean: Triple; std: Triple; key: string } | string>;
  autoaugment_cifar10_policy: {
    fillcolor: number[];
    cases: {
      policy: number;
      position: 1 | 2;
      op: CifarOpName;
      magnitude_index: number;
      magnitude: number;
      probability: number;
      sign: 1 | -1 | null;
    }[];
    full_cases: { key: string; python_seed: number; image: ImageName }[];
  };
  cutout: {
    length: number;
    cases: { key: string; center_y: number; center_x: number; box_y1_y2_x1_x2: Four }[];
  };
  mixup_cutmix: {
    num_classes: number;
    label_smoothing: number;
    cases: {
      kind: 'mixup' | 'cutmix';
      lam: number;
      center_y: number;
      center_x: number;
      box_yl_yh_xl_xh: Four;
      corrected_lam: number;
      x: string;
      target: string;
    }[];
  };
  random_erasing: {
    probability: number;
    min_area: number;
    max_area: number;
    aspect: [number, number];
    height: number;
    width: number;
    cases: { key: string; uniform_stream: number[]; box_top_left_height_width: Four | null }[];
    seeded_boxes: { python_seed: number; erased: boolean; box_top_left_height_width?: Four }[];
  };
}
type Triple = [number, number, number];

suite('golden augmentations', { skip: noGolden }, () => {
  const { json, at } = noGolden ? loadNothing() : loadGolden<Golden>();

  test("RandAugment's levels become timm's arguments exactly", () => {
    for (const { op, level, sign, args } of json.randaugment.level_to_arg) {
      const arg = argumentAt(scaledNames[op]!, level ?? 0, sign ?? 1);
      assert.equal(arg + 0, (args[0] ?? 0) + 0, `${op} at ${level}, ${sign}`);
      assert.equal(hasSign(scaledNames[op]!), sign !== null, op);
    }
  });

  test('whole runs of RandAugment give timm’s images for the operations that it drew', () => {
    const { image, cases } = json.randaugment_full;
    const plans = cases.map(({ applied }) =>
      applied.map(({ op, args }): OpChoice => ({ op: opOf(scaledNames[op]!), arg: args[0] ?? 0, filter: 'bicubic' })),
    );
    const batch = asBatch(at(`image.${image}`)).repeat(cases.length, 1, 1, 1);
    const changed = applyPlans(batch, plans, { fill: json.img_mean_fill });
    cases.forEach(({ key }, i) => {
      assert.equal(maxDifference(asImage(changed, i), at(key).float()), 0, key);
    });
  });

  test('the CIFAR-10 policy has PaCo’s probabilities and magnitudes', () => {
    for (const { policy, position, op, magnitude_index, magnitude, probability, sign } of json
      .autoaugment_cifar10_policy.cases) {
      const [a, pa, la, b, pb, lb] = cifar10[policy]!;
      assert.deepEqual(position === 1 ? [a, pa, la] : [b, pb, lb], [op, probability, magnitude_index]);
      const { arg } = cifarChoice(op, magnitude_index, sign ?? 1);
      const enhances = ['color', 'contrast', 'brightness', 'sharpness'].includes(op);
      const signed = (sign ?? 1) * magnitude;
      assert.equal(arg, enhances ? 1 + signed : signed, `${op} at ${magnitude_index}`);
    }
  });

  test('whole runs of the CIFAR-10 policy give PaCo’s images for the same random numbers', () => {
    const { fillcolor, full_cases } = json.autoaugment_cifar10_policy;
    for (const { key, python_seed, image } of full_cases) {
      const plan = drawCifarPair(pythonStream(python_seed));
      const changed = applyPlans(asBatch(at(`image.${image}`)), [plan], { fill: fillcolor });
      assert.equal(maxDifference(asImage(changed), at(key).float()), 0, key);
    }
  });

  test('normalisation agrees to 1e-6', () => {
    for (const entry of Object.values(json.normalize)) {
      if (typeof entry === 'string') continue;
      const { mean, std, key } = entry;
      const image = key.slice(key.lastIndexOf('.') + 1);
      const normalised = normalize({ mean, std })(asBatch(at(`image.${image}`)), []);
      assert.ok(maxDifference(normalised.select(0, 0), at(key)) < 1e-6, key);
    }
  });

  test('evaluation windows are the resized and cropped ones', () => {
    for (const {
      image,
      size,
      resized_width_height: [w, h],
      crop_top,
      crop_left,
    } of json.eval_transform.cases) {
      const { width, height } = json.images[image]!;
      const window = centerWindow(width, height, size);
      const expected = [crop_left, crop_top, size, size];
      const actual = [
        (window.x * w) / width,
        (window.y * h) / height,
        (window.width * w) / width,
        (window.height * h) / height,
      ];
      actual.forEach((value, i) => {
        assert.ok(Math.abs(value - expected[i]!) < 1e-9, `${image} at ${size}: ${actual}, not ${expected}`);
      });
    }
  });

  test("random resized crops are timm's for the same random numbers", () => {
    const { scale, ratio, cases } = json.random_resized_crop_params;
    for (const {
      python_seed,
      image,
      top_left_height_width: [y, x, height, width],
    } of cases) {
      const { width: fromWidth, height: fromHeight } = json.images[image]!;
      const window = drawResizedCrop(fromWidth, fromHeight, { scale, ratio }, pythonStream(python_seed));
      assert.deepEqual(window, { x, y, width, height, flip: false });
    }
  });

  test("padded crops begin where torchvision's do", () => {
    const sampler = padCrop.create(
      { padding: 4, mode: 'zero' },
      { size: 32, mean: [0, 0, 0], std: [1, 1, 1], filter: 'bilinear' },
    );
    assert.deepEqual(sampler(32, 32, replay([3.5 / 9, 7.5 / 9])), { x: 3, y: -1, width: 32, height: 32, flip: false });
  });

  test('random erasing draws the boxes and fills of timm', () => {
    const { probability, min_area, max_area, aspect, height, width, cases, seeded_boxes } = json.random_erasing;
    assert.deepEqual(at('erase.input').shape.slice(-2), [height, width]);
    const options = { area: [min_area, max_area], ratio: aspect } as const;
    const boxOf = ([top, left, height, width]: Four) => ({ top, left, height, width });
    for (const { key, uniform_stream, box_top_left_height_width } of cases) {
      const random = replay(uniform_stream);
      const box = random.random() > probability ? undefined : drawEraseBox(width, height, options, random);
      assert.deepEqual(box, box_top_left_height_width ? boxOf(box_top_left_height_width) : undefined);
      const erased = at('erase.input').unsqueeze(0).clone();
      if (box) pixelsIn(erased, 0, box).copy_(at('erase.noise').narrow(1, 0, box.height).narrow(2, 0, box.width));
      assert.equal(maxDifference(erased.select(0, 0), at(key)), 0, key);
    }
    for (const { python_seed, erased, box_top_left_height_width } of seeded_boxes) {
      const random = pythonStream(python_seed);
      assert.equal(random.random() <= probability, erased);
      if (erased) assert.deepEqual(drawEraseBox(width, height, options, random), boxOf(box_top_left_height_width!));
    }
  });

  test('Cutout blackens the published boxes', () => {
    const { length, cases } = json.cutout;
    const [height, width] = at('cutout.input').shape.slice(-2) as [number, number];
    for (const {
      key,
      center_y,
      center_x,
      box_y1_y2_x1_x2: [y1, y2, x1, x2],
    } of cases) {
      const box = cutoutBox(width, height, length, center_y, center_x);
      assert.deepEqual(box, { top: y1, left: x1, height: y2 - y1, width: x2 - x1 });
      const cut = at('cutout.input').unsqueeze(0).clone();
      pixelsIn(cut, 0, box).zero_();
      assert.equal(maxDifference(cut.select(0, 0), at(key)), 0, key);
    }
  });

  test('Mixup and CutMix give images and targets to 1e-6', () => {
    const { num_classes: numClasses, label_smoothing: smoothing, cases } = json.mixup_cutmix;
    const [height, width] = at('mix.input').shape.slice(-2) as [number, number];
    const labels = Int32Array.from(at('mix.labels').toTypedArray<'int64'>(), Number);
    for (const item of cases) {
      let mix: Mix = { kind: 'mixup', lambda: item.lam };
      if (item.kind === 'cutmix') {
        const box = cutmixBox(height, width, item.lam, item.center_y, item.center_x);
        const [yl, yh, xl, xh] = item.box_yl_yh_xl_xh;
        assert.deepEqual(box, { top: yl, left: xl, height: yh - yl, width: xh - xl });
        mix = cutmixOf(box, height, width);
        assert.ok(Math.abs(mix.lambda - item.corrected_lam) < 1e-12);
      }
      for (const mixes of [[mix], Array.from(labels, () => mix)]) {
        assert.ok(maxDifference(mixImages(at('mix.input'), mixes), at(item.x)) < 1e-6, item.x);
        const targets = mixTargets(labels, mixes, { numClasses, smoothing });
        assert.ok(maxDifference(targets, at(item.target)) < 1e-6, item.target);
      }
    }
  });
});

/** Stands in where the golden folder is absent and every test is skipped. */
function loadNothing(): { json: Golden; at: (key: string) => torch.Tensor } {
  return { json: {} as Golden, at: () => torch.empty(0) };
}
