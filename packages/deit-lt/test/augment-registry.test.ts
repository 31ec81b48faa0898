/** The registry of augmentations: what a recipe may say, and what every entry keeps. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import type { AugmentationKind, PipelineContext } from '../src/augment/augmentation.js';
import { presetNames, presets } from '../src/augment/presets.js';
import {
  type AugmentConfig,
  augmentations,
  augmentSchema,
  buildPipeline,
  evaluationPipeline,
  resolveAugment,
} from '../src/augment/registry.js';
import { roundHalfEven } from '../src/augment/round-half-even.js';
import type { BatchTransform } from '../src/augment/transform.js';
import { UserError } from '../src/errors.js';
import { type RandomStream, stream } from '../src/random/stream.js';
import { Upload } from '../src/upload.js';

const context: PipelineContext = { size: 16, mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.3], filter: 'bilinear' };

const levels = (batch: number): torch.Tensor =>
  torch
    .randint(0, 256, [batch, 16, 16, 3], { generator: new torch.Generator().manualSeed(1) })
    .float()
    .permute(0, 3, 1, 2);

const streams = (ids: readonly number[]): RandomStream[] => ids.map((id) => stream(3, 'augment', 0, id));
const ofKind = (kind: AugmentationKind): string[] =>
  Object.entries(augmentations).flatMap(([name, entry]) => (entry.kind === kind ? [name] : []));

/** Options that change most images, whatever the defaults are. */
const strong: AugmentConfig = {
  colorJitter: { brightness: 0.4, contrast: [0.5, 1.5], saturation: 0.4, hue: 0.1 },
  randomAffine: { degrees: 20, shear: 0.2, translate: 0.1 },
  grayscale: { probability: 0.5 },
  solarize: { probability: 0.5 },
  posterize: { probability: 0.5, bits: 3 },
  gaussianBlur: true,
  randAugment: { config: 'rand-m9-p1' },
  cutout: { length: 6 },
  randomErasing: { probability: 0.7, count: 2 },
};

const transformsOf = (name: string): readonly BatchTransform[] => {
  const options = strong[name as keyof AugmentConfig] ?? true;
  return buildPipeline({ wholeImage: true, [name]: options }, context).transforms;
};

const run = (transforms: readonly BatchTransform[], images: torch.Tensor, randoms: RandomStream[]): torch.Tensor =>
  transforms.reduce((batch, transform) => transform(batch, randoms), images);

/** Same values everywhere. */
const same = (a: torch.Tensor, b: torch.Tensor): boolean => a.sub(b).abs().max().toNumber() === 0;

const rejects = (config: unknown, message: RegExp): void => {
  assert.throws(
    () => buildPipeline(config as AugmentConfig, context),
    (error) => error instanceof UserError && error.code === 'RECIPE' && message.test(error.message),
  );
};

suite('every batch augmentation', () => {
  for (const name of ofKind('batch')) {
    test(`${name} keeps shape, memory format and its input, and changes images`, () => {
      const images = levels(8);
      const before = images.clone();
      for (const transform of transformsOf(name)) {
        const changed = transform(images, streams([0, 1, 2, 3, 4, 5, 6, 7]));
        assert.deepEqual(changed.shape, images.shape);
        assert.ok(changed.isContiguous({ memoryFormat: 'channels_last' }));
        assert.ok(changed.isfinite().all().item());
        assert.ok(!same(changed, images), 'nothing changed');
        assert.ok(same(images, before), 'the input changed');
      }
    });

    test(`${name} treats an image alike in every batch, and differently with another stream`, () => {
      const images = levels(8);
      const transforms = transformsOf(name);
      const together = run(transforms, images, streams([0, 1, 2, 3, 4, 5, 6, 7]));
      const part = torch.stack([5, 2].map((i) => images.select(0, i)));
      const apart = run(transforms, part.contiguous({ memoryFormat: 'channels_last' }), streams([5, 2]));
      assert.ok(same(apart.select(0, 0), together.select(0, 5)));
      assert.ok(same(apart.select(0, 1), together.select(0, 2)));
      if (name !== 'grayscale')
        assert.ok(!same(run(transforms, images, streams([8, 9, 10, 11, 12, 13, 14, 15])), together));
    });
  }

  for (const name of ofKind('batch'))
    test(`${name} gives the same when its numbers are sent to a device`, () => {
      const images = levels(8);
      const randoms = (): RandomStream[] => streams([0, 1, 2, 3, 4, 5, 6, 7]);
      const upload = new Upload('cpu', true);
      const drawn = randoms(); // all transforms draw before any of them works
      const runs = transformsOf(name).map(({ plan }) => plan!({ height: 16, width: 16, upload }, drawn));
      upload.send();
      const sent = runs.reduce((batch, work) => work(batch), images);
      assert.ok(same(sent, run(transformsOf(name), images, randoms())));
    });

  test('gives whole levels 0…255 before the normalisation', () => {
    for (const name of ofKind('batch').filter((name) => name !== 'randomErasing')) {
      const [first] = transformsOf(name);
      const changed = first!(levels(8), streams([0, 1, 2, 3, 4, 5, 6, 7]));
      assert.ok(same(changed, changed.round().clamp_(0, 255)), name);
    }
  });

  test('works with images whose channels are first, and with a batch of one', () => {
    for (const name of ofKind('batch')) {
      const images = levels(3);
      const randoms = (): RandomStream[] => streams([0, 1, 2]);
      const first = run(transformsOf(name), images.contiguous(), randoms());
      assert.ok(same(first, run(transformsOf(name), images, randoms())), name);
      const one = images.narrow(0, 1, 1);
      assert.ok(same(run(transformsOf(name), one, streams([1])), first.narrow(0, 1, 1)), name);
    }
  });
});

suite('buildPipeline()', () => {
  test('applies in the order of the registry, not of the configuration', () => {
    const one = buildPipeline(
      { randomErasing: true, solarize: { probability: 1 }, padCrop: true, colorJitter: { brightness: 0.5 } },
      context,
    );
    const other = buildPipeline(
      { colorJitter: { brightness: 0.5 }, padCrop: true, solarize: { probability: 1 }, randomErasing: true },
      context,
    );
    assert.equal(one.transforms.length, 4);
    assert.ok(
      same(
        run(one.transforms, levels(4), streams([0, 1, 2, 3])),
        run(other.transforms, levels(4), streams([0, 1, 2, 3])),
      ),
    );
  });

  test('random erasing changes its input only when it may', () => {
    const { transforms } = buildPipeline({ padCrop: true, randomErasing: { probability: 1, fill: 'const' } }, context);
    const erase = transforms.at(-1)!;
    using images = torch.ones(2, 3, 16, 16);
    const randoms = () => [0, 1].map((i) => stream(0, 'augment', 0, i));
    using erased = erase(images, randoms());
    assert.ok(erased.sum().toNumber() < images.numel());
    assert.equal(images.sum().toNumber(), images.numel());
    assert.equal(erase(images, randoms(), { mayChange: true }), images);
    assert.deepEqual(images.toArray(), erased.toArray());
  });

  test('always normalises, and last but for random erasing', () => {
    const { transforms, size, filter } = buildPipeline({ padCrop: true, flip: false }, context);
    assert.equal(transforms.length, 1);
    assert.deepEqual([size, filter], [16, 'bilinear']);
    const normalised = run(transforms, levels(2).fill_(255), streams([0, 1]));
    assert.ok(Math.abs(normalised.index(0, 2, 0, 0).toNumber() - (1 - 0.3) / 0.3) < 1e-6);
    const erased = buildPipeline({ padCrop: true, randomErasing: { probability: 1, fill: 'const' } }, context);
    assert.ok(
      run(erased.transforms, levels(2), streams([0, 1]))
        .eq(0)
        .any()
        .item(),
    );
  });

  test('flips the window', () => {
    const { window } = buildPipeline({ wholeImage: true, flip: { probability: 1 } }, context);
    assert.deepEqual(window(20, 10, stream(0, 'augment')), { x: 0, y: 0, width: 20, height: 10, flip: true });
    const upside = buildPipeline({ wholeImage: true, verticalFlip: { probability: 1 } }, context).window;
    const turned = { x: 0, y: 0, width: 20, height: 10, flip: false, flipVertical: true };
    assert.deepEqual(upside(20, 10, stream(0, 'augment')), turned);
  });

  test('evaluates the middle: everything of small images, 224/256 of larger ones', () => {
    const random = stream(0, 'augment');
    const small = evaluationPipeline({ ...context, size: 32 }).window(32, 32, random);
    assert.deepEqual(small, { x: 0, y: 0, width: 32, height: 32, flip: false, seesAround: true });
    const large = evaluationPipeline({ ...context, size: 224 }).window(512, 256, random);
    assert.deepEqual(large, { x: 144, y: 16, width: 224, height: 224, flip: false, seesAround: true });
  });

  test('rejects unknown names with the nearest one', () => {
    rejects({ padCrop: true, colourJitter: true }, /augment: there is no "colourJitter"; did you mean "colorJitter"\?/);
    rejects(
      { padCrop: true, colorJitter: { brigthness: 0.4 } },
      /augment\.colorJitter: there is no "brigthness"; did you mean "brightness"\?/,
    );
  });

  test('rejects values that are not allowed, and lists those that are', () => {
    rejects({ padCrop: true, flip: { probability: 2 } }, /augment\.flip\.probability: .*<=1/);
    rejects({ padCrop: true, colorJitter: { hue: '1' } }, /augment\.colorJitter\.hue: expected 0…0\.5/);
    rejects({ padCrop: 4 }, /augment\.padCrop: expected true, false or its options \(padding, mode\)/);
    rejects({ wholeImage: 'yes' }, /augment\.wholeImage: expected true or false/);
    rejects({ randomResizedCrop: { scale: [1, 0.3] } }, /augment\.randomResizedCrop\.scale: expected \[low, high\]/);
    rejects({ padCrop: true, randomErasing: { fill: 'noise' } }, /augment\.randomErasing\.fill: .*"pixel"/);
    rejects({ padCrop: true, randomErasing: { minCount: 3 } }, /randomErasing\.minCount: .*not above count/);
    rejects({ simpleRandomCrop: { mode: 'edge' } }, /augment\.simpleRandomCrop\.mode: .*"reflect"/);
  });

  test('wants exactly one choice of the window', () => {
    rejects(
      { flip: true },
      /exactly one of randomResizedCrop, simpleRandomCrop, padCrop, centerCrop, wholeImage .*none is on/,
    );
    rejects({ padCrop: true, centerCrop: true }, /padCrop and centerCrop are on/);
  });
});

suite('augmentSchema', () => {
  test('fills in the defaults, keeps false, and does not change a resolved configuration', () => {
    const resolved = resolveAugment({ padCrop: true, flip: false, randomErasing: { probability: 0.1 } });
    assert.deepEqual(resolved.padCrop, { padding: 4, mode: 'zero' });
    assert.equal(resolved.flip, false);
    assert.deepEqual(resolved.randomErasing, {
      probability: 0.1,
      fill: 'pixel',
      area: [0.02, 1 / 3],
      ratio: [0.3, 1 / 0.3],
      count: 1,
      minCount: 1,
    });
    assert.deepEqual(augmentSchema.parse(resolved), resolved);
    assert.deepEqual(resolveAugment({}), {});
  });
});

suite('presets', () => {
  test('become entries that build a pipeline', () => {
    for (const preset of presetNames) {
      const resolved = resolveAugment({ preset });
      assert.ok(!('preset' in resolved));
      assert.deepEqual(Object.keys(resolved).sort(), Object.keys(presets[preset]).sort());
      assert.ok(buildPipeline({ preset }, context).transforms.length > 0);
    }
  });

  test('are changed by the entries beside them', () => {
    const resolved = resolveAugment({ preset: 'deit3', colorJitter: { hue: 0.1 }, threeAugment: true, flip: false });
    assert.deepEqual(resolved.colorJitter, {
      probability: 1,
      brightness: 0.3,
      contrast: 0.3,
      saturation: 0.3,
      hue: 0.1,
    });
    assert.equal(resolved.flip, false);
    assert.deepEqual(resolved.threeAugment, { threshold: 128, radius: [0.1, 2] });
    const cropped = resolveAugment({ preset: 'ldam', simpleRandomCrop: false, padCrop: true });
    assert.deepEqual(cropped.padCrop, { padding: 4, mode: 'zero' });
  });

  test('that do not exist are refused', () => {
    rejects({ preset: 'deit4' }, /augment\.preset: .*"deit3"/);
  });
});

suite('roundHalfEven()', () => {
  test('rounds halves to even numbers', () => {
    assert.deepEqual(
      [0.5, 1.5, 2.5, 2.4, 2.6, -0.5, -1.5].map(roundHalfEven),
      [0, 2, 2, 2, 3, -0, -2].map((x) => x + 0),
    );
  });
});
