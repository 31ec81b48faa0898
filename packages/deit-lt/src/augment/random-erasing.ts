/** Random erasing (Zhong et al., AAAI 2020, arXiv 1708.04896), drawn and filled as timm does, after normalisation. */
import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import type { RandomStream } from '../random/stream.js';
import type { Sent } from '../upload.js';
import { augmentation, probability, range } from './augmentation.js';
import { roundHalfEven } from './round-half-even.js';
import { type BatchTransform, type PlannedBatch, plannedTransform } from './transform.js';

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

/** The values in `box` of sample `index` of `images` `[B, C, H, W]`: a view `[C, h, w]`. */
export function pixelsIn(images: torch.Tensor, index: number, box: Box): torch.Tensor {
  return images.select(0, index).narrow(1, box.top, box.height).narrow(2, box.left, box.width);
}

const fills = ['pixel', 'rand', 'const'] as const;

/** The fill of a box: a normal number per value ('pixel') or per channel ('rand'), or 0 ('const'). */
export type EraseFill = (typeof fills)[number];

/** Draws what fills a box, from a generator that is seeded from the sample's own stream; null: zeros. */
function drawFill(fill: EraseFill, box: Box, generator: torch.Generator, random: RandomStream): torch.Tensor | null {
  if (fill === 'const') return null;
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

/** A box of one image of the batch, and what fills it. */
interface Erasure {
  readonly index: number;
  readonly box: Box;
  readonly fill: Sent | null;
}

/** Erases boxes of normalised images. */
function randomErase(options: z.output<typeof schema>): BatchTransform {
  return plannedTransform((batch, randoms) => {
    const generator = new torch.Generator();
    const erasures = randoms.flatMap((random, index) => drawErasures(random, { index, batch, generator, options }));
    return (images, { mayChange = false } = {}) =>
      torch.tidy(() => {
        const erased = mayChange ? images : images.clone();
        for (const { index, box, fill } of erasures) {
          const part = pixelsIn(erased, index, box);
          if (fill === null) part.zero_();
          else part.copy_(fill());
        }
        return erased;
      });
  });
}

interface DrawErasuresOptions {
  readonly index: number;
  readonly batch: PlannedBatch;
  readonly generator: torch.Generator;
  readonly options: z.output<typeof schema>;
}

/** Draws the erasures of one image. */
function drawErasures(
  random: RandomStream,
  { index, batch: { height, width, upload }, generator, options }: DrawErasuresOptions,
): Erasure[] {
  const { probability, fill, area, ratio, ...counts } = options;
  if (random.random() > probability) return [];
  const boxes = drawCount(counts, random);
  const share = [area[0] / boxes, area[1] / boxes] as const;
  return Array.from({ length: boxes }).flatMap(() => {
    const box = drawEraseBox(width, height, { area: share, ratio }, random);
    if (box === undefined) return [];
    const values = drawFill(fill, box, generator, random);
    return [{ index, box, fill: values && upload.tensor(values) }];
  });
}

export const randomErasing = augmentation('batch', options, (given) => randomErase(given));
