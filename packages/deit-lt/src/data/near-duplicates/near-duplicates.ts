/**
 * Finds test images that are training images in another form: resized, compressed again, recoloured or cropped a little. Such a test measures
 * memory. Equal images are what `findDuplicates` finds.
 *
 * Two stages: the training images whose 8 × 8 colours correlate best with those of a test image, by one matrix product over all
 * pairs; and of these few, thumbnails in the windows that fit best (`align`).
 */
import * as torch from '@deit-lt/torch';
import { nextTurn } from '../../next-turn.js';
import type { Dataset } from '../dataset.js';
import type { Occurrence } from '../duplicates.js';
import { type Alignment, align, thumbSize } from './alignment.js';
import { type Thumbnails, thumbnailsOf } from './thumbnails.js';

export interface NearDuplicate {
  readonly test: Occurrence;
  /** The training image that is most alike. */
  readonly train: Occurrence;
  /** 1 minus the correlation of the details: 0 for the same picture; pairs up to 0.12 are found. */
  readonly distance: number;
}

export interface NearDuplicates {
  /** Test images that have a near duplicate in training, the nearest first. */
  readonly pairs: readonly NearDuplicate[];
  /** Images that were compared, of both splits. */
  readonly images: number;
}

export interface NearDuplicatesOptions {
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Smallest correlations of a pair. On CIFAR-10, images that were resized, compressed with a quality of 30 or cropped by a tenth stay above
 * 0.89 of details and 0.95 of pixels (99 of 100); at less than 0.8, most pairs are different pictures of like things.
 */
const leastDetails = 0.88;
const leastWhole = 0.9;

/** Candidates of each test image, and the smallest correlation of their 8 × 8 colours. */
const candidates = 3;
const leastCode = 0.8;

/** Compares the test images with the training images; no pairs without a test split. Rejects as `thumbnailsOf`. */
export async function findNearDuplicates(
  { train, test }: Dataset,
  { onProgress, signal }: NearDuplicatesOptions = {},
): Promise<NearDuplicates> {
  if (test === undefined || test.labels.length === 0) return { pairs: [], images: 0 };
  const images = train.labels.length + test.labels.length;
  let done = 0;
  const onBatch = (count: number): void => {
    done += count;
    onProgress?.(done, images);
  };
  const ofTrain = await thumbnailsOf(train.images, { onBatch, signal });
  using trainCodes = ofTrain.codes;
  const ofTest = await thumbnailsOf(test.images, { onBatch, signal });
  using testCodes = ofTest.codes;
  const pairs: NearDuplicate[] = [];
  for await (const [t, ids] of candidatesOf(testCodes, trainCodes, signal)) {
    const best = nearest(ofTest, t, ofTrain, ids);
    if (best === undefined) continue;
    const place = (split: 'train' | 'test', from: NonNullable<typeof test>, index: number): Occurrence => ({
      ...{ split, index, label: from.labels[index]!, name: from.images.nameOf(index) },
    });
    pairs.push({
      test: place('test', test, t),
      train: place('train', train, best.id),
      distance: Math.max(0, 1 - best.details),
    });
  }
  pairs.sort((a, b) => a.distance - b.distance);
  return { pairs, images };
}

/** The training image that fits best, of those that fit. */
function nearest(
  ofTest: Thumbnails,
  t: number,
  ofTrain: Thumbnails,
  ids: readonly number[],
): (Alignment & { readonly id: number }) | undefined {
  let best: (Alignment & { readonly id: number }) | undefined;
  for (const id of ids) {
    const found = align(greyAt(ofTest, t), greyAt(ofTrain, id), leastWhole);
    if (found === undefined || found.whole < leastWhole || found.details < leastDetails) continue;
    if (best === undefined || found.details > best.details) best = { ...found, id };
  }
  return best;
}

const greyAt = ({ grey }: Thumbnails, i: number): Uint8Array =>
  grey.subarray(i * thumbSize ** 2, (i + 1) * thumbSize ** 2);

/** Rows of the two matrices that are multiplied at once: the product has at most 64 MiB. */
const testRows = 256;
const trainRows = 2 ** 16;

/** Yields each test image that has candidates, with their numbers. */
async function* candidatesOf(
  test: torch.Tensor,
  train: torch.Tensor,
  signal: AbortSignal | undefined,
): AsyncGenerator<[test: number, train: number[]]> {
  for (let row = 0; row < test.size(0); row += testRows) {
    const found = Array.from({ length: Math.min(testRows, test.size(0) - row) }, (): [number, number][] => []);
    for (let column = 0; column < train.size(0); column += trainRows) {
      signal?.throwIfAborted();
      addBest(found, column, test.narrow(0, row, found.length), train);
      await nextTurn();
    }
    for (const [i, best] of found.entries()) {
      const kept = best.sort(([a], [b]) => b - a).slice(0, candidates);
      if (kept.length > 0) yield [row + i, kept.map(([, id]) => id)];
    }
  }
}

/** Adds the best of some training images to the candidates of some test images, with their correlations. */
function addBest(found: [number, number][][], column: number, test: torch.Tensor, train: torch.Tensor): void {
  torch.tidy(() => {
    const part = train.narrow(0, column, Math.min(trainRows, train.size(0) - column));
    const k = Math.min(candidates, part.size(0));
    const [values, indices] = test.matmul(part.t()).topk(k);
    const [shares, ids] = [values.toTypedArray<'float32'>(), indices.to('int32').toTypedArray<'int32'>()];
    for (const [i, best] of found.entries())
      for (let j = 0; j < k; j++)
        if (shares[i * k + j]! >= leastCode) best.push([shares[i * k + j]!, column + ids[i * k + j]!]);
  });
}
