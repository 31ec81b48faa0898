/** What a sampler can be told; each takes what it has. */
export interface SamplerOptions {
  /** Default 0. */
  seed?: number;
  /** Counted from 0, the default. */
  epoch?: number;
  /** This process among the `world` that share the epoch; default 0 of 1. */
  rank?: number;
  world?: number;
  /** Of repeated augmentation: copies of each image. Default 3, as in DeiT. */
  repeats?: number;
  /** Of `class-balanced`: classes are drawn ∝ n_c^(−power). Default 0: all equally often; −1: as in the data. */
  power?: number;
  /** Of `effective-number`: classes are drawn ∝ n_c·(1 − beta)/(1 − beta^n_c). Default 0.9999. */
  beta?: number;
}
