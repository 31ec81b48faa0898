/**
 * AutoAugment (Cubuk et al. 2019, arXiv 1805.09501): one of 25 pairs of operations for each image, each with its own
 * probability and strength. The ImageNet policies as timm applies them, the one for CIFAR-10 as PaCo does.
 */
import { z } from 'zod';
import type { RandomStream } from '../random/stream.js';
import { augmentation } from './augmentation.js';
import { type CifarOpName, cifar10, cifarOps, scaledPolicies } from './auto-augment-policies.js';
import { type OpChoice, type Plan, planOps } from './ops.js';
import { drawPolicyOp, type PolicySettings, resampling, resamplingOptions } from './policy-op.js';
import { plannedTransform } from './transform.js';

type ScaledPolicyName = keyof typeof scaledPolicies;

const names = ['cifar10', ...(Object.keys(scaledPolicies) as ScaledPolicyName[])] as const;

/** Draws the operations of an ImageNet policy for one image, with timm's random numbers in timm's order. */
export function drawScaledPair(policy: ScaledPolicyName, settings: PolicySettings, random: RandomStream): Plan {
  const pairs = scaledPolicies[policy];
  const [a, probabilityA, levelA, b, probabilityB, levelB] = pairs[random.int(pairs.length)]!;
  return [
    drawPolicyOp({ name: a, probability: probabilityA, level: levelA }, settings, random),
    drawPolicyOp({ name: b, probability: probabilityB, level: levelB }, settings, random),
  ];
}

/** Draws the operations of the CIFAR-10 policy for one image, with PaCo's random numbers in its order. */
export function drawCifarPair(random: RandomStream): Plan {
  const [a, probabilityA, levelA, b, probabilityB, levelB] = cifar10[random.int(cifar10.length)]!;
  return [drawCifarOp(a, probabilityA, levelA, random), drawCifarOp(b, probabilityB, levelB, random)];
}

function drawCifarOp(
  name: CifarOpName,
  probability: number,
  level: number,
  random: RandomStream,
): OpChoice | undefined {
  if (random.random() >= probability) return undefined;
  const { signed } = cifarOps[name];
  return cifarChoice(name, level, signed && random.int(2) === 0 ? -1 : 1);
}

/** An operation of the CIFAR-10 policy at a level 0…9. */
export function cifarChoice(name: CifarOpName, level: number, sign: 1 | -1): OpChoice {
  const { op, argument, ...rest } = cifarOps[name];
  const arg = argument(level, sign);
  return 'filter' in rest ? { op, arg, filter: rest.filter } : { op, arg };
}

/** The grey that the CIFAR-10 policy fills with. */
const grey = [128, 128, 128];

export const autoAugment = augmentation(
  'batch',
  z.strictObject({
    policy: z
      .enum(names)
      .default('original')
      .describe('for CIFAR-10, or for ImageNet: the original one or v0; r: posterising as in research'),
    magnitudeStd: z
      .number()
      .min(0)
      .max(10)
      .default(0)
      .describe('standard deviation of the levels of the ImageNet policies'),
    ...resamplingOptions,
  }),
  ({ policy, magnitudeStd, ...given }, context) => {
    const { filters, fill } = resampling(given, context);
    if (policy === 'cifar10')
      return plannedTransform((batch, randoms) =>
        planOps(randoms.map(drawCifarPair), batch, { fill: given.fill ?? grey }),
      );
    const settings = { magnitudeStd, magnitudeMax: 10, translate: 0.45, filters };
    return plannedTransform((batch, randoms) =>
      planOps(
        randoms.map((random) => drawScaledPair(policy, settings, random)),
        batch,
        { fill },
      ),
    );
  },
);
