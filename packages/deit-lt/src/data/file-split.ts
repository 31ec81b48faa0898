/** Splits of image files, from their paths and labels. */
import type { Dataset, FileImages, ImageSplit } from './dataset.js';
import { type FilePaths, packPaths } from './file-paths.js';

/** `labels[i]` is the class of the file `paths[i]`. `sizes` are as in `FileImages`. */
export function fileSplit(
  paths: FilePaths | readonly string[],
  labels: Int32Array | readonly number[],
  sizes?: Int32Array,
): ImageSplit {
  return { images: fileImages('get' in paths ? paths : packPaths(paths), sizes), labels: Int32Array.from(labels) };
}

/** Images in files; `sizes` as in `FileImages`. */
export function fileImages(paths: FilePaths, sizes?: Int32Array): FileImages {
  const nameOf = (index: number): string => paths.get(index);
  return { kind: 'files', length: paths.length, paths, nameOf, ...(sizes && { sizes }) };
}

/** `dataset` of files with all its training images as test images, and none to train on. */
export function allAsTest(dataset: Omit<Dataset, 'test'>): Dataset {
  return { ...dataset, train: fileSplit([], []), test: dataset.train };
}
