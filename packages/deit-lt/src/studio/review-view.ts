/** Images of a run that a person should look at: the messages between the studio's server and the browser. Types alone, for both. */
import type { OutputName } from '../runs/predictions.js';
import type { Guess } from './run-view.js';

/** Wrong predictions, probable label errors, and test images that look like training images. */
export type ReviewKind = 'mistakes' | 'labels' | 'duplicates';

export interface ReviewImage {
  readonly split: 'train' | 'validation' | 'test';
  readonly name: string;
  /** Its label. */
  readonly class: string;
  /** A `data:` address; absent when the file cannot be read any more. */
  readonly picture?: string;
}

export type ReviewRow =
  | {
      readonly kind: 'mistakes';
      readonly image: ReviewImage;
      readonly predictions: Readonly<Partial<Record<OutputName, Guess>>>;
      /** How far CLS and DIST disagree, 0 … 1; absent without DIST. */
      readonly disagreement?: number;
    }
  | {
      readonly kind: 'labels';
      readonly image: ReviewImage;
      /** Probability of the label, 0 … 1. */
      readonly probability: number;
      readonly suggested: Guess;
    }
  | {
      readonly kind: 'duplicates';
      readonly image: ReviewImage;
      /** The training image that it looks like. */
      readonly other: ReviewImage;
      /** 0 for the same picture. */
      readonly distance: number;
    };

export interface ReviewClass {
  readonly name: string;
  /** Rows with this label. */
  readonly rows: number;
  /** Images of the class; absent where that is not counted. */
  readonly images?: number;
}

/** The answer to `GET /review`. */
export type Review =
  /** Nobody has started the work: `POST /review` does. */
  | { readonly state: 'idle' }
  | {
      readonly state: 'working';
      /** First the files are read and checked. */
      readonly stage: 'reading' | 'searching';
      readonly done: number;
      /** 0 while it is not known. */
      readonly total: number;
    }
  | {
      readonly state: 'ready';
      /** Sentences about what was found. */
      readonly facts: readonly string[];
      /** Classes that have rows. */
      readonly classes: readonly ReviewClass[];
      /** Rows of the chosen class, or of all. */
      readonly total: number;
      /** From 0. */
      readonly page: number;
      readonly pages: number;
      readonly rows: readonly ReviewRow[];
    };
