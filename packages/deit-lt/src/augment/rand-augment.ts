/**
 * RandAugment (Cubuk et al. 2020, arXiv 1909.13719) as timm defines it, configuration strings included: a few operations
 * for each image, each applied with its probability, at levels around one magnitude.
 */
import { z } from 'zod';
import type { RandomStream } from '../random/stream.js';
import { augmentation } from './augmentation.js';
import { increasing, randOps, type ScaledOp } from './magnitudes.js';
import { type Plan, planOps } from './ops.js';
import {
  decimalNumber,
  deviationOf,
  levelDeviation,
  PolicyConfigError,
  parsePolicyConfig,
  wholeNumber,
} from './policy-config.js';
import { drawPolicyOp, type PolicySettings, resampling, resamplingOptions } from './policy-op.js';
import { plannedTransform } from './transform.js';

const settings = {
  n: wholeNumber('operations of an image', 1, 16),
  m: wholeNumber('magnitude', 0, 100),
  mstd: levelDeviation,
  mmax: wholeNumber('highest magnitude', 1, 100),
  inc: wholeNumber('the operations whose effect grows with the magnitude; without it the original ones', 1, 1),
  p: decimalNumber('probability of each operation', 0, 1),
  w: wholeNumber('set of weights for the choice of operations, then without repetition', 0, 0),
};

/** timm's experimental weights, in the order of `randOps`. */
const weightSet = [0.025, 0.005, 0, 0.3, 0, 0.005, 0.005, 0.025, 0.005, 0.005, 0.025, 0.2, 0.2, 0.1, 0.1];

export interface RandAugmentConfig {
  readonly count: number;
  readonly magnitude: number;
  readonly magnitudeStd: number;
  readonly magnitudeMax: number;
  readonly probability: number;
  readonly ops: readonly ScaledOp[];
  /** Weight of each operation; without weights all are equally likely, and one can be drawn twice. */
  readonly weights?: readonly number[];
}

/**
 * Parses a configuration such as `rand-m9-mstd0.5-inc1`; missing values are timm's defaults: two operations,
 * magnitude 10, standard deviation 0, probability 0.5, the original operations. Throws `PolicyConfigError`.
 */
export function parseRandAugment(config: string): RandAugmentConfig {
  const { n = 2, m = 10, mstd, mmax = 10, inc, p = 0.5, w } = parsePolicyConfig(config, 'rand', settings);
  const drawable = weightSet.filter((weight) => weight > 0).length;
  if (w !== undefined && n > drawable)
    throw new PolicyConfigError(`"n${n}" in "${config}": with w0 at most ${drawable} operations can be drawn`);
  return {
    count: n,
    magnitude: m,
    magnitudeStd: deviationOf(mstd, 0),
    magnitudeMax: mmax,
    probability: p,
    ops: inc === undefined ? randOps : randOps.map(increasing),
    ...(w === undefined ? {} : { weights: weightSet }),
  };
}

/** The operations of one image, drawn but neither levels nor whether they are applied. */
export function drawNames({ count, ops, weights }: RandAugmentConfig, random: RandomStream): ScaledOp[] {
  if (weights === undefined) return Array.from({ length: count }, () => ops[random.int(ops.length)]!);
  const left = [...weights];
  return Array.from({ length: count }, () => {
    const k = drawWeighted(left, random);
    left[k] = 0;
    return ops[k]!;
  });
}

/** An index with a probability in proportion to its weight. */
function drawWeighted(weights: readonly number[], random: RandomStream): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let rest = random.random() * total;
  let last = 0;
  for (const [k, weight] of weights.entries()) {
    if (weight === 0) continue;
    last = k;
    rest -= weight;
    if (rest < 0) break;
  }
  return last;
}

/** Draws the operations for one image. */
export function drawRandAugment(config: RandAugmentConfig, settings: PolicySettings, random: RandomStream): Plan {
  const { probability, magnitude: level } = config;
  return drawNames(config, random).map((name) => drawPolicyOp({ name, probability, level }, settings, random));
}

/** An option that holds a configuration, checked by `parse`. */
export function configOption(parse: (config: string) => unknown, initial: string): z.ZodDefault<z.ZodString> {
  return z
    .string()
    .superRefine((config, context) => {
      try {
        parse(config);
      } catch (error) {
        if (!(error instanceof PolicyConfigError)) throw error;
        context.addIssue({ code: 'custom', message: error.message });
      }
    })
    .default(initial);
}

export const randAugment = augmentation(
  'batch',
  z.strictObject({
    config: configOption(parseRandAugment, 'rand-m9-mstd0.5-inc1').describe(
      "timm's short form: n operations, magnitude m, its standard deviation mstd, its limit mmax, inc1, probability p, weights w0",
    ),
    ...resamplingOptions,
  }),
  (given, context) => {
    const config = parseRandAugment(given.config);
    const { filters, fill } = resampling(given, context);
    const settings = { ...config, translate: 0.45, filters };
    return plannedTransform((batch, randoms) =>
      planOps(
        randoms.map((random) => drawRandAugment(config, settings, random)),
        batch,
        { fill },
      ),
    );
  },
);
