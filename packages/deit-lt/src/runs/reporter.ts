/** Receives the progress of a training. Implemented by the terminal's display, by plain lines and by tests. */
import type { EvaluationResult } from '../evaluation/evaluate.js';
import type { TrainingKind } from '../recipe/training-kind.js';

export interface TrainingStart {
  readonly kind: TrainingKind;
  /** The run folder of this model. */
  readonly folder: string;
  readonly model: string;
  readonly parameters: number;
  /** Those of them that are trained; absent: all. */
  readonly trainedParameters?: number;
  readonly device: string;
  readonly precision: 'float32' | 'bfloat16' | 'float16';
  readonly epochs: number;
  readonly batchesPerEpoch: number;
  readonly trainImages: number;
  /** Processes that train together, and shards of each; absent: one process without shards. */
  readonly processes?: { readonly count: number; readonly shardsOfEach: number };
  /** Epoch and batch at which the run resumes; absent for a new run. */
  readonly resumedAt?: { readonly epoch: number; readonly batch: number };
}

export interface StepReport {
  readonly epoch: number;
  /** Batches done in this epoch, and in all. */
  readonly batch: number;
  readonly batches: number;
  /** Mean over the epoch so far; on a card over the batches that have been read, which is all but the last few. */
  readonly loss: number;
  readonly lr: number;
  /** Gradient norm of the last update, before clipping; absent if it is not measured. */
  readonly gradNorm?: number;
  /** Over the last seconds. */
  readonly imagesPerSecond: number;
  /** Estimate for the rest of the training, evaluations included. */
  readonly secondsLeft: number;
}

/** One line of metrics.jsonl. */
export interface EpochRecord {
  /** Epoch, from 0. */
  readonly epoch: number;
  readonly lr: number;
  /** Mean loss over the epoch, and its parts (`cls`, `dist`). */
  readonly loss: number;
  readonly parts: Readonly<Record<string, number>>;
  /** Mean norm of all gradients over the updates, before clipping; absent when it is not measured (`logGradNorm`). */
  readonly gradNorm?: number;
  readonly seconds: number;
  readonly imagesPerSecond: number;
  /** Deferred re-weighting was on. */
  readonly drw: boolean;
  /** Evaluation of the weights without averaging; absent if this epoch had no evaluation. */
  readonly evaluation?: EvaluationResult;
  /** Evaluation of the averaged weights (EMA). */
  readonly emaEvaluation?: EvaluationResult;
  /** The split that was evaluated. */
  readonly evaluatedOn?: 'validation' | 'test';
}

export interface TrainingEnd {
  readonly kind: TrainingKind;
  readonly model: string;
  readonly folder: string;
  readonly seconds: number;
  /** Epoch of the checkpoint `best` and by which rule it was chosen. */
  readonly bestEpoch: number;
  readonly rule: string;
  /** Test images evaluated with the best checkpoint, when there are any. */
  readonly test?: EvaluationResult;
}

export interface Reporter {
  /** Something that the user should know once. A line each; they may quote foreign text as it is. */
  note(...lines: readonly string[]): void;
  /** Work of known or unknown length outside training: decoding, checking, evaluating. */
  progress(what: string, done: number, total: number | undefined): void;
  start(training: TrainingStart): void;
  step(report: StepReport): void;
  /** `epochs`: those of the training as it is planned now; a limit of time changes them. Absent: those of its start. */
  epoch(record: EpochRecord, epochs?: number): void;
  end(training: TrainingEnd): void;
}

/** Says nothing. */
export const silentReporter: Reporter = {
  note: () => {},
  progress: () => {},
  start: () => {},
  step: () => {},
  epoch: () => {},
  end: () => {},
};
