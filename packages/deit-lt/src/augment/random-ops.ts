/**
 * A few operations for each image, drawn at random with a random strength: RandAugment (Cubuk et al. 2020, arXiv
 * 1909.13719). The defaults draw as timm's `rand-m9-mstd0.5-inc1`; geometric operations resample bilinearly.
 */
import { z } from 'zod';
import type { RandomStream } from '../random/stream.js';
import { augmentation, colour } from './augmentation.js';
import { argumentAt, hasSign, type MagnitudeOp, magnitudeOps } from './magnitudes.js';
import { applyPlans, type OpChoice } from './ops.js';

const options = z.strictObject({
  count: z.int().min(1).max(16).default(2).describe('operations drawn for each image'),
  magnitude: z.number().min(0).max(10).default(9).describe('mean strength, 0…10'),
  magnitudeStd: z.number().min(0).max(10).default(0.5).describe('standard deviation of the strength'),
  probability: z.number().min(0).max(1).default(0.5).describe('share of the drawn operations that are applied'),
  ops: z
    .array(z.enum(magnitudeOps))
    .min(1)
    .default(magnitudeOps.filter((op) => op !== 'identity'))
    .describe('operations to draw from'),
  fill: colour().optional().describe('colour of what comes in, three levels 0…255; default the mean colour'),
});

/** One operation at a random strength, or undefined when it is left out. */
export function drawOp(
  { ops, magnitude, magnitudeStd, probability }: z.output<typeof options>,
  random: RandomStream,
): OpChoice | undefined {
  const op: MagnitudeOp = ops[random.int(ops.length)]!;
  if (random.random() > probability) return undefined;
  const strength = magnitudeStd > 0 ? magnitude + magnitudeStd * random.normal() : magnitude;
  const sign = hasSign(op) && random.random() > 0.5 ? -1 : 1;
  return { op, arg: argumentAt(op, Math.min(10, Math.max(0, strength)), sign) };
}

export const randomOps = augmentation('batch', options, (given, { mean }) => {
  const fill = given.fill ?? mean.map((value) => Math.round(255 * value));
  return (images, randoms) => {
    const plans = randoms.map((random) => Array.from({ length: given.count }, () => drawOp(given, random)));
    return applyPlans(images, plans, { fill });
  };
});
