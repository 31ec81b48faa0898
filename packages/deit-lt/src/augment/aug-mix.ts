/**
 * AugMix (Hendrycks et al. 2020, arXiv 1912.02781) as timm defines it: a few chains of operations on the same image,
 * averaged with random weights, and mixed with the image itself.
 */
import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import type { RandomStream } from '../random/stream.js';
import { augmentation } from './augmentation.js';
import type { ScaledOp } from './magnitudes.js';
import { type Plan, planOps } from './ops.js';
import { decimalNumber, deviationOf, levelDeviation, parsePolicyConfig, wholeNumber } from './policy-config.js';
import { drawPolicyOp, type PolicySettings, resampling, resamplingOptions } from './policy-op.js';
import { configOption } from './rand-augment.js';
import { type PlannedBatch, type PlannedTransform, plannedTransform } from './transform.js';

const settings = {
  m: wholeNumber('severity', 0, 10),
  w: wholeNumber('chains', 1, 16),
  d: wholeNumber('operations of a chain; without it 1 to 3 at random', 1, 16),
  a: decimalNumber('α of the weights', 0.01, 100),
  mstd: levelDeviation,
};

const ops: readonly ScaledOp[] = [
  'autocontrast',
  'colorIncreasing',
  'contrastIncreasing',
  'brightnessIncreasing',
  'sharpnessIncreasing',
  'equalize',
  'rotate',
  'posterizeIncreasing',
  'solarizeIncreasing',
  'shearX',
  'shearY',
  'translateX',
  'translateY',
];

export interface AugMixConfig {
  readonly severity: number;
  readonly width: number;
  /** Undefined: one to three, drawn for each chain. */
  readonly depth: number | undefined;
  readonly alpha: number;
  readonly magnitudeStd: number;
}

/**
 * Parses a configuration such as `augmix-m5-w4-d2`; missing values are timm's defaults: severity 3, three chains of one to
 * three operations, α 1, levels uniform from 0 to the severity. Throws `PolicyConfigError`.
 */
export function parseAugMix(config: string): AugMixConfig {
  const { m = 3, w = 3, d, a = 1, mstd } = parsePolicyConfig(config, 'augmix', settings);
  return { severity: m, width: w, depth: d, alpha: a, magnitudeStd: deviationOf(mstd, Number.POSITIVE_INFINITY) };
}

/** The random choices for one image: chains, their weights (sum 1), and the share of the mixture. */
export interface AugMixPlan {
  readonly weights: readonly number[];
  readonly share: number;
  readonly chains: readonly Plan[];
}

/** Draws weights from Dirichlet(α), the share from Beta(α, α), then the chains. */
export function drawAugMix(config: AugMixConfig, settings: PolicySettings, random: RandomStream): AugMixPlan {
  const { width, depth, alpha, severity: level } = config;
  const gammas = Array.from({ length: width }, () => random.gamma(alpha));
  const total = gammas.reduce((sum, gamma) => sum + gamma, 0);
  const share = random.beta(alpha, alpha);
  const chains = gammas.map(() =>
    Array.from({ length: depth ?? 1 + random.int(3) }, () => {
      const name = ops[random.int(ops.length)]!;
      return drawPolicyOp({ name, probability: 1, level }, settings, random);
    }),
  );
  return { weights: gammas.map((gamma) => gamma / total), share, chains };
}

/** Averages each image's chains and mixes the result with the image, in whole levels: truncated, as timm and Pillow. */
export function planChains(
  plans: readonly AugMixPlan[],
  fill: readonly number[],
  batch: PlannedBatch,
): PlannedTransform {
  const width = Math.max(...plans.map(({ chains }) => chains.length));
  const perImage = (number: (plan: AugMixPlan) => number) => batch.upload.perImage(plans.map(number));
  const chains = Array.from({ length: width }, (_, k) => {
    const ofImages = plans.map(({ chains }) => chains[k] ?? []);
    return { apply: planOps(ofImages, batch, { fill }), weights: perImage(({ weights }) => weights[k] ?? 0) };
  });
  const shares = perImage(({ share }) => share);
  return (images) =>
    torch.tidy(() => {
      const mixed = torch.zerosLike(images);
      // Rounded twice, as NumPy does: one operation for both gives other levels now and then.
      for (const { apply, weights } of chains) torch.tidy(() => mixed.add_(apply(images).mul(weights())));
      mixed.clamp_(0, 255).floor_();
      return mixed.sub_(images).mul_(shares()).add_(images).clamp_(0, 255).floor_();
    });
}

export const augMix = augmentation(
  'batch',
  z.strictObject({
    config: configOption(parseAugMix, 'augmix-m3-w3').describe(
      "timm's short form: severity m, w chains of d operations, α of the weights a, standard deviation of the magnitude mstd",
    ),
    ...resamplingOptions,
  }),
  (given, context) => {
    const config = parseAugMix(given.config);
    const { filters, fill } = resampling(given, context);
    const settings = { ...config, magnitudeMax: 10, translate: 0.3, filters };
    return plannedTransform((batch, randoms) =>
      planChains(
        randoms.map((random) => drawAugMix(config, settings, random)),
        fill,
        batch,
      ),
    );
  },
);
