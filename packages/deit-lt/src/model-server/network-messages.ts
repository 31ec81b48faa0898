/** Messages between the server and the thread in which its networks run. */
import type { InputSpec } from '../augment/evaluation-input.js';
import type { OpenAnyOptions } from '../classifier/any-classifier.js';
import type { Rgb } from '../data/decode/background.js';
import type { AppliedAdaptation } from '../description/applied-adaptation.js';
import type { ErrorCode } from '../errors.js';
import type { Opinion } from '../evaluation/ranking.js';
import type { TrainingRecipe } from '../recipe/schema.js';
import type { TrainingKind } from '../recipe/training-kind.js';

/** The start data of the thread. */
export interface NetworkStart {
  /** Run folders, checkpoints and ONNX models. */
  readonly models: readonly string[];
  readonly options: OpenAnyOptions;
  /** The module of `--plugin`. */
  readonly plugin?: string;
}

/** A model that was opened. */
export interface ModelFacts {
  readonly kind: TrainingKind;
  readonly file: string;
  readonly epoch: number | null;
  readonly recipe: TrainingRecipe;
  readonly classNames: readonly string[];
  readonly input: Pick<InputSpec, 'size' | 'filter'> & { readonly background: Rgb };
  readonly adaptation?: AppliedAdaptation;
  readonly notes: readonly string[];
}

/** A batch for the model with the number `model`. */
export interface NetworkTask {
  readonly id: number;
  readonly model: number;
  /** `size · size · 3` bytes of each image, in shared memory. */
  readonly pixels: readonly Uint8Array[];
  /** Number of ranked classes. */
  readonly top: number;
}

export interface SentError {
  readonly code: ErrorCode | undefined;
  readonly message: string;
}

export type NetworkAnswer =
  | { readonly opened: readonly ModelFacts[] }
  | { readonly id: number; readonly opinions: readonly Opinion[] }
  | { readonly id?: number; readonly error: SentError };
