/** Crops, flips and blur against Pillow and torchvision on this machine, for sizes that the golden files do not have. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { blurTaps, gaussianBlur } from '../src/augment/blur.js';
import { drawSimpleCrop } from '../src/augment/simple-random-crop.js';
import type { MemoryImages } from '../src/data/dataset.js';
import type { Window } from '../src/data/decode/window.js';
import { MemorySource } from '../src/data/memory-source.js';
import { resampleImage } from '../src/data/resample/resample-image.js';
import { RandomStream, stream } from '../src/random/stream.js';
import { pillow, skipPillow } from './helpers/pillow.js';

function randomImage(width: number, height: number): MemoryImages {
  const random = stream(1, 'draw', width, height);
  const pixels = new Uint8Array(width * height * 3).map(() => random.int(256));
  return { kind: 'memory', length: 1, width, height, pixels, nameOf: () => 'random' };
}

/** Remembers the whole numbers that were drawn. */
class Recorder extends RandomStream {
  readonly drawn: number[] = [];

  override int(n: number): number {
    const value = super.int(n);
    this.drawn.push(value);
    return value;
  }
}

interface CropCase {
  width: number;
  height: number;
  size: number;
  padding: number;
  mode: 'reflect' | 'zero';
}

const cases: CropCase[] = [
  { width: 32, height: 32, size: 32, padding: 4, mode: 'reflect' },
  { width: 32, height: 32, size: 32, padding: 4, mode: 'zero' },
  { width: 32, height: 32, size: 56, padding: 4, mode: 'reflect' },
  { width: 75, height: 50, size: 32, padding: 4, mode: 'reflect' },
  { width: 75, height: 50, size: 32, padding: 12, mode: 'reflect' },
  { width: 41, height: 67, size: 24, padding: 4, mode: 'zero' },
  { width: 41, height: 67, size: 48, padding: 5, mode: 'reflect' },
];

/** Three crops of each case, with the numbers that they drew. */
const crops = cases.flatMap((options) =>
  [0, 1, 2].map((seed) => {
    const random = new Recorder(seed, 2, 3);
    const window = drawSimpleCrop(options.width, options.height, options, random);
    return { ...options, window, image: randomImage(options.width, options.height), corner: random.drawn };
  }),
);

const cropInPython = `
import torchvision.transforms.functional as F

def crop(image, padding, mode, corner, size):
    image = F.resize(image, size, F.InterpolationMode.BICUBIC)
    image = F.pad(image, padding, padding_mode='reflect' if mode == 'reflect' else 'constant')
    image = F.crop(image, *corner, size, size)
    return [np.asarray(turned).flatten().tolist() for turned in (image, F.hflip(image), F.vflip(image))]

out = []
for c in given:
    pixels = np.array(c['pixels'], dtype=np.uint8).reshape(c['height'], c['width'], 3)
    out.append(crop(Image.fromarray(pixels), c['padding'], c['mode'], c['corner'], c['size']))
`;

const turns = [{}, { flip: true }, { flipVertical: true }] satisfies Partial<Window>[];

suite("simple random crop is torchvision's resize, pad and crop", { skip: skipPillow }, () => {
  const given = crops.map(({ image, window, ...options }) => ({ ...options, pixels: [...image.pixels] }));
  const expected = skipPillow === false ? pillow<number[][][]>(cropInPython, given) : []; // one Python: it starts slowly

  for (const [i, { image, window, width, height, size, padding, mode, corner }] of crops.entries())
    test(`${width} × ${height} to ${size}, ${mode} ${padding}, at ${corner}`, async () => {
      for (const [k, turn] of turns.entries()) {
        const levels = expected[i]![k]!;
        const single = resampleImage(image, { ...window, ...turn }, size, 'bicubic');
        assert.deepEqual([...single], levels, `one image, ${JSON.stringify(turn)}`);
        using batch = await new MemorySource(image).read(Int32Array.of(0), [{ ...window, ...turn }], size, 'bicubic');
        const batched = batch.permute([0, 2, 3, 1]).contiguous().toTypedArray<'float32'>();
        const most = batched.reduce((worst, level, p) => Math.max(worst, Math.abs(level - levels[p]!)), 0);
        assert.ok(most <= 1, `a batch, ${JSON.stringify(turn)}: ${most} levels`);
      }
    });
});

suite("blur is Pillow's", { skip: skipPillow }, () => {
  test('for every radius from 0 to 5 pixels, exactly', () => {
    const { pixels } = randomImage(21, 18);
    const radii = Array.from({ length: 26 }, (_, i) => i / 5).concat(0.1, 1 / 3, 1.234567, 1.99);
    const code = `
image = Image.fromarray(np.array(given['pixels'], dtype=np.uint8).reshape(18, 21, 3))
out = [np.asarray(image.filter(ImageFilter.GaussianBlur(radius=r))).flatten().tolist() for r in given['radii']]
`;
    const expected = pillow<number[][]>(code, { pixels: [...pixels], radii });
    torch.tidy(() => {
      const image = torch
        .tensor([...pixels])
        .view([1, 18, 21, 3])
        .permute([0, 3, 1, 2])
        .float();
      const taps = torch.tensor(blurTaps(radii), { dtype: 'float64' });
      const blurred = gaussianBlur(image.expand(radii.length, -1, -1, -1).contiguous(), taps);
      const levels = blurred.permute([0, 2, 3, 1]).contiguous().toTypedArray<'float32'>();
      radii.forEach((radius, i) => {
        const own = levels.subarray(i * pixels.length, (i + 1) * pixels.length);
        assert.deepEqual([...own], expected[i], `radius ${radius}`);
      });
    });
  });
});
