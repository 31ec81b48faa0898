/** Losses as modules: options once, then `loss.call(input, target)`. */
import { checkNames } from '../options.js';
import type { Tensor } from '../tensor/tensor.js';
import {
  type BinaryCrossEntropyWithLogitsOptions,
  binaryCrossEntropyWithLogits,
  type CrossEntropyOptions,
  crossEntropy,
  type KlDivOptions,
  klDiv,
  type LossOptions,
  mseLoss,
} from './functional/losses.js';
import { Module } from './module.js';

type Operands = [input: Tensor, target: Tensor];

/** Logits `[B, C, …]` with class indices `[B, …]` or probabilities `[B, C, …]`; see `functional.crossEntropy`. Buffer: weight `[C]`, if given. */
export class CrossEntropyLoss extends Module<Operands> {
  readonly weight: Tensor | null;
  readonly options: CrossEntropyOptions;

  constructor(options: CrossEntropyOptions = {}) {
    const names = ['weight', 'ignoreIndex', 'reduction', 'labelSmoothing'] as const;
    const { weight = null, ...others } = checkNames('CrossEntropyLoss', options, names);
    super();
    this.weight = this.registerBuffer('weight', weight);
    this.options = others;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return crossEntropy(input, target, { ...this.options, weight: this.weight });
  }
}

/** `(input − target)²`; see `functional.mseLoss`. */
export class MSELoss extends Module<Operands> {
  constructor(readonly options: LossOptions = {}) {
    super();
    checkNames('MSELoss', options, ['reduction']);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return mseLoss(input, target, this.options);
  }
}

/** Binary cross-entropy of logits; see `functional.binaryCrossEntropyWithLogits`. Buffers: weight and posWeight, if given. */
export class BCEWithLogitsLoss extends Module<Operands> {
  readonly weight: Tensor | null;
  readonly posWeight: Tensor | null;
  readonly options: LossOptions;

  constructor(options: BinaryCrossEntropyWithLogitsOptions = {}) {
    const names = ['weight', 'posWeight', 'reduction'] as const;
    const { weight = null, posWeight = null, ...others } = checkNames('BCEWithLogitsLoss', options, names);
    super();
    this.weight = this.registerBuffer('weight', weight);
    this.posWeight = this.registerBuffer('posWeight', posWeight);
    this.options = others;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return binaryCrossEntropyWithLogits(input, target, {
      ...this.options,
      weight: this.weight,
      posWeight: this.posWeight,
    });
  }
}

/** Kullback–Leibler divergence of log-probabilities; see `functional.klDiv`. */
export class KLDivLoss extends Module<Operands> {
  constructor(readonly options: KlDivOptions = {}) {
    super();
    checkNames('KLDivLoss', options, ['reduction', 'logTarget']);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return klDiv(input, target, this.options);
  }
}
