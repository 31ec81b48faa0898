/** `BatchNorm1d` and `BatchNorm2d`, PyTorch's (Ioffe and Szegedy, 2015). */

import { isInitialized } from '../distributed/process-group.js';
import { ops } from '../ops.js';
import { checkCounts, checkNames } from '../options.js';
import { ones, zeros } from '../tensor/create.js';
import type { Tensor } from '../tensor/tensor.js';
import { batchNorm } from './functional/normalization.js';
import { requireDims } from './functional/shared.js';
import { constant_ } from './init.js';
import { type AnyModule, Module } from './module.js';
import type { Parameter } from './parameter.js';
import { filledParameter, type PlacementOptions, placementNames } from './placement.js';
import { pythonFields, pythonRepr } from './python-repr.js';
import { syncBatchNorm } from './sync-batch-norm.js';

export interface BatchNormOptions extends PlacementOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number;
  /** Weight of a batch's statistics in the running ones; null averages all batches evenly. Default 0.1. */
  momentum?: number | null;
  /** Whether there are weight and bias. Default true. */
  affine?: boolean;
  /** Whether statistics are collected for evaluation, which otherwise uses the batch's own. Default true. */
  trackRunningStats?: boolean;
}

const names = ['eps', 'momentum', 'affine', 'trackRunningStats', ...placementNames] as const;

/**
 * `(x − mean) / √(var + eps) · weight + bias` by channel. Parameters: weight and bias `[C]`; buffers: runningMean,
 * runningVar (of the unbiased variance) `[C]`, numBatchesTracked `[]` int64. Throws `TorchError` for an input of
 * another number of dimensions, and in training when a channel has a single value.
 */
export abstract class BatchNorm extends Module {
  readonly numFeatures: number;
  readonly eps: number;
  momentum: number | null;
  readonly affine: boolean;
  readonly trackRunningStats: boolean;
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly runningMean: Tensor | null;
  readonly runningVar: Tensor | null;
  readonly numBatchesTracked: Tensor | null;
  /**
   * Whether training normalises by the statistics of the batches of all processes, as PyTorch's SyncBatchNorm; where there is a
   * group of processes. Default false; `convertSyncBatchNorm` sets it.
   */
  isSynchronised = false;
  /** The numbers of dimensions that an input may have. */
  protected abstract readonly dims: readonly number[];

  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    const {
      eps = 1e-5,
      momentum = 0.1,
      affine = true,
      trackRunningStats = true,
      ...placement
    } = checkNames(new.target.name, options, names);
    super();
    checkCounts(new.target.name, { numFeatures });
    this.numFeatures = numFeatures;
    this.eps = eps;
    this.momentum = momentum;
    this.affine = affine;
    this.trackRunningStats = trackRunningStats;
    this.weight = affine ? filledParameter([numFeatures], 1, placement) : null;
    this.bias = affine ? filledParameter([numFeatures], 0, placement) : null;
    this.runningMean = this.registerBuffer('runningMean', trackRunningStats ? zeros([numFeatures], placement) : null);
    this.runningVar = this.registerBuffer('runningVar', trackRunningStats ? ones([numFeatures], placement) : null);
    const count = { ...placement, dtype: 'int64' } as const;
    this.numBatchesTracked = this.registerBuffer('numBatchesTracked', trackRunningStats ? zeros([], count) : null);
  }

  /** Puts the running statistics back to mean 0, variance 1 and no batches. */
  resetRunningStats(): void {
    for (const [buffer, value] of [
      [this.runningMean, 0],
      [this.runningVar, 1],
      [this.numBatchesTracked, 0],
    ] as const) {
      if (buffer !== null) constant_(buffer, value);
    }
  }

  /** Puts weight and bias back to 1 and 0, and the running statistics too. */
  resetParameters(): void {
    this.resetRunningStats();
    if (this.weight !== null) constant_(this.weight, 1);
    if (this.bias !== null) constant_(this.bias, 0);
  }

  forward(input: Tensor): Tensor {
    requireDims(input, ...this.dims);
    const momentum = this.training ? this.#countBatch() : (this.momentum ?? 0);
    const { weight, bias, eps, runningMean, runningVar } = this;
    if (this.training && this.isSynchronised && isInitialized())
      return syncBatchNorm(input, runningMean, runningVar, { weight, bias, eps, momentum });
    return batchNorm(input, runningMean, runningVar, {
      weight,
      bias,
      eps,
      momentum,
      training: this.training || runningMean === null,
    });
  }

  /** Weight of this batch's statistics in the running statistics. */
  #countBatch(): number {
    const count = this.numBatchesTracked;
    if (count === null) return this.momentum ?? 0;
    ops.aten.add_.Tensor(count, 1);
    return this.momentum ?? 1 / count.toNumber();
  }

  override extraRepr(): string {
    const { eps, momentum, affine, trackRunningStats } = this;
    const fields = { eps, momentum, affine, bias: affine, track_running_stats: trackRunningStats };
    return `${pythonRepr(this.numFeatures)}, ${pythonFields(fields)}`;
  }
}

/** `BatchNorm` of `[B, C]` or `[B, C, L]`. */
export class BatchNorm1d extends BatchNorm {
  protected readonly dims = [2, 3];
}

/** `BatchNorm` of images `[B, C, H, W]`. */
export class BatchNorm2d extends BatchNorm {
  protected readonly dims = [4];
}

/**
 * Makes the batch norms in `module` normalise by the batches of all processes in training, or with `synchronised: false` by their own
 * again. Unlike PyTorch's `convert_sync_batchnorm` it changes the modules in place. All processes then run them in the same order.
 */
export function convertSyncBatchNorm(module: AnyModule, options: { synchronised?: boolean } = {}): void {
  const { synchronised = true } = checkNames<{ synchronised?: boolean }>('convertSyncBatchNorm()', options, [
    'synchronised',
  ]);
  for (const each of module.modules()) if (each instanceof BatchNorm) each.isSynchronised = synchronised;
}
