/** Opens any source of images by the one word that the user gives: a name, a folder, an archive or a list file. */
import fs from 'node:fs';
import path from 'node:path';
import { UserError } from '../errors.js';
import { nearest } from '../nearest.js';
import type { BadFile } from './bad-file.js';
import { defaultCacheDir } from './cache/cache-folder.js';
import { settleBad } from './check-files.js';
import { classCounts, composedOn, type Dataset } from './dataset.js';
import { white } from './decode/background.js';
import { loadSplit } from './image-files.js';
import { isLarge, listed, openLarge, remembered } from './index/open-large.js';
import type { OpenContext, OpenOptions, SourceEntry, SourceKind } from './open-options.js';
import { addSource, openRegistered, registeredSources } from './registered-sources.js';
import { annotations } from './sources/annotations.js';
import { cifarFiles } from './sources/cifar-files.js';
import { cifarNames } from './sources/cifar-names.js';
import { folder } from './sources/folder.js';
import { listFiles } from './sources/list-files.js';
import { shapes } from './sources/shapes.js';
import { splitOff } from './split.js';

/** All kinds of sources; the first that accepts `spec` opens it. */
export const sourceKinds: readonly SourceKind[] = [shapes, cifarNames, cifarFiles, listFiles, annotations, folder];

/** The names that need no path, such as `cifar10`. */
export const datasetNames: string[] = sourceKinds.flatMap(({ names }) => names ?? []);

/**
 * Adds a source of data: `--data` may be one of its `names`, or a file or folder that its `open` knows. It is tried before
 * those that are built in. Throws `UserError` (PLUGIN) for an entry that lacks something, and for a name or word that is taken.
 */
export function registerSource(entry: SourceEntry): void {
  addSource(entry, datasetNames);
  datasetNames.push(...(entry.names ?? []));
}

/**
 * Opens the data set `spec`. Image files are decoded once: all that cannot be read are reported together, and
 * collections of small images of one size are kept in memory. Throws `UserError` DATA_NOT_FOUND, DATA_LAYOUT,
 * DATA_BAD_FILES, DATA_CLASSES, DOWNLOAD or USAGE, and the signal's reason.
 */
export async function openDataset(spec: string, options: OpenOptions = {}): Promise<Dataset> {
  const { split, seed, check = true, background = white } = options;
  const context = contextOf(options);
  const found = check
    ? await openChecked(spec, context, options)
    : ((await findRegistered(spec, context)) ?? (await find(spec, context)));
  const loaded = composedOn(found, background);
  const dataset = split === undefined ? loaded : splitOff(loaded, split, seed);
  requireClasses(dataset, context);
  return dataset;
}

/** Small collections are decoded, large ones looked at; what is remembered of large ones saves listing them again. */
async function openChecked(spec: string, context: OpenContext, options: OpenOptions): Promise<Dataset> {
  const own = await findRegistered(spec, context);
  if (own !== undefined) return load(own, options); // what is remembered of a data set does not say which module listed it
  const before = await remembered(spec, context);
  const listing = before.listing ?? (await listed(context, (recording) => find(spec, recording)));
  return (await isLarge(listing.dataset, options))
    ? openLarge(listing, before, options)
    : load(listing.dataset, options);
}

function contextOf(options: OpenOptions): OpenContext {
  const { cacheDir, offline = false, root, testSplit, evaluation = false, split, log, onProgress, signal } = options;
  return {
    cacheDir: cacheDir ?? defaultCacheDir(),
    offline,
    root,
    testSplit,
    evaluation,
    takesAll: evaluation && split === undefined && testSplit === undefined,
    log: log ?? (() => {}),
    onProgress: onProgress ?? (() => {}),
    reads: () => {},
    signal,
  };
}

async function findRegistered(spec: string, context: OpenContext): Promise<Dataset | undefined> {
  const found = await openRegistered(spec, context);
  if (found !== undefined && found.source.namesSplits !== true) requireUsualTest(spec, context);
  return found?.dataset;
}

async function find(spec: string, context: OpenContext): Promise<Dataset> {
  for (const kind of sourceKinds) {
    const dataset = await kind.open(spec, context);
    if (dataset === undefined) continue;
    if (kind.namesSplits !== true) requireUsualTest(spec, context);
    return dataset;
  }
  throw unknownSource(spec);
}

function requireUsualTest(spec: string, { testSplit = 'test' }: OpenContext): void {
  if (testSplit !== 'test')
    throw new UserError('USAGE', `--test-split ${testSplit}: ${spec} has one test split, "test"; leave it out`);
}

function unknownSource(spec: string): UserError {
  const lines = [...registeredSources(), ...sourceKinds].map(({ summary }) => `  ${summary}`);
  if (fs.existsSync(spec))
    return new UserError('DATA_LAYOUT', `${spec} is not laid out as a data set. A data set is one of:`, { lines });
  const near = nearestSource(spec);
  const hint = near === undefined ? '' : `; did you mean "${near}"?`;
  return new UserError('DATA_NOT_FOUND', `the data set "${spec}" does not exist${hint}`, {
    lines: ['A data set is one of:', ...lines],
  });
}

/** A known name, or a path whose last part is nearly what was given. */
function nearestSource(spec: string): string | undefined {
  const parent = path.dirname(spec);
  const siblings = fs.existsSync(parent) && fs.statSync(parent).isDirectory() ? fs.readdirSync(parent) : [];
  const near = nearest(spec, datasetNames);
  if (near !== undefined) return near;
  const sibling = nearest(path.basename(spec), siblings);
  return sibling === undefined ? undefined : path.join(parent, sibling);
}

/** Decodes the files of both splits, so that all bad ones are known before any is reported. */
async function load(dataset: Dataset, options: OpenOptions): Promise<Dataset> {
  const settings = { ...options, cacheDir: options.cacheDir ?? defaultCacheDir() };
  const train = await loadSplit(dataset.train, { ...settings, what: 'reading train images' });
  const test =
    dataset.test === undefined
      ? undefined
      : await loadSplit(dataset.test, { ...settings, what: 'reading test images' });
  const bad: BadFile[] = [...train.bad.values(), ...(test?.bad.values() ?? [])];
  settleBad(bad, dataset.train.labels.length + (dataset.test?.labels.length ?? 0), options);
  return { ...dataset, train: train.split, ...(test === undefined ? {} : { test: test.split }) };
}

/**
 * There must be two classes or more, each with a training image, and no empty test split: bad images are gone now. Of
 * data that are evaluated only the latter.
 */
function requireClasses({ name, classNames, train, test }: Dataset, { evaluation }: OpenContext): void {
  if (test?.labels.length === 0) throw new UserError('DATA_CLASSES', `${name}: no test images are left`);
  if (evaluation) return;
  if (classNames.length < 2)
    throw new UserError('DATA_CLASSES', `${name} has only one class, ${classNames[0]}: training needs at least two`);
  const counts = classCounts(train.labels, classNames.length);
  const empty = classNames.filter((_, label) => counts[label] === 0);
  if (empty.length > 0)
    throw new UserError('DATA_CLASSES', `${name}: no training images are left of ${empty.join(', ')}`);
}
