/**
 * Images that are not square, in both directions, against PyTorch, torchvision, Pillow and NumPy of this machine: a height
 * and a width that are exchanged give the same as long as both are equal.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { cutoutBox } from '../src/augment/cutout.js';
import { evaluationWindow } from '../src/augment/evaluation-input.js';
import { cutmixBox, cutmixOf, mixImages } from '../src/augment/mixup.js';
import { drawEraseBox, pixelsIn } from '../src/augment/random-erasing.js';
import { drawResizedCrop } from '../src/augment/random-resized-crop.js';
import { transMixTargets } from '../src/augment/trans-mix.js';
import { resampleImage } from '../src/data/resample/resample-image.js';
import { VisionTransformer } from '../src/models/index.js';
import { stream } from '../src/random/stream.js';
import { replay } from './augment-helpers.js';
import { assertNear } from './helpers/golden-files.js';
import { pillow, skipPillow } from './helpers/pillow.js';

torch.setNumThreads(1);

/** Height and width: wide, tall. */
const sizes = [
  [20, 36],
  [36, 20],
] as const;

/** What is computed of images of one size, here and in Python. */
function subject(height: number, width: number) {
  torch.manualSeed(0);
  const shape = { patchSize: 4, embedDim: 8, depth: 1, numHeads: 2, numClasses: 3, distilled: true };
  const model = new VisionTransformer({ imageSize: [height, width], ...shape }).eval();
  const [rows, columns] = model.grid;
  const random = stream(7, 'draw', width, height);
  return {
    model,
    images: torch.randn([2, 3, height, width]),
    /** Another grid for the positions: the other way round, and larger. */
    other: [columns + 2, rows + 1] as const,
    pixels: new Uint8Array(width * height * 3).map(() => random.int(256)),
    /** λ and the centre of a box. */
    cuts: [
      [0.3, 2, 3],
      [0.75, height - 1, width - 2],
      [0.5, height >> 1, width >> 1],
    ] as const,
    draws: Array.from({ length: 80 }, () => random.random()),
  };
}

/** The sizes that the batch is resized to, and the sides of the evaluation's input. */
const resized = [15, 9] as const;
const [cropped, squeezed] = [40, 24];

interface Reference {
  /** Pillow's major version. */
  pillow: number;
  patches: number[][][];
  positions: number[][][];
  resized: number[][][][][];
  seen: number[][];
  cutmix: number[][];
  cutout: number[][];
  erased: number[][];
  crop: number[];
}

const program = `
import PIL, torch, torch.nn.functional as F, torchvision.transforms.functional as TF
bicubic = TF.InterpolationMode.BICUBIC

def embedded(x, weight, bias, positions, grid, other):
    (r, c), (R, C) = grid, other
    old = positions[:, 2:].reshape(1, r, c, -1).permute(0, 3, 1, 2)
    new = F.interpolate(old, scale_factor=((R + 0.1) / r, (C + 0.1) / c), mode='bicubic')
    assert new.shape[-2:] == (R, C)
    return (F.conv2d(x, weight, bias, stride=4).flatten(2).transpose(1, 2),
            torch.cat([positions[:, :2], new.permute(0, 2, 3, 1).flatten(1, 2)], 1))

def box(H, W, y, x, h, w):
    image = np.zeros((H, W))
    image[max(y - h // 2, 0):y + h // 2, max(x - w // 2, 0):x + w // 2] = 1
    rows, columns = np.nonzero(image)
    return [int(v) for v in (rows.min(), columns.min(), np.ptp(rows) + 1, np.ptp(columns) + 1)]

def stream(draws):
    numbers = iter(draws)
    return (lambda low, high: low + (high - low) * next(numbers)), (lambda n: int(next(numbers) * n))

def erased(H, W, draws):
    uniform, below = stream(draws)
    for _ in range(10):
        pixels, tall = uniform(0.02, 1 / 3) * H * W, np.exp(uniform(np.log(0.3), np.log(1 / 0.3)))
        h, w = round(np.sqrt(pixels * tall)), round(np.sqrt(pixels / tall))
        if h < H and w < W:
            top = below(H - h + 1)
            return TF.erase(torch.ones(1, H, W), top, below(W - w + 1), h, w, torch.zeros(1))[0].tolist()

def crop(H, W, draws):
    uniform, below = stream(draws)
    for _ in range(10):
        pixels, wide = uniform(0.3, 1) * H * W, np.exp(uniform(np.log(3 / 4), np.log(4 / 3)))
        w, h = round(np.sqrt(pixels * wide)), round(np.sqrt(pixels / wide))
        if 0 < w <= W and 0 < h <= H:
            top = below(H - h + 1)
            return [below(W - w + 1), top, w, h]

out = []
for g in given['subjects']:
    H, W = g['shape']
    x = torch.tensor(g['images'])
    patches, positions = embedded(x, torch.tensor(g['weight']), torch.tensor(g['bias']), torch.tensor(g['positions']), g['grid'], g['other'])
    im = Image.fromarray(np.array(g['pixels'], dtype=np.uint8).reshape(H, W, 3))
    size, side, small = given['resized'], given['cropped'], given['squeezed']
    seen = [TF.center_crop(TF.resize(im, int(256 / 224 * side), bicubic), [side, side]), TF.resize(im, [small, small], bicubic)]
    out.append(dict(
        pillow=int(PIL.__version__.split('.')[0]),
        patches=patches.tolist(),
        positions=positions.tolist(),
        resized=[F.interpolate(x, size=size, mode='bicubic', antialias=smooth).tolist() for smooth in (False, True)],
        seen=[np.array(image).ravel().tolist() for image in seen],
        cutmix=[box(H, W, y, x, int(H * np.sqrt(1 - lam)), int(W * np.sqrt(1 - lam))) for lam, y, x in g['cuts']],
        cutout=[box(H, W, y, x, 8, 8) for _, y, x in g['cuts']],
        erased=erased(H, W, g['draws']),
        crop=crop(H, W, g['draws'])))`;

const values = (tensor: torch.Tensor): unknown => tensor.detach().contiguous().toArray();

/** One Python for all: to start it takes longer than all the rest. */
function references(subjects: readonly ReturnType<typeof subject>[]): Reference[] {
  const given = subjects.map(({ model, images, other, pixels, cuts, draws }, i) => ({
    shape: sizes[i],
    images: values(images),
    weight: values(model.patchEmbed.proj.weight),
    bias: values(model.patchEmbed.proj.bias!),
    positions: values(model.posEmbed),
    grid: model.grid,
    other,
    pixels: [...pixels],
    cuts,
    draws,
  }));
  return pillow<Reference[]>(program, { subjects: given, resized, cropped, squeezed });
}

suite('images that are not square', { skip: skipPillow }, () => {
  const subjects = sizes.map(([height, width]) => subject(height, width));
  const expected = skipPillow ? [] : references(subjects);

  expected.forEach((reference, i) => {
    const [height, width] = sizes[i]!;
    const { model, images, other, pixels, cuts, draws } = subjects[i]!;
    const name = `${width} × ${height}`;

    test(`patch embedding and positions of ${name} pixels are PyTorch's`, () => {
      assert.deepEqual(model.grid, [height / 4, width / 4]);
      assertNear(model.patchEmbed.call(images), torch.tensor(reference.patches), { atol: 1e-5 }, 'patches');
      const positions = model.positionsFor(other[0] * 4, other[1] * 4);
      assertNear(positions, torch.tensor(reference.positions), { atol: 2e-6 }, 'positions');
    });

    test(`a batch of ${name} pixels is resized as by PyTorch`, () => {
      for (const [k, antialias] of [false, true].entries()) {
        const found = torch.nn.functional.interpolate(images, { size: resized, mode: 'bicubic', antialias });
        assertNear(found, torch.tensor(reference.resized[k]!), { atol: 1e-5 }, `antialias ${antialias}`);
      }
    });

    test(`evaluation of ${name} pixels sees what torchvision resizes and crops`, () => {
      for (const [k, side] of [cropped, squeezed].entries()) {
        const window = evaluationWindow(width, height, side);
        const found = [...resampleImage({ width, height, pixels }, window, side, 'bicubic')];
        // Exact with Pillow 9. Pillow 13 differs from Pillow 9 itself, by up to 8 levels of noise that is shrunk, where an image is
        // higher than wide; it agrees elsewhere.
        const most = Math.max(...found.map((level, i) => Math.abs(level - reference.seen[k]![i]!)));
        assert.ok(most <= (reference.pillow >= 13 && height > width ? 8 : 0), `${most} levels, side ${side}`);
      }
    });

    test(`boxes of ${name} pixels are where NumPy has them`, () => {
      const list = (box: ReturnType<typeof cutmixBox>): number[] => [box.top, box.left, box.height, box.width];
      cuts.forEach(([lambda, y, x], k) => {
        assert.deepEqual(list(cutmixBox(height, width, lambda, y, x)), reference.cutmix[k], `CutMix ${k}`);
        assert.deepEqual(list(cutoutBox(width, height, 8, y, x)), reference.cutout[k], `Cutout ${k}`);
      });
    });

    test(`random erasing and crops of ${name} pixels are those of the same uniform numbers`, () => {
      const box = drawEraseBox(width, height, { area: [0.02, 1 / 3], ratio: [0.3, 1 / 0.3] }, replay(draws))!;
      const image = torch.ones([1, 1, height, width]);
      pixelsIn(image, 0, box).zero_();
      assert.deepEqual(image.select(0, 0).select(0, 0).toArray(), reference.erased);
      const window = drawResizedCrop(width, height, { scale: [0.3, 1], ratio: [3 / 4, 4 / 3] }, replay(draws));
      assert.deepEqual([window.x, window.y, window.width, window.height], reference.crop);
    });
  });
});

suite('CutMix of images that are not square', () => {
  for (const [height, width] of sizes)
    test(`of ${width} × ${height} pixels pastes the box, and TransMix weighs the patches in it`, () => {
      const mix = cutmixOf({ top: 0, left: 0, height: height / 2, width: width / 4 }, height, width);
      assert.equal(mix.lambda, 7 / 8);
      const images = torch.stack([torch.zeros([1, height, width]), torch.ones([1, height, width])]);
      const mixed = mixImages(images, [mix]).select(0, 0).select(0, 0);
      assert.equal(mixed.sum().toNumber(), (height * width) / 8);
      assert.equal(
        mixed
          .narrow(0, 0, height / 2)
          .narrow(1, 0, width / 4)
          .mean()
          .toNumber(),
        1,
      );
      const patch = 2;
      const [rows, columns] = [height / patch, width / patch];
      // All attention is on the first patch of the last row of the box: inside of it only when rows are rows.
      const attention = torch.zeros([2, rows * columns]);
      attention.select(1, (rows / 2 - 1) * columns).fill_(1);
      const options = { height, width, numClasses: 2 };
      const targets = transMixTargets(Int32Array.of(0, 1), [mix], attention, options);
      assert.deepEqual(targets.toArray(), [
        [1 - (1 / 8 + 1) / 2, (1 / 8 + 1) / 2],
        [(1 / 8 + 1) / 2, 1 - (1 / 8 + 1) / 2],
      ]);
    });
});
