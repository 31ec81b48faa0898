/** Predictions for image files, with those that cannot be read set apart. */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import { packPaths } from '../data/file-paths.js';
import { fileImages } from '../data/file-split.js';
import { filesUnder } from '../data/list-images.js';
import { Loader } from '../data/loader.js';
import { openPixels } from '../data/open-pixels.js';
import type { PixelSource } from '../data/pixel-source.js';
import { UserError } from '../errors.js';
import type { Classifier } from '../training/classifier.js';

export interface Ranked {
  readonly class: string;
  /** In [0, 1]. */
  readonly probability: number;
}

export interface Prediction {
  readonly file: string;
  /** Most likely classes first. */
  readonly top: readonly Ranked[];
  /** The same by each expert, when the model is a student. */
  readonly cls?: readonly Ranked[];
  readonly dist?: readonly Ranked[];
}

export interface Unreadable {
  readonly file: string;
  readonly reason: string;
}

export interface PredictOptions {
  readonly classifier: Classifier;
  /** How many classes are ranked. */
  readonly top: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

const batchSize = 64;

/** `places` are files, taken as they are, and folders, searched for images. Throws UserError DATA_NOT_FOUND. */
export async function findImages(places: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const place of places) {
    if (!existsSync(place))
      throw new UserError('DATA_NOT_FOUND', `${place} does not exist; expected an image or a folder.`);
    if (!statSync(place).isDirectory()) found.push(place);
    else for (const file of (await filesUnder(place)).images) found.push(path.join(place, path.relative(place, file)));
  }
  if (found.length === 0) throw new UserError('DATA_NOT_FOUND', `no image is in ${places.join(', ')}.`);
  return found;
}

/** In the order of `files`. Throws the signal's reason when it is aborted. */
export async function predictFiles(
  files: readonly string[],
  options: PredictOptions,
): Promise<{ predictions: Prediction[]; unreadable: Unreadable[] }> {
  const { onProgress, signal } = options;
  const nameOf = (id: number): string => files[id]!;
  await using source = openPixels(fileImages(packPaths(files)));
  const predictions: Prediction[] = [];
  const unreadable: Unreadable[] = [];
  for (let start = 0; start < files.length; start += batchSize) {
    signal?.throwIfAborted();
    const ids = Int32Array.from({ length: Math.min(batchSize, files.length - start) }, (_, i) => start + i);
    for (const result of await predictBatch(source, ids, nameOf, options))
      if ('reason' in result) unreadable.push(result);
      else predictions.push(result);
    onProgress?.(start + ids.length, files.length);
  }
  return { predictions, unreadable };
}

/** All in one go; one by one when an image among them cannot be read. */
async function predictBatch(
  source: PixelSource,
  ids: Int32Array,
  nameOf: (id: number) => string,
  options: PredictOptions,
): Promise<(Prediction | Unreadable)[]> {
  try {
    return await predictAll(source, ids, nameOf, options);
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'DATA_BAD_FILES') throw error;
    if (ids.length === 1) return [{ file: nameOf(ids[0]!), reason: reasonOf(error, nameOf(ids[0]!)) }];
  }
  const results: (Prediction | Unreadable)[] = [];
  for (const id of ids) results.push(...(await predictBatch(source, Int32Array.of(id), nameOf, options)));
  return results;
}

/** The message without the file's name, with which it begins. */
function reasonOf({ message }: Error, file: string): string {
  return message.replace(path.resolve(file), '').trim();
}

async function predictAll(
  source: PixelSource,
  ids: Int32Array,
  nameOf: (id: number) => string,
  { classifier, top }: PredictOptions,
): Promise<Prediction[]> {
  const { pipeline, placement, classNames } = classifier;
  const labels = new Int32Array(source.length);
  const predictions: Prediction[] = [];
  const loader = new Loader({ source, labels, pipeline, ids, batchSize: ids.length, device: placement.device });
  for await (const batch of loader) {
    const ranked = torch.tidy(() => {
      const { avg, cls, dist } = torch.noGrad(() => classifier.logits(batch.images));
      return {
        top: rank(avg, top, classNames),
        ...(cls && { cls: rank(cls, top, classNames) }),
        ...(dist && { dist: rank(dist, top, classNames) }),
      };
    });
    batch.images.dispose();
    const one = (of: Ranked[][] | undefined, name: string, i: number): object =>
      of === undefined ? {} : { [name]: of[i] };
    batch.ids.forEach((id, i) => {
      predictions.push({
        file: nameOf(id),
        top: ranked.top[i]!,
        ...one(ranked.cls, 'cls', i),
        ...one(ranked.dist, 'dist', i),
      });
    });
  }
  return predictions;
}

/** The `top` most likely classes of each row of logits `[B, C]`. */
function rank(logits: torch.Tensor, top: number, classNames: readonly string[]): Ranked[][] {
  const best = Math.min(top, classNames.length);
  const [values, indices] = logits.float().softmax(1).topk(best, 1); // (B, best)
  const probabilities = values.toTypedArray<'float32'>();
  const classes = indices.int().toTypedArray<'int32'>();
  return Array.from({ length: logits.shape[0]! }, (_, b) =>
    Array.from({ length: best }, (_, i) => ({
      class: classNames[classes[b * best + i]!]!,
      probability: probabilities[b * best + i]!,
    })),
  );
}
