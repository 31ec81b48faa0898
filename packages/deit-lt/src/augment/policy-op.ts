/**
 * An operation of a policy: applied or not, at a level that may be drawn around the policy's, in a random direction;
 * the draws of timm's `AugmentOp`, in its order.
 */
import { z } from 'zod';
import type { RandomStream } from '../random/stream.js';
import type { AffineFilter } from './affine-matrix.js';
import { colour, type PipelineContext } from './augmentation.js';
import { argumentAt, hasSign, opOf, type ScaledOp } from './magnitudes.js';
import type { OpChoice } from './ops.js';

/** Settings for drawing levels and resampling images, the same for all operations of a policy. */
export interface PolicySettings {
  /** Standard deviation of the level; infinite: uniform from 0 to the policy's level. */
  readonly magnitudeStd: number;
  /** The highest level; 10 unless a policy says otherwise. */
  readonly magnitudeMax: number;
  /** Share of the side that level 10 shifts an image. */
  readonly translate: number;
  /** One of these is drawn for each geometric operation; of a single one nothing is drawn. */
  readonly filters: readonly AffineFilter[];
}

export interface PolicyOp {
  readonly name: ScaledOp;
  readonly probability: number;
  readonly level: number;
}

/** Draws the operation for one image; undefined if it is skipped. */
export function drawPolicyOp(
  { name, probability, level }: PolicyOp,
  settings: PolicySettings,
  random: RandomStream,
): OpChoice | undefined {
  if (probability < 1 && random.random() > probability) return undefined;
  const drawn = drawLevel(level, settings, random);
  const sign = hasSign(name) && random.random() > 0.5 ? -1 : 1;
  const op = opOf(name);
  const arg = argumentAt(name, drawn, sign, settings);
  return geometric.has(op) ? { op, arg, filter: drawFilter(settings.filters, random) } : { op, arg };
}

const geometric: ReadonlySet<string> = new Set(['rotate', 'shearX', 'shearY', 'translateX', 'translateY']);

function drawLevel(level: number, { magnitudeStd, magnitudeMax }: PolicySettings, random: RandomStream): number {
  let drawn = level;
  if (magnitudeStd === Number.POSITIVE_INFINITY) drawn = random.uniform(0, level);
  else if (magnitudeStd > 0) drawn = level + magnitudeStd * random.normal();
  return Math.max(0, Math.min(drawn, magnitudeMax));
}

function drawFilter(filters: readonly AffineFilter[], random: RandomStream): AffineFilter {
  return filters.length === 1 ? filters[0]! : filters[random.int(filters.length)]!;
}

/** The options that every policy has: how geometric operations resample, and what comes in. */
export const resamplingOptions = {
  interpolation: z
    .enum(['input', 'bilinear', 'bicubic', 'random'])
    .default('input')
    .describe("of geometric operations: the input's own filter, or one of two at random"),
  fill: colour().optional().describe('colour of what comes in, three levels 0…255; default the mean colour'),
};

/**
 * Returns the settings that timm's ImageNet training transform passes: the filter of resizing, and the mean colour in
 * whole levels.
 */
export function resampling(
  {
    interpolation,
    fill,
  }: { interpolation: 'input' | 'bilinear' | 'bicubic' | 'random'; fill?: readonly number[] | undefined },
  { filter, mean }: Pick<PipelineContext, 'filter' | 'mean'>,
): { filters: readonly AffineFilter[]; fill: readonly number[] } {
  const filters: readonly AffineFilter[] =
    interpolation === 'random' ? ['bilinear', 'bicubic'] : [interpolation === 'input' ? filter : interpolation];
  return { filters, fill: fill ?? mean.map((value) => Math.min(255, Math.round(255 * value))) };
}
