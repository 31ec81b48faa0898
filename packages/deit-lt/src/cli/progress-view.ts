/** The moving lines of the terminal display, from its state to text. */

import { accuracy, count, duration, short } from '../format.js';
import { trainingName } from '../recipe/training-kind.js';
import type { EpochRecord, StepReport, TrainingStart } from '../runs/reporter.js';
import { visible } from '../text/visible.js';
import { clipped, textWidth } from '../text/width.js';
import { type Colors, inColor } from './colors.js';
import { progressText } from './report-lines.js';

export interface ProgressState {
  /** Work outside the steps of a training; shown instead of them while it lasts. */
  readonly work?: { readonly what: string; readonly done: number; readonly total: number | undefined } | undefined;
  readonly training?: TrainingStart | undefined;
  readonly step?: StepReport | undefined;
  /** The last epoch that was evaluated. */
  readonly evaluated?: EpochRecord | undefined;
}

/** One to three lines, none wider than `width`. */
export function progressLines(state: ProgressState, { width, colors }: { width: number; colors: Colors }): string[] {
  const lines = [...trainingLines(state, colors), ...workLine(state)];
  return lines.map((line) => clip(visible(line), width));
}

function workLine({ work }: ProgressState): string[] {
  if (work === undefined) return [];
  const { what, done, total } = work;
  return [
    total === undefined || total === 0
      ? progressText(what, done, total)
      : `${bar(done / total)} ${progressText(what, done, total)}`,
  ];
}

function trainingLines({ training, step, evaluated }: ProgressState, colors: Colors): string[] {
  if (training === undefined || step === undefined) return [];
  const { epoch, batch, loss, lr, gradNorm, imagesPerSecond, secondsLeft } = step;
  const total = training.epochs * training.batchesPerEpoch;
  const done = epoch * training.batchesPerEpoch + batch;
  const first = [
    `${bar(total === 0 ? 0 : done / total)} ${colors.bold(trainingName(training.kind, training.model))} epoch ${epoch + 1}/${training.epochs}`,
    `batch ${count(batch)}/${count(training.batchesPerEpoch)}`,
    `${count(imagesPerSecond)} images/s`,
    `${duration(secondsLeft)} left`,
  ];
  const norm = gradNorm === undefined ? [] : [`gradient ${short(gradNorm)}`];
  const second = [`loss ${loss.toFixed(4)}`, `lr ${short(lr)}`, ...norm, ...evaluatedParts(evaluated, colors)];
  return [first.join('  '), second.join('  ')];
}

function evaluatedParts(record: EpochRecord | undefined, colors: Colors): string[] {
  if (record?.evaluation === undefined) return [];
  const { balanced, overall, head, mid, tail } = record.evaluation.avg;
  return [
    `${record.evaluatedOn ?? 'test'} balanced ${accuracy(balanced)}`,
    `overall ${accuracy(overall)}`,
    colors.head(`head ${accuracy(head)}`),
    colors.mid(`mid ${accuracy(mid)}`),
    colors.tail(`tail ${accuracy(tail)}`),
    colors.dim(`(epoch ${record.epoch + 1})`),
  ];
}

const barWidth = 20;

/** `share` in [0, 1] as a bar of 20 columns. */
export function bar(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * barWidth);
  return '━'.repeat(full) + '─'.repeat(barWidth - full);
}

/** A line that would wrap breaks the display: it is cut, without its colours when it has any. */
function clip(line: string, width: number): string {
  return textWidth(line) <= width ? line : clipped(inColor(line, false), width);
}
