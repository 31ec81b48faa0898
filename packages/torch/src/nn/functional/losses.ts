/** Losses. Each returns the mean over all elements by default; `reduction` changes that. */
import { ops } from '../../ops.js';
import { checkNames } from '../../options.js';
import { shapeOf } from '../../tensor/describe.js';
import type { Tensor } from '../../tensor/tensor.js';
import { type Reduction, reductionNumber, requireSameShape } from './shared.js';

const { aten } = ops;

export interface LossOptions {
  /** Default 'mean'. */
  reduction?: Reduction;
}

export interface NllLossOptions extends LossOptions {
  /** A factor for each class, `[C]`; the mean is then weighted too. Default null. */
  weight?: Tensor | null;
  /** A class index that does not count. Default −100. */
  ignoreIndex?: number;
}

/** Log-probabilities `[B, C, …]` and class indices `[B, …]` → `−log p(target)`. */
export function nllLoss(input: Tensor, target: Tensor, options: NllLossOptions = {}): Tensor {
  const names = ['weight', 'ignoreIndex', 'reduction'] as const;
  const { weight = null, ignoreIndex = -100, reduction = 'mean' } = checkNames('nllLoss()', options, names);
  return aten.nll_loss_nd.default(input, target, weight, reductionNumber(reduction), ignoreIndex);
}

export interface CrossEntropyOptions extends NllLossOptions {
  /** The part of the target that is spread evenly over all classes, 0 … 1. Default 0. */
  labelSmoothing?: number;
}

/**
 * Logits `[B, C, …]` and either class indices `[B, …]` or probabilities `[B, C, …]` → `−Σ target · log softmax(input)`.
 * With probabilities the mean is over the samples. Throws `TorchError` when the shapes do not fit.
 */
export function crossEntropy(input: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const names = ['weight', 'ignoreIndex', 'reduction', 'labelSmoothing'] as const;
  const {
    weight = null,
    ignoreIndex = -100,
    reduction = 'mean',
    labelSmoothing = 0,
  } = checkNames('crossEntropy()', options, names);
  return aten.cross_entropy_loss.default(
    input,
    target,
    weight,
    reductionNumber(reduction),
    ignoreIndex,
    labelSmoothing,
  );
}

/** `(input − target)²`. Throws `TorchError` unless both have the same shape, as all below. */
export function mseLoss(input: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  const { reduction = 'mean' } = checkNames('mseLoss()', options, ['reduction']);
  requireSameShape(input, target, 'mseLoss');
  return aten.mse_loss.default(input, target, reductionNumber(reduction));
}

/** `|input − target|`. */
export function l1Loss(input: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  const { reduction = 'mean' } = checkNames('l1Loss()', options, ['reduction']);
  requireSameShape(input, target, 'l1Loss');
  return aten.l1_loss.default(input, target, reductionNumber(reduction));
}

export interface SmoothL1Options extends LossOptions {
  /** Threshold between the quadratic and the linear part. Default 1. */
  beta?: number;
}

/** `½d²/beta` below `beta`, `d − ½beta` above, with `d = |input − target|`. */
export function smoothL1Loss(input: Tensor, target: Tensor, options: SmoothL1Options = {}): Tensor {
  const { reduction = 'mean', beta = 1 } = checkNames('smoothL1Loss()', options, ['reduction', 'beta']);
  requireSameShape(input, target, 'smoothL1Loss');
  return aten.smooth_l1_loss.default(input, target, reductionNumber(reduction), beta);
}

export interface BinaryCrossEntropyOptions extends LossOptions {
  /** A factor for each element; broadcast. Default null. */
  weight?: Tensor | null;
}

/** Probabilities and targets in 0 … 1 → `−t log p − (1 − t) log(1 − p)`. */
export function binaryCrossEntropy(input: Tensor, target: Tensor, options: BinaryCrossEntropyOptions = {}): Tensor {
  const { weight = null, reduction = 'mean' } = checkNames('binaryCrossEntropy()', options, ['weight', 'reduction']);
  requireSameShape(input, target, 'binaryCrossEntropy');
  const factors = weight === null ? null : weight.expand(shapeOf(input));
  return aten.binary_cross_entropy.default(input, target, factors, reductionNumber(reduction));
}

export interface BinaryCrossEntropyWithLogitsOptions extends BinaryCrossEntropyOptions {
  /** A factor for the positive part of each class; broadcast. Default null. */
  posWeight?: Tensor | null;
}

/** `binaryCrossEntropy` of `sigmoid(input)`, computed without overflow. */
export function binaryCrossEntropyWithLogits(
  input: Tensor,
  target: Tensor,
  options: BinaryCrossEntropyWithLogitsOptions = {},
): Tensor {
  const where = 'binaryCrossEntropyWithLogits()';
  const names = ['weight', 'posWeight', 'reduction'] as const;
  const { weight = null, posWeight = null, reduction = 'mean' } = checkNames(where, options, names);
  requireSameShape(input, target, where);
  return aten.binary_cross_entropy_with_logits.default(input, target, weight, posWeight, reductionNumber(reduction));
}

export interface KlDivOptions {
  /** 'batchmean' is the sum divided by the batch size: the divergence itself. Default 'mean', as in PyTorch. */
  reduction?: Reduction | 'batchmean';
  /** Whether the target is log-probabilities too. Default false. */
  logTarget?: boolean;
}

/** Log-probabilities and probabilities → `target · (log target − input)`. */
export function klDiv(input: Tensor, target: Tensor, options: KlDivOptions = {}): Tensor {
  const { reduction = 'mean', logTarget = false } = checkNames('klDiv()', options, ['reduction', 'logTarget']);
  if (reduction !== 'batchmean') return aten.kl_div.default(input, target, reductionNumber(reduction), { logTarget });
  const [batch] = shapeOf(input);
  const sum = aten.kl_div.default(input, target, reductionNumber('sum'), { logTarget });
  return batch === undefined ? sum : sum.div(batch);
}
