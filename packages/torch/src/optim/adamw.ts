/**
 * AdamW: Adam with weight decay that does not go through the averages.
 * I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019, arXiv 1711.05101.
 */
import { Adam, type AdamOptions, adamDefaults } from './adam.js';
import type { Parameters } from './optimizer.js';

/** 0.01 is PyTorch's default for AdamW. */
const defaults: Required<AdamOptions> = { ...adamDefaults, weightDecay: 0.01 };

/**
 * `p ← (1 − lr·weightDecay) · p`, `m ← β₁m + (1−β₁)g`, `v ← β₂v + (1−β₂)g²`,
 * `p ← p − lr · m/(1−β₁ᵗ) / (√(v/(1−β₂ᵗ)) + eps)`. As `torch.optim.AdamW`, with its defaults.
 */
export class AdamW extends Adam {
  /** Throws `TorchError` (`ARGUMENT`) for options and parameters that are not fit. */
  constructor(params: Parameters<AdamOptions>, options: AdamOptions = {}) {
    super(params, options, defaults);
  }

  protected override get decoupled(): boolean {
    return true;
  }
}
