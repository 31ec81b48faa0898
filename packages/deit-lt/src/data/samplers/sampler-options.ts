/** The options of samplers; each sampler uses its own. */
export interface SamplerOptions {
  /** Default 0. */
  seed?: number;
  /** Counted from 0, the default. */
  epoch?: number;
  /** This process among the `world` that share the epoch; default 0 of 1. */
  rank?: number;
  world?: number;
  /** For repeated augmentation: copies of each image. Default 3, as in DeiT. */
  repeats?: number;
  /** For `class-balanced`: classes are drawn ∝ n_c^(−power). Default 0: all equally often; −1: as in the data. */
  power?: number;
  /** For `effective-number`: classes are drawn ∝ n_c·(1 − beta)/(1 − beta^n_c). Default 0.9999. */
  beta?: number;
}
