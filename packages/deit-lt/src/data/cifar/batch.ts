/** Images of one CIFAR file, and how several become images in memory. */
import { UserError } from '../../errors.js';
import type { ImageSplit } from '../dataset.js';
import { cifarSide, imageBytes, planeBytes } from './layouts.js';

/** Image i lies at `start + i · stride` in `bytes`: 1024 red, 1024 green, 1024 blue values, row by row. */
export interface CifarBatch {
  readonly file: string;
  readonly labels: Int32Array;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly stride: number;
}

/** Throws `UserError` DATA_LAYOUT when a label is not in [0, numClasses). */
export function requireLabels({ file, labels }: CifarBatch, numClasses: number): void {
  const index = labels.findIndex((label) => !(label >= 0 && label < numClasses));
  if (index >= 0)
    throw new UserError(
      'DATA_LAYOUT',
      `${file}: image ${index} has label ${labels[index]}, expected 0 to ${numClasses - 1}; is the file damaged?`,
    );
}

/** The batches, one after the other, as one split of 32×32 images in memory, named `data_batch_1.bin#17`. */
export function joinBatches(batches: readonly CifarBatch[]): ImageSplit {
  const length = batches.reduce((sum, { labels }) => sum + labels.length, 0);
  const pixels = new Uint8Array(length * imageBytes);
  const labels = new Int32Array(length);
  const starts: { file: string; at: number }[] = [];
  let at = 0;
  for (const batch of batches) {
    starts.push({ file: batch.file, at });
    labels.set(batch.labels, at);
    for (let i = 0; i < batch.labels.length; i++) interleave(batch, i, pixels, (at + i) * imageBytes);
    at += batch.labels.length;
  }
  const nameOf = (index: number): string => {
    const { file, at } = starts.findLast((start) => start.at <= index)!;
    return `${file}#${index - at}`;
  };
  return { images: { kind: 'memory', length, width: cifarSide, height: cifarSide, pixels, nameOf }, labels };
}

/** Planes of colours to pixels of three colours. */
function interleave({ bytes, start, stride }: CifarBatch, index: number, pixels: Uint8Array, to: number): void {
  const from = start + index * stride;
  for (let p = 0, out = to; p < planeBytes; p++) {
    pixels[out++] = bytes[from + p]!;
    pixels[out++] = bytes[from + planeBytes + p]!;
    pixels[out++] = bytes[from + 2 * planeBytes + p]!;
  }
}
