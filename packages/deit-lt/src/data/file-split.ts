/** A split of image files from their paths and labels. */
import type { ImageSplit } from './dataset.js';

/** `labels[i]` is the class of the file `paths[i]`. */
export function fileSplit(paths: readonly string[], labels: readonly number[]): ImageSplit {
  const nameOf = (index: number): string => paths[index]!;
  return { images: { kind: 'files', length: paths.length, paths, nameOf }, labels: Int32Array.from(labels) };
}
