/**
 * A folder of images with a folder for each class, as torchvision's ImageFolder: `train/<class>/…` and
 * `test/<class>/…`, or class folders alone. Classes are sorted by name.
 */
import fs from 'node:fs';
import path from 'node:path';
import { UserError } from '../../errors.js';
import type { Dataset, ImageSplit } from '../dataset.js';
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

/** The images of each class folder, by class name in sorted order. */
type ImagesByClass = ReadonlyMap<string, readonly string[]>;

async function readSplit(root: string, { log, signal }: OpenContext): Promise<ImagesByClass> {
  const byClass = new Map<string, readonly string[]>();
  const skipped: string[] = [];
  for (const name of await foldersIn(root)) {
    signal?.throwIfAborted();
    const { images, others } = await filesUnder(path.join(root, name));
    byClass.set(name, images);
    skipped.push(...others);
  }
  if (byClass.size === 0)
    throw new UserError('DATA_LAYOUT', `${root} has no folders: put the images of each class in a folder of its name`);
  if (skipped.length > 0) log(`${root}: ${skipped.length} files are no images by their name, such as ${skipped[0]}`);
  return byClass;
}

function assemble(spec: string, train: ImagesByClass, test: ImagesByClass | undefined): Dataset {
  const classNames = [...train.keys()];
  const empty = classNames.filter((name) => train.get(name)!.length === 0);
  if (empty.length > 0)
    throw new UserError(
      'DATA_CLASSES',
      `${spec}: no training images in ${empty.join(', ')}; add some or remove the folder`,
    );
  if (test === undefined) return { name: spec, classNames, train: toSplit(train, classNames) };
  const unknown = [...test.keys()].filter((name) => !train.has(name) && test.get(name)!.length > 0);
  if (unknown.length > 0)
    throw new UserError('DATA_CLASSES', `${spec}: test classes without training images: ${unknown.join(', ')}`);
  const testSplit = toSplit(test, classNames);
  if (testSplit.images.length === 0) throw new UserError('DATA_LAYOUT', `${spec}: the test folder has no images`);
  return { name: spec, classNames, train: toSplit(train, classNames), test: testSplit };
}

function toSplit(byClass: ImagesByClass, classNames: readonly string[]): ImageSplit {
  const paths: string[] = [];
  const labels: number[] = [];
  classNames.forEach((name, label) => {
    for (const file of byClass.get(name) ?? []) {
      paths.push(file);
      labels.push(label);
    }
  });
  return fileSplit(paths, labels);
}
