/** Prepares an opened data set for a training: the long tail, the validation split, groups and pixel sources. */
import { createHash } from 'node:crypto';
import { type ByClass, byClass, type ClassLabels } from '../by-class.js';
import { UserError } from '../errors.js';
import { stream } from '../random/stream.js';
import type { Recipe } from '../recipe/schema.js';
import { largestClassFirst } from './class-order.js';
import { classCounts, composedOn, type Dataset, type ImageSplit, subset } from './dataset.js';
import type { CopyKind } from './decode/copied-windows.js';
import { type Group, groupsOf } from './groups.js';
import { limitedIndices } from './limit.js';
import { makeLongTail } from './long-tail.js';
import { openPixels } from './open-pixels.js';
import type { PixelSource } from './pixel-source.js';
import { setAside } from './set-aside.js';

export interface LabelledSource extends ClassLabels {
  readonly source: PixelSource;
  /** Source of image i, from the data set. */
  readonly nameOf: (index: number) => string;
}

export interface TrainingData {
  readonly name: string;
  readonly classNames: readonly string[];
  /** Images per class that are trained on. */
  readonly trainCounts: ByClass<number>;
  /** Images per class before the validation split and `data.limit`: groups and `data.classOrder=count` go by them. */
  readonly countsBefore: ByClass<number>;
  /** Groups by `countsBefore`. */
  readonly groups: ByClass<Group>;
  readonly train: LabelledSource;
  readonly validation: LabelledSource | undefined;
  readonly test: LabelledSource | undefined;
  /** SHA-256 over names and labels of the training images. */
  readonly fingerprint: string;
  /** Warnings, each to be shown once. */
  readonly notes: readonly string[];
}

export interface PrepareOptions {
  /** Keeps copies of large image files, because each image is read many times; `note` gets a line when that begins. */
  readonly copies?: { readonly note: (line: string) => void };
}

/** Splits of `given` by `recipe`. Throws UserError DATA_CLASSES or RECIPE when the data do not allow them. */
export function prepareData(
  given: Dataset,
  recipe: Pick<Recipe, 'data' | 'evaluation' | 'seed'>,
  { copies }: PrepareOptions = {},
): TrainingData {
  const open = ({ images, labels }: ImageSplit, classNames: readonly string[], kind: CopyKind): LabelledSource => {
    const source = openPixels(images, copies && { kind, ...(kind === 'shrunk' && copies) });
    return { source, labels, classNames, nameOf: images.nameOf };
  };
  const { classOrder, groups: kind, validation: share, limit } = recipe.data;
  const tailed = longTailed(composedOn(given, recipe.data.background), recipe.data);
  const dataset = classOrder === 'count' ? largestClassFirst(tailed) : tailed;
  const { classNames } = dataset;
  const numClasses = classNames.length;
  const countsBefore = byClass(classNames, classCounts(dataset.train.labels, numClasses));
  const groups = groupsOf(countsBefore, { kind });
  checkSelection(recipe, dataset);
  const { train: all, validation } = splitValidation(dataset.train, numClasses, share, recipe.seed);
  const train = limit === null ? all : subset(all, limitedIndices(all.labels, numClasses, { limit }));
  if (validation === undefined && recipe.evaluation.select === 'validation') throw nothingAside(dataset);
  return {
    name: dataset.name,
    classNames,
    trainCounts: byClass(classNames, classCounts(train.labels, numClasses)),
    countsBefore,
    groups: byClass(classNames, groups.of),
    train: open(train, classNames, 'shrunk'),
    validation: validation && open(validation, classNames, 'cut'),
    test: dataset.test && open(dataset.test, classNames, 'cut'),
    fingerprint: fingerprint(train),
    notes: [...(groups.note === undefined ? [] : [groups.note]), ...limitNote(train, all)],
  };
}

function limitNote({ labels: kept }: ImageSplit, { labels: all }: ImageSplit): string[] {
  return kept.length === all.length ? [] : [`data.limit: ${kept.length} of ${all.length} training images are used`];
}

function longTailed(dataset: Dataset, { imbalance, imbalanceType, imbalanceSeed }: Recipe['data']): Dataset {
  if (imbalance === null) return dataset;
  return makeLongTail(dataset, { ratio: imbalance, type: imbalanceType, seed: imbalanceSeed });
}

function checkSelection({ data, evaluation }: Pick<Recipe, 'data' | 'evaluation'>, dataset: Dataset): void {
  if (evaluation.select === 'validation' && data.validation === 0)
    throw new UserError(
      'RECIPE',
      'evaluation.select is "validation" but data.validation is 0: set some training images aside (--set data.validation=0.1), or use the last epoch (--set evaluation.select=last).',
    );
  if (evaluation.select === 'test' && dataset.test === undefined)
    throw new UserError(
      'DATA_LAYOUT',
      `${dataset.name} has no test images, but evaluation.select is "test". Add a test folder, use --split 0.1, or --set evaluation.select=validation.`,
    );
}

function nothingAside({ name }: Dataset): UserError {
  return new UserError(
    'DATA_CLASSES',
    `no class of ${name} has two training images, so none can be set aside to choose the best epoch. Add images, or use the last epoch (--set evaluation.select=last).`,
  );
}

/** Keeps `share` of each class aside: rounded, at least one of every class that has two or more; undefined when that is none. */
function splitValidation(
  split: ImageSplit,
  numClasses: number,
  share: number,
  seed: number,
): { train: ImageSplit; validation: ImageSplit | undefined } {
  const ofClass: number[][] = Array.from({ length: numClasses }, () => []);
  split.labels.forEach((label, id) => {
    ofClass[label]!.push(id);
  });
  const isAside = new Uint8Array(split.labels.length);
  ofClass.forEach((ids, c) => {
    const aside = setAside(ids.length, share);
    const shuffled = stream(seed, 'split', 0, c).shuffle([...ids]);
    for (const id of shuffled.slice(0, aside)) isAside[id] = 1;
  });
  if (!isAside.includes(1)) return { train: split, validation: undefined };
  const all = Int32Array.from(isAside.keys());
  const where = (aside: number): ImageSplit =>
    subset(
      split,
      all.filter((id) => isAside[id] === aside),
    );
  return { train: where(0), validation: where(1) };
}

/** Lines that are hashed together: many small pieces cost more than the hash. */
const hashedTogether = 1000;

function fingerprint({ images, labels }: ImageSplit): string {
  const hash = createHash('sha256');
  for (let start = 0; start < labels.length; start += hashedTogether) {
    const part = labels.subarray(start, start + hashedTogether);
    hash.update(Array.from(part, (label, i) => `${label}\t${images.nameOf(start + i)}\n`).join(''));
  }
  return hash.digest('hex');
}
