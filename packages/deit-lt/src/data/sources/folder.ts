/**
 * A folder of images with a folder for each class, as torchvision's ImageFolder: `train/<class>/…` and
 * `test/<class>/…`, or class folders alone. Classes are sorted by name.
 */
import fs from 'node:fs';
import path from 'node:path';
import { UserError } from '../../errors.js';
import type { Dataset, ImageSplit } from '../dataset.js';
import { type PackedPaths, PathsBuilder } from '../file-paths.js';
import { fileSplit } from '../file-split.js';
import { filesUnder, foldersIn } from '../list-images.js';
import type { OpenContext, SourceKind } from '../open-options.js';

const trainNames = ['train', 'training'];
/** When several are there, the first is the test split. */
const testNames = ['test', 'testing', 'val', 'valid', 'validation'];

export const folder: SourceKind = {
  summary: 'a folder with train/<class>/… and test/<class>/… (or val), or with <class>/… alone',
  async open(spec, context) {
    if (!fs.statSync(spec, { throwIfNoEntry: false })?.isDirectory()) return undefined;
    context.reads(spec);
    const folders = await foldersIn(spec);
    if (folders.length === 0) return undefined;
    const splits = findSplits(spec, folders);
    const train = await readSplit(path.join(spec, splits?.train ?? ''), context);
    const test = splits?.test === undefined ? undefined : await readSplit(path.join(spec, splits.test), context);
    if (splits !== undefined) logOthers(spec, splits, context);
    return assemble(spec, train, test);
  },
};

interface Splits {
  readonly train: string;
  readonly test: string | undefined;
  /** Other folders that could have been the test split. */
  readonly unused: readonly string[];
}

/** The folders of the splits, or undefined when the folders are classes. */
function findSplits(spec: string, folders: readonly string[]): Splits | undefined {
  const named = (names: readonly string[]): string[] =>
    names.flatMap((name) => folders.filter((folder) => folder.toLowerCase() === name));
  const [train] = named(trainNames);
  const [test, ...unused] = named(testNames);
  if (train !== undefined) return { train, test, unused };
  if (test === undefined) return undefined;
  throw new UserError(
    'DATA_LAYOUT',
    `${spec} has a folder ${test} but none named train: put the training images there`,
  );
}

function logOthers(spec: string, { test, unused }: Splits, { log }: OpenContext): void {
  if (unused.length > 0) log(`${spec}: ${test} is the test split; ${unused.join(', ')} is not used`);
}

/** The images of class folders, class by class in the order of the names. */
interface Found {
  readonly paths: PackedPaths;
  /** How many images each class folder has, by name in sorted order. */
  readonly counts: ReadonlyMap<string, number>;
}

async function readSplit(root: string, { log, signal, reads, onProgress }: OpenContext): Promise<Found> {
  const builder = new PathsBuilder();
  const counts = new Map<string, number>();
  let [skipped, firstSkipped] = [0, ''];
  reads(root);
  for (const name of await foldersIn(root)) {
    signal?.throwIfAborted();
    const { images, others } = await filesUnder(path.join(root, name), { onFolder: reads });
    for (const file of images) builder.add(file);
    counts.set(name, images.length);
    skipped += others.length;
    firstSkipped ||= others[0] ?? '';
    if (counts.size % reportEvery === 0)
      onProgress({ what: `listing images of ${root}`, done: builder.length, total: undefined });
  }
  if (counts.size === 0)
    throw new UserError('DATA_LAYOUT', `${root} has no folders: put the images of each class in a folder of its name`);
  if (skipped > 0) log(`${root}: ${skipped} files are no images by their name, such as ${firstSkipped}`);
  return { paths: builder.finish(), counts };
}

/** Class folders. */
const reportEvery = 100;

function assemble(spec: string, train: Found, test: Found | undefined): Dataset {
  const classNames = [...train.counts.keys()];
  const empty = classNames.filter((name) => train.counts.get(name) === 0);
  if (empty.length > 0)
    throw new UserError(
      'DATA_CLASSES',
      `${spec}: no training images in ${empty.join(', ')}; add some or remove the folder`,
    );
  const labels = new Map(classNames.map((name, label) => [name, label]));
  const trainSplit = toSplit(train, labels);
  if (test === undefined) return { name: spec, classNames, train: trainSplit };
  const unknown = [...test.counts].filter(([name, count]) => count > 0 && !labels.has(name)).map(([name]) => name);
  if (unknown.length > 0)
    throw new UserError('DATA_CLASSES', `${spec}: test classes without training images: ${unknown.join(', ')}`);
  if (test.paths.length === 0) throw new UserError('DATA_LAYOUT', `${spec}: the test folder has no images`);
  return { name: spec, classNames, train: trainSplit, test: toSplit(test, labels) };
}

/** Folders without images may be of no class. */
function toSplit({ paths, counts }: Found, labelOf: ReadonlyMap<string, number>): ImageSplit {
  const labels = new Int32Array(paths.length);
  let at = 0;
  for (const [name, count] of counts) {
    if (count > 0) labels.fill(labelOf.get(name)!, at, at + count);
    at += count;
  }
  return fileSplit(paths, labels);
}
