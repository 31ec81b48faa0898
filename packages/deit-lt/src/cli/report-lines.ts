/** The lines that both displays print: what is trained, one line per epoch, and how it ended. */

import type { EvaluationResult } from '../evaluation/evaluate.js';
import { accuracyLine } from '../evaluation/figure-text.js';
import { count, duration, images, short } from '../format.js';
import { trainingName } from '../recipe/training-kind.js';
import type { EpochRecord, TrainingEnd, TrainingStart } from '../runs/reporter.js';

/** `teacher: resnet32, 464,154 parameters, cpu in bfloat16; 12,406 images, 97 batches × 10 epochs → runs/x/teacher`. */
export function startLines(training: TrainingStart): string[] {
  const {
    kind,
    model,
    parameters,
    trainedParameters,
    device,
    precision,
    trainImages,
    batchesPerEpoch,
    epochs,
    folder,
    processes,
    resumedAt,
  } = training;
  const batches = `${count(batchesPerEpoch)} ${batchesPerEpoch === 1 ? 'batch' : 'batches'} × ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}`;
  const size =
    trainedParameters === undefined
      ? `${count(parameters)} parameters`
      : `${count(trainedParameters)} of ${count(parameters)} parameters are trained`;
  const name = trainingName(kind, model);
  const first = `${name}: ${model}, ${size}, ${device} in ${precision}; ${images(trainImages)}, ${batches}${processesText(processes)} → ${folder}`;
  if (resumedAt === undefined) return [first];
  const { epoch, batch } = resumedAt;
  const place = epoch >= epochs ? 'was finished' : `resumes at epoch ${epoch + 1}, batch ${batch + 1}`;
  return [first, `${name}: ${place}`];
}

/** ` in 2 processes of 1 shard each`. */
function processesText(processes: TrainingStart['processes']): string {
  if (processes === undefined) return '';
  const { count: number, shardsOfEach } = processes;
  const shards = `${shardsOfEach} ${shardsOfEach === 1 ? 'shard' : 'shards'}`;
  return number === 1 ? ` in ${shards}, one process` : ` in ${number} processes of ${shards} each`;
}

/** `teacher epoch  3/10  loss 1.234  lr 0.1  1,234 images/s  12 s  test balanced 57.4, overall 62.1 (head 81.0, …)`. */
export function epochLine(
  { kind, model, epochs }: Pick<TrainingStart, 'kind' | 'model' | 'epochs'>,
  record: EpochRecord,
): string {
  const { epoch, loss, lr, gradNorm, imagesPerSecond, seconds, drw } = record;
  const number = String(epoch + 1).padStart(String(epochs).length);
  const parts = [
    `${trainingName(kind, model)} epoch ${number}/${epochs}`,
    `loss ${loss.toFixed(4)}`,
    `lr ${short(lr)}`,
    ...(gradNorm === undefined ? [] : [`gradient ${short(gradNorm)}`]),
    `${count(imagesPerSecond)} images/s`,
    duration(seconds),
    ...(drw ? ['re-weighted'] : []),
    ...evaluationParts(record),
  ];
  return parts.join('  ');
}

function evaluationParts({ evaluation, emaEvaluation, evaluatedOn = 'test' }: EpochRecord): string[] {
  return [
    ...(evaluation === undefined ? [] : [`${evaluatedOn} ${accuracies(evaluation)}`]),
    ...(emaEvaluation === undefined ? [] : [`averaged weights ${accuracies(emaEvaluation)}`]),
  ];
}

/** `balanced 57.4, overall 62.1 (head 81.0, mid 60.2, tail 31.0)`: of the prediction. */
export function accuracies({ avg }: EvaluationResult): string {
  return accuracyLine(avg);
}

/** `teacher: done in 2 min 05 s; best epoch 10 (last); test balanced 57.4, …`. */
export function endLine({ kind, model, seconds, bestEpoch, rule, test }: TrainingEnd): string {
  const tested = test === undefined ? '' : `; test ${accuracies(test)}`;
  return `${trainingName(kind, model)}: done in ${duration(seconds)}; best epoch ${bestEpoch + 1} (${rule})${tested}`;
}

/** `reading train images: 12,406`. */
export function progressText(what: string, done: number, total: number | undefined): string {
  return total === undefined ? `${what}: ${count(done)}` : `${what}: ${count(done)} of ${count(total)}`;
}
