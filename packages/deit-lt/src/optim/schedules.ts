/**
 * Learning rate, deferred re-weighting and SAM radius as pure functions of the place in a run, so that a resumed run
 * needs no state of them. The published code's own rules are in published-schedules.ts.
 */
import { UserError } from '../errors.js';
import type { Place, ScheduleConfig, ScheduleSpan } from './schedule-config.js';
import { scheduleRegistry } from './schedule-registry.js';
import { factorAt } from './schedule-step.js';

/** Epochs that are trained: the published code computes a cooldown and does not run it. */
export function totalEpochs(config: ScheduleConfig, epochs: number): number {
  if (config.stepping.startsWith('published')) return epochs;
  return epochs + (scheduleRegistry.find(config.name).cooldown?.(config) ?? 0);
}

/**
 * The learning rate of the batch at `place`. Set it before the batch; the update that a window of `accumulation`
 * batches ends with has the one of its last batch.
 *
 * - `update`: the schedule at `epoch + u/U`, update u of the U of the epoch; the cosine starts where the warm-up ends.
 * - `epoch`: the schedule at `epoch`, the warm-up at `epoch + 1`, so that no epoch runs only at `warmupLr`.
 * - `published`, `published-paco`: see published-schedules.ts; schedules that were not published are as with `epoch`.
 *
 * Throws `UserError` for an unknown name (RECIPE), and for a schedule of a plugin that returns no learning rate (PLUGIN).
 */
export function learningRate(config: ScheduleConfig, span: ScheduleSpan, place: Place): number {
  const { stepping, name } = config;
  const { published = {} } = scheduleRegistry.find(name);
  if (stepping === 'published' || stepping === 'published-paco') {
    const form = published[stepping];
    if (form !== undefined) return form(config, span, place);
  }
  const { epoch, batch, batches, accumulation = 1 } = place;
  if (stepping !== 'update') return valueAt(config, span, epoch, epoch + 1);
  const time = epoch + Math.floor(batch / accumulation) / Math.ceil(batches / accumulation);
  return valueAt(config, span, time, time);
}

/** The learning rate at `time` in epochs; the warm-up is read at `warmupTime`. */
function valueAt(config: ScheduleConfig, span: ScheduleSpan, time: number, warmupTime: number): number {
  const { name, warmupEpochs, warmupLr } = config;
  const { lr, epochs } = span;
  if (time < warmupEpochs) return warmupLr + (lr - warmupLr) * Math.min(1, warmupTime / warmupEpochs);
  const share = epochs > warmupEpochs ? Math.min(1, (time - warmupEpochs) / (epochs - warmupEpochs)) : 1;
  return requireRate(name, scheduleRegistry.find(name).create(config, span)({ time, share }), time);
}

function requireRate(name: string, rate: unknown, time: number): number {
  if (typeof rate === 'number' && Number.isFinite(rate) && rate >= 0) return rate;
  throw new UserError(
    'PLUGIN',
    `the schedule "${name}" cannot be used: it must return a learning rate, and returned ${String(rate)} at epoch ${time}.`,
  );
}

export interface LrScaling {
  /** The batch that `lr` is for; null: any. */
  readonly lrPer: number | null;
  /** `effective` counts the accumulated batches, `published` does not. */
  readonly lrRule: 'effective' | 'published';
  readonly batchSize: number;
  readonly accumulation: number;
  /** Shards that train together. Default 1. */
  readonly world?: number;
}

/** The base learning rate for a batch: `lr · (batchSize · world · accumulation)/lrPer`, or without the accumulation. */
export function scaledLearningRate(
  lr: number,
  { lrPer, lrRule, batchSize, accumulation, world = 1 }: LrScaling,
): number {
  if (lrPer === null) return lr;
  return (lr * batchSize * world * (lrRule === 'effective' ? accumulation : 1)) / lrPer;
}

/** True from the epoch (from 0) of deferred re-weighting on; null: never. */
export function isReweighted(epoch: number, drwEpoch: number | null): boolean {
  return drwEpoch !== null && epoch >= drwEpoch;
}

export interface SamRadiusConfig {
  /** `none`: always `rho`; `linear`: up to `rho`; `step`: by `steps`. */
  readonly schedule: 'none' | 'linear' | 'step';
  readonly rho: number;
  /** Linear: in the first epoch. Default 0.05. */
  readonly minRho?: number;
  /** Step: the radius from each of these epochs (from 0) on. Default: the published ones, for 200 epochs of CIFAR. */
  readonly steps?: readonly (readonly [fromEpoch: number, rho: number])[];
  /** Linear: rounds to half precision, as the published code does. Default false. */
  readonly halfPrecision?: boolean;
}

/** The published radii of 200 epochs on long-tailed CIFAR. */
const publishedRadii = [
  [0, 0.05],
  [5, 0.1],
  [160, 0.5],
  [180, 0.6],
] as const;

/** SAM's radius in `epoch` (from 0) of `epochs`. */
export function samRadius(
  epoch: number,
  epochs: number,
  { schedule, rho, minRho = 0.05, steps = publishedRadii, halfPrecision = false }: SamRadiusConfig,
): number {
  if (schedule === 'none') return rho;
  if (schedule === 'step') {
    const [milestones, factors] = [steps.map(([from]) => from), steps.map(([, radius]) => radius)];
    return epoch < Math.min(...milestones) ? rho : factorAt({ milestones, factors }, epoch);
  }
  const share = epochs > 1 ? Math.min(1, epoch / (epochs - 1)) : 1;
  const radius = minRho + (rho - minRho) * share;
  return halfPrecision ? toHalf(radius) : radius;
}

/** The nearest number of IEEE half precision, ties to even, for positive ones below 65504. */
export function toHalf(x: number): number {
  if (x === 0) return 0;
  const exponent = Math.max(-14, Math.floor(Math.log2(x)));
  const unit = 2 ** (exponent - 10);
  const steps = x / unit; // exact
  const below = Math.floor(steps);
  const rest = steps - below;
  const up = rest > 0.5 || (rest === 0.5 && below % 2 === 1);
  return (below + (up ? 1 : 0)) * unit;
}
