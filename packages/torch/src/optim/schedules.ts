/**
 * Learning-rate schedules as pure functions: time in, learning rate out, no state. Time `t` counts epochs or
 * steps, whole or fractional, from 0; all lengths are in the same unit. Use:
 * `for (const group of optimizer.paramGroups) group.lr = cosine(epoch, { lr: 5e-4, total: 300 })`.
 */
import { TorchError } from '../errors.js';
import { type Check, checkOption } from '../options.js';
import { finite, nonNegative } from './options.js';

const positive: Check = {
  expected: 'a number above 0',
  accepts: (value) => typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY,
};

function check(where: string, values: Readonly<Record<string, number>>, test: Check): void {
  for (const [name, value] of Object.entries(values)) checkOption(where, name, value, test);
}

/** Always `lr`. */
export function constant(t: number, { lr }: { lr: number }): number {
  check('constant()', { t, lr }, finite);
  return lr;
}

export interface LinearWarmupOptions {
  /** Reached at `warmup`, and stays. */
  lr: number;
  warmup: number;
  /** Learning rate at t = 0. Default 0. */
  warmupLr?: number;
}

/**
 * `warmupLr + t · (lr − warmupLr)/warmup` until `warmup`, then `lr`. To put it before another schedule:
 * `t < warmup ? linearWarmup(t, …) : step(t, …)`.
 */
export function linearWarmup(t: number, { lr, warmup, warmupLr = 0 }: LinearWarmupOptions): number {
  check('linearWarmup()', { t, warmup }, nonNegative);
  check('linearWarmup()', { lr, warmupLr }, finite);
  return t < warmup ? warmupLr + t * ((lr - warmupLr) / warmup) : lr;
}

export interface CosineOptions {
  lr: number;
  /** Length of the half cosine; with `warmupPrefix` it starts after the warm-up, otherwise at 0. */
  total: number;
  /** Reached at `total`, and stays. Default 0. */
  minLr?: number;
  /** Length of the linear warm-up. Default 0: none. */
  warmup?: number;
  /** Learning rate at t = 0 of the warm-up. Default 0. */
  warmupLr?: number;
  /** Starts the cosine when the warm-up ends. By default it runs from 0, and the warm-up hides its beginning. */
  warmupPrefix?: boolean;
}

/**
 * A linear warm-up, then `minLr + ½(lr − minLr)(1 + cos(π·t/total))`, then `minLr`. As timm's `CosineLRScheduler` with
 * one cycle. I. Loshchilov and F. Hutter, "SGDR: Stochastic gradient descent with warm restarts", ICLR 2017, arXiv
 * 1608.03983.
 */
export function cosine(
  t: number,
  { lr, total, minLr = 0, warmup = 0, warmupLr = 0, warmupPrefix = false }: CosineOptions,
): number {
  check('cosine()', { t, warmup }, nonNegative);
  check('cosine()', { total }, positive);
  check('cosine()', { lr, minLr, warmupLr }, finite);
  if (t < warmup) return linearWarmup(t, { lr, warmup, warmupLr });
  const time = warmupPrefix ? t - warmup : t;
  return time < total ? minLr + 0.5 * (lr - minLr) * (1 + Math.cos((Math.PI * time) / total)) : minLr;
}

export interface StepOptions {
  lr: number;
  /** Time between two drops. */
  every: number;
  /** Factor of a drop. Default 0.1. */
  gamma?: number;
}

/** `lr · gamma^⌊t/every⌋`, as PyTorch's `StepLR`. */
export function step(t: number, { lr, every, gamma = 0.1 }: StepOptions): number {
  check('step()', { t }, nonNegative);
  check('step()', { every }, positive);
  check('step()', { lr, gamma }, finite);
  return lr * gamma ** Math.floor(t / every);
}

export interface MultiStepOptions {
  lr: number;
  /** The times of the drops, in any order; a time that occurs twice drops twice. */
  milestones: readonly number[];
  /** Factor of a drop. Default 0.1. */
  gamma?: number;
}

/** `lr · gamma^n`, n the number of milestones up to and including `t`, as PyTorch's `MultiStepLR`. */
export function multiStep(t: number, { lr, milestones, gamma = 0.1 }: MultiStepOptions): number {
  check('multiStep()', { t }, nonNegative);
  check('multiStep()', { lr, gamma }, finite);
  checkOption('multiStep()', 'milestones', milestones, {
    expected: 'an array of times',
    accepts: (value) => Array.isArray(value) && value.every(Number.isFinite),
  });
  return lr * gamma ** milestones.filter((milestone) => milestone <= t).length;
}

export interface PolynomialOptions {
  lr: number;
  total: number;
  /** 1 is a straight line. Default 1. */
  power?: number;
  /** Reached at `total`, and stays. Default 0. */
  minLr?: number;
}

/** `minLr + (lr − minLr)(1 − t/total)^power`, then `minLr`; with minLr 0 as PyTorch's `PolynomialLR`. */
export function polynomial(t: number, { lr, total, power = 1, minLr = 0 }: PolynomialOptions): number {
  check('polynomial()', { t }, nonNegative);
  check('polynomial()', { total, power }, positive);
  check('polynomial()', { lr, minLr }, finite);
  return t < total ? minLr + (lr - minLr) * (1 - t / total) ** power : minLr;
}

export interface OneCycleOptions {
  /** Learning rate at the peak. */
  maxLr: number;
  /** Number of steps: the last one is `total − 1`, and has the smallest learning rate. */
  total: number;
  /** Share of the steps in which the rate rises. Default 0.3. */
  rise?: number;
  /** `maxLr / divFactor` at t = 0. Default 25. */
  divFactor?: number;
  /** The first learning rate divided by this is the last one. Default 1e4. */
  finalDivFactor?: number;
  /** Shape of both parts. Default `cosine`. */
  anneal?: 'cosine' | 'linear';
}

/**
 * Up to `maxLr` and down to almost nothing, as PyTorch's `OneCycleLR` (two phases). After the last step it stays.
 * L. Smith and N. Topin, "Super-convergence", 2017, arXiv 1708.07120.
 */
export function oneCycle(
  t: number,
  { maxLr, total, rise = 0.3, divFactor = 25, finalDivFactor = 1e4, anneal = 'cosine' }: OneCycleOptions,
): number {
  check('oneCycle()', { t }, nonNegative);
  check('oneCycle()', { total, divFactor, finalDivFactor }, positive);
  check('oneCycle()', { maxLr }, finite);
  checkOption('oneCycle()', 'anneal', anneal, {
    expected: "'cosine' or 'linear'",
    accepts: (value) => value === 'cosine' || value === 'linear',
  });
  if (!(rise > 0 && rise < 1) || rise * total <= 1)
    throw new TorchError(
      'ARGUMENT',
      `oneCycle(): rise must be a share between 0 and 1 that is more than one of the ${total} steps, got ${rise}`,
    );
  const first = maxLr / divFactor;
  const last = first / finalDivFactor;
  const top = rise * total - 1;
  const between = anneal === 'cosine' ? halfCosine : straight;
  return t <= top ? between(first, maxLr, t / top) : between(maxLr, last, Math.min(1, (t - top) / (total - 1 - top)));
}

const halfCosine = (from: number, to: number, share: number): number =>
  to + ((from - to) / 2) * (1 + Math.cos(Math.PI * share));
const straight = (from: number, to: number, share: number): number => from + (to - from) * share;
