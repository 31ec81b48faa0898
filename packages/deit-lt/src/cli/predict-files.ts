/** Predictions for image files, with those that cannot be read set apart. */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { answersOf } from '../classifier/answers.js';
import type { AnyClassifier } from '../classifier/classifier.js';
import { nameNotUtf8, renameHint } from '../data/file-names.js';
import { packPaths } from '../data/file-paths.js';
import { FileSource } from '../data/file-source.js';
import { fileImages } from '../data/file-split.js';
import { isPattern, matchingImages } from '../data/glob.js';
import { filesUnder } from '../data/list-images.js';
import { type Batch, Loader } from '../data/loader.js';
import { textOf } from '../data/text-chunks.js';
import { UserError } from '../errors.js';
import type { Opinion } from '../evaluation/ranking.js';

export interface Prediction extends Opinion {
  readonly file: string;
  /** Probability of the most likely class minus that of the second: near 0 where the model is not sure. */
  readonly margin: number;
}

export interface Unreadable {
  readonly file: string;
  readonly reason: string;
}

export interface PredictOptions {
  /** Opened files, as `openImages` returns them. */
  readonly source: FileSource;
  readonly classifier: AnyClassifier;
  /** Number of ranked classes. */
  readonly top: number;
  /** Whether the predictions are returned, too: millions of them take gigabytes. Default true. */
  readonly keep?: boolean;
  /** Gets the predictions of each batch when they are made. */
  readonly onBatch?: (predictions: readonly Prediction[]) => void | Promise<void>;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

const batchSize = 64;

/**
 * `places` are files, taken as they are, folders, searched for images, patterns such as `photos/*.jpg`, and `-` for a
 * list on the standard input, a path a line, or with zero bytes between (`find -print0`). Of several places those that do not
 * exist are files, too, as those of a list: they are reported when they are read, and `onMissing` gets their number before. Throws
 * UserError DATA_NOT_FOUND when there is no place with an image.
 */
export async function findImages(
  places: readonly string[],
  input: NodeJS.ReadableStream,
  onMissing: (places: readonly string[]) => void = () => {},
): Promise<string[]> {
  const found: string[] = [];
  const missing: string[] = [];
  for (const place of places) {
    const files = await filesOf(place, input);
    if (files === undefined) missing.push(place);
    for (const file of files ?? [place]) found.push(file);
  }
  if (found.length > missing.length) {
    if (missing.length > 0) onMissing(missing);
    return found;
  }
  if (missing.length > 0) throw await notFound(missing[0]!);
  throw new UserError('DATA_NOT_FOUND', `there are no images in ${places.join(', ')}.`);
}

/** Undefined for a place that does not exist. */
async function filesOf(place: string, input: NodeJS.ReadableStream): Promise<readonly string[] | undefined> {
  if (place === '-') return linesOf(input);
  if (existsSync(place)) return statSync(place).isDirectory() ? filesIn(place) : [place];
  const found = isPattern(place) ? await matchingImages(place) : [];
  return found.length > 0 ? found : undefined;
}

async function notFound(place: string): Promise<UserError> {
  return new UserError(
    'DATA_NOT_FOUND',
    isPattern(place)
      ? `there are no images in ${place}: nothing matches this pattern, and no file has this name.`
      : `${place} ${await whyMissing(place)}; expected an image, a folder or a pattern.`,
  );
}

async function whyMissing(place: string): Promise<string> {
  const name = await nameNotUtf8(place);
  return name === undefined ? 'does not exist' : `has a name that is not UTF-8, ${name}: ${renameHint}`;
}

async function filesIn(folder: string): Promise<string[]> {
  const { images } = await filesUnder(folder);
  return images.map((file) => path.join(folder, path.relative(folder, file)));
}

/** Paths that do not exist are reported with the files that cannot be read. */
async function linesOf(input: NodeJS.ReadableStream): Promise<string[]> {
  const pieces: Buffer[] = [];
  for await (const piece of input) pieces.push(Buffer.from(piece)); // letters may be cut between two pieces
  const text = textOf(Buffer.concat(pieces), 'the list on the standard input');
  return text.split(text.includes('\0') ? '\0' : /\r?\n/).filter((line) => line !== '');
}

/** The images of `files`, to be read by threads that begin now: a model can be opened meanwhile. */
export function openImages(files: readonly string[]): FileSource {
  const source = new FileSource(fileImages(packPaths(files)));
  source.measure(idsFrom(0, files.length)).catch(() => {}); // errors of a file are reported when it is read
  return source;
}

/** Returns the predictions in the order of `files`, unless `keep` is false. Throws the signal's reason when it is aborted. */
export async function predictFiles(
  files: readonly string[],
  options: PredictOptions,
): Promise<{ predictions: Prediction[]; unreadable: Unreadable[] }> {
  const { source, classifier, keep = true, onBatch, onProgress, signal } = options;
  source.background = classifier.background;
  const nameOf = (id: number): string => files[id]!;
  const predictions: Prediction[] = [];
  const unreadable: Unreadable[] = [];
  let next = readAhead(idsFrom(0, files.length), options);
  try {
    for (let start = 0; start < files.length; start += batchSize) {
      signal?.throwIfAborted();
      const ids = idsFrom(start, files.length);
      const batch = next;
      next = readAhead(idsFrom(start + batchSize, files.length), options);
      const made: Prediction[] = [];
      for (const result of await answers(batch, ids, nameOf, options))
        if ('reason' in result) unreadable.push(result);
        else made.push(result);
      if (keep) predictions.push(...made);
      await onBatch?.(made);
      onProgress?.(start + ids.length, files.length);
    }
  } finally {
    (await next?.catch(() => undefined))?.[Symbol.dispose]();
  }
  return { predictions, unreadable };
}

/** Numbers of the files of the batch that begins with number `start`. */
function idsFrom(start: number, files: number): Int32Array {
  return Int32Array.from({ length: Math.max(0, Math.min(batchSize, files - start)) }, (_, i) => start + i);
}

/** A batch that is read while the network works on the one before; undefined when there is none left. */
function readAhead(ids: Int32Array, options: PredictOptions): Promise<Batch> | undefined {
  if (ids.length === 0) return undefined;
  const batch = readBatch(ids, options);
  batch.catch(() => {}); // whoever awaits it gets the error
  return batch;
}

async function readBatch(ids: Int32Array, { source, classifier }: PredictOptions): Promise<Batch> {
  const { pipeline, placement } = classifier;
  const labels = new Int32Array(source.length);
  const loader = new Loader({ source, labels, pipeline, ids, batchSize: ids.length, device: placement.device });
  for await (const batch of loader) return batch;
  throw new Error('internal: a loader without a batch');
}

/** All in one go; one by one when an image among them cannot be read. */
async function answers(
  reading: Promise<Batch> | undefined,
  ids: Int32Array,
  nameOf: (id: number) => string,
  options: PredictOptions,
): Promise<(Prediction | Unreadable)[]> {
  try {
    using batch = await (reading ?? readBatch(ids, options));
    return ask(batch, nameOf, options);
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'DATA_BAD_FILES') throw error;
    if (ids.length === 1) return [{ file: nameOf(ids[0]!), reason: reasonOf(error, nameOf(ids[0]!)) }];
  }
  const results: (Prediction | Unreadable)[] = [];
  for (const id of ids) results.push(...(await answers(undefined, Int32Array.of(id), nameOf, options)));
  return results;
}

/** The message without the file's name, with which it begins. */
function reasonOf({ message }: Error, file: string): string {
  return message.replace(path.resolve(file), '').trim();
}

function ask(
  { images, ids }: Batch,
  nameOf: (id: number) => string,
  { classifier, top }: PredictOptions,
): Prediction[] {
  const said = answersOf(classifier, images, Math.max(2, top)); // the margin needs two
  return Array.from(ids, (id, i) => predictionOf(nameOf(id), said[i]!, top));
}

function predictionOf(file: string, { top: ranked, cls, dist, ...decided }: Opinion, top: number): Prediction {
  return {
    file,
    top: ranked.slice(0, top),
    ...(cls && { cls: cls.slice(0, top) }),
    ...(dist && { dist: dist.slice(0, top) }),
    ...decided,
    margin: (ranked[0]?.probability ?? 0) - (ranked[1]?.probability ?? 0),
  };
}
