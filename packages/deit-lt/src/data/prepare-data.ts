/** Prepares an opened data set for a training: the long tail, the validation split, groups and pixel sources. */
import { type ByClass, byClass, type ClassLabels } from '../by-class.js';
import { UserError } from '../errors.js';
import type { Recipe } from '../recipe/schema.js';
import { classCounts, type Dataset, type ImageSplit } from './dataset.js';
import type { CopyKind } from './decode/copied-windows.js';
import { fingerprint } from './fingerprint.js';
import { type Group, groupsOf } from './groups.js';
import { openPixels } from './open-pixels.js';
import type { PixelSource } from './pixel-source.js';
import { splitsOf } from './splits.js';

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
  const open = ({ images, labels }: ImageSplit, kind: CopyKind): LabelledSource => {
    const source = openPixels(images, copies && { kind, ...(kind === 'shrunk' && copies) });
    return { source, labels, classNames, nameOf: images.nameOf };
  };
  checkSelection(recipe, given);
  const { classNames, whole, unlimited, train, validation, test } = splitsOf(given, recipe);
  const numClasses = classNames.length;
  const countsBefore = byClass(classNames, classCounts(whole.labels, numClasses));
  const groups = groupsOf(countsBefore, { kind: recipe.data.groups });
  if (validation === undefined && recipe.evaluation.select === 'validation') throw nothingAside(given);
  return {
    name: given.name,
    classNames,
    trainCounts: byClass(classNames, classCounts(train.labels, numClasses)),
    countsBefore,
    groups: byClass(classNames, groups.of),
    train: open(train, 'shrunk'),
    validation: validation && open(validation, 'cut'),
    test: test && open(test, 'cut'),
    fingerprint: fingerprint(train),
    notes: [...(groups.note === undefined ? [] : [groups.note]), ...limitNote(train, unlimited)],
  };
}

function limitNote({ labels: kept }: ImageSplit, { labels: all }: ImageSplit): string[] {
  return kept.length === all.length ? [] : [`data.limit: ${kept.length} of ${all.length} training images are used`];
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
