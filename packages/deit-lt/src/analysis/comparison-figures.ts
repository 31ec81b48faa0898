/** The figures of a comparison: a row for each output of each model or group of seeds. */
import { type Group, groupNames } from '../data/groups.js';
import type { OutputName } from '../runs/predictions.js';

export type FigureName = 'overall' | Group;

/** As the papers' tables have them: overall is over images, the others are means of their classes' accuracies. */
export const figureNames: readonly FigureName[] = ['overall', ...groupNames];

/** In per cent; of several seeds the mean. */
export interface Estimate {
  readonly value: number;
  /** The 95 % interval over test images. */
  readonly low: number;
  readonly high: number;
  /** Over seeds, with n − 1; only for several. */
  readonly std?: number;
}

/** Null where a group has no test images. */
export type Estimates = Readonly<Record<FigureName, Estimate | null>>;

export interface ComparisonRow {
  readonly name: string;
  readonly output: OutputName;
  /** Whether the model has several outputs. */
  readonly hasExperts: boolean;
  readonly seeds: readonly number[];
  readonly images: number;
  readonly figures: Estimates;
}
