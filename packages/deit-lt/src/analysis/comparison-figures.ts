/** The figures of a comparison: a row for each output of each model or group of seeds. */
import type { AccuracyName, FewImages } from '../evaluation/class-figures.js';
import type { OutputName } from '../runs/predictions.js';

/** An accuracy in %; for several seeds, the mean. */
export interface Estimate {
  readonly value: number;
  /** The 95 % interval over test images: of a model as evaluations have it, of several seeds and of differences by resampling. */
  readonly low: number;
  readonly high: number;
  /** Over seeds, with n − 1; only for several. */
  readonly std?: number;
}

/** Null where a group has no test images. */
export type Estimates = Readonly<Record<AccuracyName, Estimate | null>>;

export interface ComparisonRow {
  readonly name: string;
  readonly output: OutputName;
  /** Whether the model has several outputs. */
  readonly hasExperts: boolean;
  readonly seeds: readonly number[];
  readonly split: 'test' | 'validation';
  readonly images: number;
  /** Absent when each class has enough test images. */
  readonly few?: FewImages;
  readonly figures: Estimates;
}
