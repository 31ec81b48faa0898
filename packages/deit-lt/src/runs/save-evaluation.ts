/** Keeps what an evaluation of the best checkpoint found in the run folder, from which runs are compared and reported. */

import type { LabelledSource } from '../data/prepare-data.js';
import type { EvaluationResult } from '../evaluation/evaluate.js';
import { hashOfImages, type PredictionRecorder, writePredictions } from './predictions.js';
import type { RunFolder } from './run-folder.js';

export interface FoundEvaluation {
  readonly split: 'test' | 'validation';
  /** Epoch of the checkpoint, from 0. */
  readonly epoch: number;
  /** The name of the data set that the user gave. */
  readonly data: string;
  /** Labels by the model's classes, and names of the images. */
  readonly images: Pick<LabelledSource, 'labels' | 'classNames' | 'nameOf'>;
  readonly evaluation: EvaluationResult;
  readonly recorder: PredictionRecorder;
}

/** Writes `predictions.safetensors` and `evaluation.json`. Throws UserError RUN_FOLDER. */
export function saveEvaluation(run: RunFolder, found: FoundEvaluation): void {
  const { split, epoch, data, images, evaluation, recorder } = found;
  const { labels, classNames, nameOf } = images;
  const of = { split, checkpoint: 'best', epoch } as const;
  const imagesSha256 = hashOfImages(nameOf, labels, classNames);
  const outputs = recorder.outputs(labels.length);
  writePredictions(run.predictionsFile, {
    ...{ ...of, data, imagesSha256, labels, outputs },
    ...(evaluation.groups && { classes: { names: classNames, groups: evaluation.groups } }),
  });
  run.writeEvaluation({ ...of, ...evaluation });
}
