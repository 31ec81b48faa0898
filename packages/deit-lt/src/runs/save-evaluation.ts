/** Keeps what an evaluation of the best checkpoint found in the run folder, from which runs are compared and reported. */

import type { LabelledSource } from '../data/prepare-data.js';
import type { EvaluationResult } from '../evaluation/evaluate.js';
import { hashOfImages, type PredictionRecorder, writePredictions } from './predictions.js';
import type { RunFolder } from './run-folder.js';

export interface FoundEvaluation {
  readonly split: 'test' | 'validation';
  /** Of the checkpoint, from 0. */
  readonly epoch: number;
  /** What the user called the data set. */
  readonly data: string;
  /** In the data's order. */
  readonly classNames: readonly string[];
  /** Labels and names of the images, by the data's classes. */
  readonly images: Pick<LabelledSource, 'labels' | 'nameOf'>;
  /** The labels by the model's classes. Default: they are the same. */
  readonly modelLabels?: Int32Array;
  readonly evaluation: EvaluationResult;
  readonly recorder: PredictionRecorder;
}

/** Writes `predictions.safetensors` and `evaluation.json`. Throws UserError RUN_FOLDER. */
export function saveEvaluation(run: RunFolder, found: FoundEvaluation): void {
  const { split, epoch, data, classNames, images, modelLabels = images.labels, evaluation, recorder } = found;
  const of = { split, checkpoint: 'best', epoch } as const;
  const imagesSha256 = hashOfImages(images.nameOf, images.labels, classNames);
  const outputs = recorder.outputs(images.labels.length);
  writePredictions(run.predictionsFile, { ...of, data, imagesSha256, labels: modelLabels, outputs });
  run.writeEvaluation({ ...of, ...evaluation });
}
