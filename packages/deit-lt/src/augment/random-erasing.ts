/** Random erasing (Zhong et al., AAAI 2020, arXiv 1708.04896), drawn and filled as timm does, after normalisation. */
import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import type { RandomStream } from '../random/stream.js';
import { augmentation, probability, range } from './augmentation.js';
import { roundHalfEven } from './round-half-even.js';
import type { BatchTransform } from './transform.js';

const attempts = 10;

/** A part of an image: rows top … top + height − 1, columns left … left + width − 1. */
export interface Box {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

export interface EraseBoxOptions {
  /** Share of the image's area, [low, high]. */
  area: readonly [number, number];
  /** Height over width, [low, high]; drawn uniformly in its logarithm. */
  ratio: readonly [number, number];
}

/** Draws a box smaller than the image on both sides; undefined when ten tries did not fit. */
export function drawEraseBox(
  width: number,
  height: number,
  { area, ratio }: EraseBoxOptions,
  random: RandomStream,
): Box | undefined {
  for (let i = 0; i < attempts; i++) {
    const target = random.uniform(area[0], area[1]) * width * height;
    const aspect = Math.exp(random.uniform(Math.log(ratio[0]), Math.log(ratio[1])));
    const h = roundHalfEven(Math.sqrt(target * aspect));
    const w = roundHalfEven(Math.sqrt(target / aspect));
    if (h < height && w < width)
      return { top: random.int(height - h + 1), left: random.int(width - w + 1), height: h, width: w };
  }
  return undefined;
}

/** Fills `box` of sample `index` of `images` `[B, C, H, W]` with `values` (they broadcast to `[C, h, w]`), in place. */
export function eraseBox_(images: torch.Tensor, index: number, box: Box, values: torch.Tensor): void {
  const part = images.select(0, index).narrow(1, box.top, box.height).narrow(2, box.left, box.width);
  part.copy_(values);
}

const fills = ['pixel', 'rand', 'const'] as const;

/** The fill of a box: a normal number per value ('pixel') or per channel ('rand'), or 0 ('const'). */
export type EraseFill = (typeof fills)[number];

/** Draws what fills a box, from a generator that is seeded from the sample's own stream. */
function drawFill(fill: EraseFill, box: Box, generator: torch.Generator, random: RandomStream): torch.Tensor {
  if (fill === 'const') return torch.zeros(3, 1, 1);
  generator.manualSeed(random.uint32());
  return torch.randn(fill === 'pixel' ? [3, box.height, box.width] : [3, 1, 1], { generator });
}

const boxRatio = z.tuple([z.number().positive(), z.number().positive()]);

const schema = z.strictObject({
  probability: probability(0.25),
  fill: z.enum(fills).default('pixel').describe('noise per value, one random colour per box, or 0 (the mean colour)'),
  area: range(0.0001, 1)
    .default([0.02, 1 / 3])
    .describe("share of the image's area, [low, high]; divided among the boxes"),
  ratio: boxRatio
    .refine(([low, high]) => low <= high, { error: 'expected [low, high] with low not above high' })
    .default([0.3, 1 / 0.3])
    .describe('height over width, [low, high]'),
  count: z.int().min(1).max(16).default(1).describe('boxes of an image at most'),
  minCount: z.int().min(1).max(16).default(1).describe('boxes of an image at least'),
});

const options = schema.refine(({ count, minCount }) => minCount <= count, {
  error: 'expected a minCount that is not above count',
  path: ['minCount'],
});

/** Number of boxes of an erased image, uniform from `minCount` to `count`. */
export function drawCount({ count, minCount }: { count: number; minCount: number }, random: RandomStream): number {
  return count === minCount ? count : minCount + random.int(count - minCount + 1);
}

/** Erases boxes of normalised images. */
function randomErase({ probability, fill, area, ratio, ...counts }: z.output<typeof options>): BatchTransform {
  return (images, randoms, { mayChange = false } = {}) =>
    torch.tidy(() => {
      const [, , height, width] = images.shape as [number, number, number, number];
      const erased = mayChange ? images : images.clone();
      const generator = new torch.Generator();
      randoms.forEach((random, i) => {
        if (random.random() > probability) return;
        const boxes = drawCount(counts, random);
        const share = [area[0] / boxes, area[1] / boxes] as const;
        for (let k = 0; k < boxes; k++) {
          const box = drawEraseBox(width, height, { area: share, ratio }, random);
          if (box) eraseBox_(erased, i, box, drawFill(fill, box, generator, random));
        }
      });
      return erased;
    });
}

export const randomErasing = augmentation('batch', options, (given) => randomErase(given));
