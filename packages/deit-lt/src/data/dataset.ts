/** A data set, as every source of images returns it: two splits of labelled images with one list of class names. */
import { UserError } from '../errors.js';
import { type Rgb, sameColour } from './decode/background.js';
import { choosePaths, type FilePaths } from './file-paths.js';

/** Images of one size, decoded: `pixels` has `length · height · width · 3` bytes, row by row, RGB. */
export interface MemoryImages {
  readonly kind: 'memory';
  readonly length: number;
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
  /** Source of image i, for messages: a path or `data_batch_1.bin#17`. */
  readonly nameOf: (index: number) => string;
  /** Background on which transparent images were composed when they were decoded; absent if none can be transparent. */
  readonly background?: Rgb;
}

/** Image files of any size, decoded when they are needed. */
export interface FileImages {
  readonly kind: 'files';
  readonly length: number;
  /** Absolute. */
  readonly paths: FilePaths;
  readonly nameOf: (index: number) => string;
  /** Width and height of each image, upright, one after the other: 0 where not known; absent when none is. */
  readonly sizes?: Int32Array;
  /** Background of transparent images. Default white. */
  readonly background?: Rgb;
}

export type Images = MemoryImages | FileImages;

/** One split: `labels[i]` in [0, classNames.length) is the class of image i. */
export interface ImageSplit {
  readonly images: Images;
  readonly labels: Int32Array;
}

export interface Dataset {
  /** The name that the user gave: `cifar10` or a path. */
  readonly name: string;
  readonly classNames: readonly string[];
  readonly train: ImageSplit;
  /** Absent when the source has none and the user asked for no split. */
  readonly test?: ImageSplit;
}

/** The images `ids` of `split`, in that order; shares pixels where it can. */
export function subset(split: ImageSplit, ids: Int32Array): ImageSplit {
  const labels = Int32Array.from(ids, (id) => split.labels[id]!);
  return { images: subsetImages(split.images, ids), labels };
}

function subsetFiles({ paths: all, sizes: allSizes, ...rest }: FileImages, ids: Int32Array): FileImages {
  const paths = choosePaths(all, ids);
  const sizes = allSizes && new Int32Array(2 * ids.length).map((_, i) => allSizes[2 * ids[i >> 1]! + (i & 1)]!);
  const nameOf = (index: number): string => paths.get(index);
  return { ...rest, length: ids.length, paths, nameOf, ...(sizes && { sizes }) };
}

function subsetImages(images: Images, ids: Int32Array): Images {
  const nameOf = (index: number): string => images.nameOf(ids[index]!);
  if (images.kind === 'files') return subsetFiles(images, ids);
  const onDemand = choosers.get(images);
  if (onDemand !== undefined) return onDemand(ids);
  return { ...images, length: ids.length, pixels: chosenPixels(images, ids), nameOf };
}

function chosenPixels({ width, height, pixels }: MemoryImages, ids: Int32Array): Uint8Array {
  const bytes = width * height * 3;
  const chosen = new Uint8Array(ids.length * bytes);
  ids.forEach((id, i) => {
    chosen.set(pixels.subarray(id * bytes, (id + 1) * bytes), i * bytes);
  });
  return chosen;
}

/** How images are made that nobody has read yet. */
export interface ImageMaker {
  readonly width: number;
  readonly height: number;
  /** Name of image `id`, for messages. */
  readonly nameOf: (id: number) => string;
  /** The pixels of the images `ids`, one after the other. */
  readonly make: (ids: Int32Array) => Uint8Array;
}

/** Subsets of images on demand. They are kept beside the images, so that a copy with other pixels or names is an ordinary one. */
const choosers = new WeakMap<Images, (ids: Int32Array) => MemoryImages>();

/** The images `ids` of `maker`, made when their pixels are first read; a subset of them makes only its own. */
export function imagesOnDemand(maker: ImageMaker, ids: Int32Array, pixels?: Uint8Array): MemoryImages {
  const { width, height, nameOf, make } = maker;
  const images: MemoryImages = {
    kind: 'memory',
    length: ids.length,
    width,
    height,
    get pixels() {
      pixels ??= make(ids);
      return pixels;
    },
    nameOf: (index) => nameOf(ids[index]!),
  };
  choosers.set(images, (chosen) => {
    const its = chosen.map((index) => ids[index]!);
    return imagesOnDemand(maker, its, pixels && chosenPixels(images, chosen));
  });
  return images;
}

/**
 * `dataset` with its transparent images composed on `background`. Throws `UserError` RECIPE when they are decoded already,
 * on another one.
 */
export function composedOn(dataset: Dataset, background: Rgb): Dataset {
  const on = (split: ImageSplit): ImageSplit => ({ ...split, images: imagesOn(split.images, background, dataset) });
  return { ...dataset, train: on(dataset.train), ...(dataset.test && { test: on(dataset.test) }) };
}

function imagesOn(images: Images, background: Rgb, { name }: Dataset): Images {
  if (images.kind === 'files') return { ...images, background };
  if (images.background === undefined || sameColour(images.background, background)) return images;
  throw new UserError(
    'RECIPE',
    `${name} was decoded on the background [${images.background}], but data.background of the recipe is [${background}]: give openDataset() the same background.`,
  );
}

/** Images per class. */
export function classCounts(labels: Int32Array, numClasses: number): Int32Array {
  const counts = new Int32Array(numClasses);
  for (const label of labels) counts[label]!++;
  return counts;
}
