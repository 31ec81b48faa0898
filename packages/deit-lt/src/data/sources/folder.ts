/**
 * A folder of images with a folder for each class, as torchvision's ImageFolder: `train/<class>/…` and
 * `test/<class>/…`, or only class folders. Classes are sorted by name.
 */
import fs from 'node:fs';
import path from 'node:path';
import { UserError } from '../../errors.js';
import type { Dataset, ImageSplit } from '../dataset.js';
import { type PackedPaths, PathsBuilder } from '../file-paths.js';
import { allAsTest, fileSplit } from '../file-split.js';
import { filesUnder, foldersIn, isImageName } from '../list-images.js';
import type { OpenContext, SourceKind } from '../open-options.js';
import { statsOf } from '../stats-of.js';
import { findSplits } from './split-folders.js';

export const folder: SourceKind = {
  summary: 'a folder with train/<class>/… and test/<class>/… (or val), or only with <class>/…',
  namesSplits: true,
  async open(spec, context) {
    if (!statsOf(spec)?.isDirectory()) return undefined;
    context.reads(spec);
    const found = await foldersIn(spec);
    if (found.names.length + found.broken.length === 0) return undefined;
    const splits = await findSplits(spec, found, context);
    if (splits === undefined) return readUnsplit(spec, context);
    const { train, test } = splits;
    const read = (name: string): Promise<Found> => readSplit(path.join(spec, name), context);
    if (train === undefined) return testAlone(spec, await read(test!));
    return assemble(spec, await read(train), test === undefined ? undefined : await read(test), context);
  },
};

async function readUnsplit(spec: string, context: OpenContext): Promise<Dataset> {
  const found = await readSplit(spec, context);
  if (!context.takesAll) return assemble(spec, found, undefined, context);
  context.log(
    `${spec} has no test folder: all its ${found.paths.length} images are used. If the model was trained on some of them, give the --split of its training.`,
  );
  return testAlone(spec, found);
}

/** Class folders without images are of no class. */
function testAlone(spec: string, { paths, counts }: Found): Dataset {
  const classNames = [...counts].filter(([, count]) => count > 0).map(([name]) => name);
  if (classNames.length === 0) throw new UserError('DATA_LAYOUT', `${spec}: the class folders have no images`);
  const labels = new Map(classNames.map((name, label) => [name, label]));
  return allAsTest({ name: spec, classNames, train: toSplit({ paths, counts }, labels) });
}

/** The images of class folders, class by class in the order of the names. */
interface Found {
  readonly paths: PackedPaths;
  /** Number of images of each class folder, by name in sorted order. */
  readonly counts: ReadonlyMap<string, number>;
}

async function readSplit(root: string, { log, signal, reads, onProgress }: OpenContext): Promise<Found> {
  const builder = new PathsBuilder();
  const counts = new Map<string, number>();
  const loops: string[] = [];
  let [skipped, firstSkipped] = [0, ''];
  reads(root);
  for (const name of await classFolders(root, log)) {
    signal?.throwIfAborted();
    const onLoop = (link: string): void => void loops.push(link);
    const { images, others } = await filesUnder(path.join(root, name), { onFolder: reads, onLoop });
    for (const file of images) builder.add(file);
    counts.set(name, images.length);
    skipped += others.length;
    firstSkipped ||= others[0] ?? '';
    if (counts.size % reportEvery === 0)
      onProgress({ what: `listing images of ${root}`, done: builder.length, total: undefined });
  }
  if (skipped > 0)
    log(
      `${root}: ${skipped === 1 ? '1 file does not have the name of an image' : `${skipped} files are no images by their name`}, such as ${firstSkipped}`,
    );
  for (const link of loops) log(`${link} is not followed: it is a link to a folder that contains it`);
  return { paths: builder.finish(), counts };
}

/**
 * The names of the folders in `root`. Throws UserError DATA_LAYOUT when it has none, or a link that leads to nothing.
 */
async function classFolders(root: string, log: OpenContext['log']): Promise<readonly string[]> {
  const { names, loops, broken, images } = await foldersIn(root);
  const lost = broken.find((name) => !isImageName(name));
  if (lost !== undefined)
    throw new UserError(
      'DATA_LAYOUT',
      `${path.join(root, lost)} is a link to ${fs.readlinkSync(path.join(root, lost))}, which does not exist: correct or remove it`,
    );
  if (names.length === 0)
    throw new UserError('DATA_LAYOUT', `${root} has no folders: put the images of each class in a folder of its name`);
  for (const name of loops) log(`${path.join(root, name)} is not a class: it is a link to a folder that contains it`);
  if (images.length > 0)
    log(
      `${root}: ${images.length === 1 ? '1 image is in no class folder and is not used' : `${images.length} images are in no class folder and are not used`}, such as ${images[0]}`,
    );
  return names;
}

/** Class folders. */
const reportEvery = 100;

function assemble(spec: string, train: Found, test: Found | undefined, { evaluation }: OpenContext): Dataset {
  const classNames = [...train.counts.keys()];
  const empty = classNames.filter((name) => train.counts.get(name) === 0);
  if (empty.length > 0 && !evaluation)
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
