/** The figures that describe a data set: its classes, how long its tail is, how large its images are. */
import os from 'node:os';
import { classCounts, type Dataset, type Images } from './dataset.js';
import { forEachBounded } from './decode/bounded.js';
import { imageSize } from './decode/decode.js';

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export interface DatasetDescription {
  readonly name: string;
  /** Classes in label order. `test` is undefined when there is no test split. */
  readonly classes: readonly { readonly name: string; readonly train: number; readonly test: number | undefined }[];
  readonly trainImages: number;
  readonly testImages: number | undefined;
  /** Images of the largest class by those of the smallest (of those that have any). */
  readonly imbalanceRatio: number;
  /**
   * Gini coefficient of the training images: 0 if all classes are equally large, near 1 if one has almost all images.
   */
  readonly gini: number;
  /** Sizes in pixels of the training images that were inspected. */
  readonly imageSizes: { readonly width: Spread; readonly height: Spread; readonly looked: number };
  /** The kind of place that the training images are in. */
  readonly kind: Images['kind'];
}

export interface DescribeOptions {
  /** Number of image files whose size is read, evenly over all. Default 1000. */
  sampleSizes?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** Describes `dataset` in numbers. Throws `UserError` DATA_BAD_FILES when the size of a file cannot be read. */
export async function describeDataset(
  dataset: Dataset,
  { sampleSizes = 1000, signal }: DescribeOptions = {},
): Promise<DatasetDescription> {
  const { name, classNames, train, test } = dataset;
  const trainCounts = classCounts(train.labels, classNames.length);
  const testCounts = test === undefined ? undefined : classCounts(test.labels, classNames.length);
  return {
    name,
    classes: classNames.map((name, i) => ({ name, train: trainCounts[i]!, test: testCounts?.[i] })),
    trainImages: train.labels.length,
    testImages: test?.labels.length,
    imbalanceRatio: imbalanceRatio(trainCounts),
    gini: gini(trainCounts),
    imageSizes: await sizesOf(train.images, sampleSizes, signal),
    kind: train.images.kind,
  };
}

/** Largest count by smallest; counts of 0 are left out. 1 when nothing is left. */
export function imbalanceRatio(counts: ArrayLike<number>): number {
  const present = Array.from(counts).filter((count) => count > 0);
  if (present.length === 0) return 1;
  return present.reduce((a, b) => Math.max(a, b)) / present.reduce((a, b) => Math.min(a, b));
}

/**
 * The Gini coefficient of class counts, `(C + 1 − 2·Σ_i S_i / S_C) / C`, S_i the sum of the i smallest of C counts
 * (Yang et al., "A Survey on Long-Tailed Visual Recognition", IJCV 2022).
 */
export function gini(counts: ArrayLike<number>): number {
  const sorted = Float64Array.from(counts).sort();
  let sum = 0;
  let sumOfSums = 0;
  for (const count of sorted) {
    sum += count;
    sumOfSums += sum;
  }
  return sum === 0 ? 0 : (sorted.length + 1 - (2 * sumOfSums) / sum) / sorted.length;
}

async function sizesOf(
  images: Images,
  sampleSizes: number,
  signal: AbortSignal | undefined,
): Promise<DatasetDescription['imageSizes']> {
  if (images.kind === 'memory') {
    const same = (value: number): Spread => ({ min: value, median: value, max: value });
    return { width: same(images.width), height: same(images.height), looked: images.length };
  }
  const looked = Math.min(images.length, sampleSizes);
  const sizes = new Array<{ width: number; height: number }>(looked);
  const look = async (i: number): Promise<void> => {
    sizes[i] = await imageSize(images.paths.get(Math.floor((i * images.length) / looked)));
  };
  await forEachBounded(looked, look, { limit: os.availableParallelism(), signal });
  return { width: spread(sizes.map(({ width }) => width)), height: spread(sizes.map(({ height }) => height)), looked };
}

function spread(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { min: sorted[0]!, median, max: sorted.at(-1)! };
}
