/**
 * The definition of every accuracy: evaluation, analysis, comparison, reports, the studio and model cards all take it
 * from here. Overall accuracy is the share of the images; balanced accuracy is the mean of the accuracies of the
 * classes that have images, and head, mid and tail are the same mean over the classes of a group, as in the papers'
 * tables. Test sets with as many images of each class have equal overall and balanced accuracies. Nothing here needs
 * Node or libtorch.
 */
import { type ByClass, byClass, type ClassLabels, requireSameOrder } from '../by-class.js';
import { type Group, groupNames } from '../data/groups.js';
import { fewTestImages, type Interval, weightedInterval, wilsonInterval } from './intervals.js';

export type AccuracyName = 'balanced' | 'overall' | Group;

/** Names of the accuracies in the order of every table. */
export const accuracyNames: readonly AccuracyName[] = ['balanced', 'overall', ...groupNames];

/** Accuracies in %, 0 … 100; null where there are no images. */
export type Accuracies = Readonly<Record<AccuracyName, number | null>>;

/** The 95 % interval of each accuracy over test images, in %; null where there are no images. */
export type AccuracyIntervals = Readonly<Record<AccuracyName, Interval | null>>;

/** Images of each class and how many of them were right; the mean over several models may be a fraction. */
export interface ClassTallies {
  readonly images: ByClass<number>;
  readonly hits: ByClass<number>;
}

/** Classes with so few test images that their accuracies say little. */
export interface FewImages {
  /** Classes with fewer test images than `fewTestImages`, and at least one. */
  readonly classes: number;
  /** Test images of the smallest of them. */
  readonly fewest: number;
  /** Classes without test images: they count for no figure. */
  readonly without: number;
  /** All classes. */
  readonly of: number;
}

/** All figures of one output of a model. */
export interface ClassFigures extends Accuracies {
  readonly overall: number;
  readonly images: number;
  readonly perClass: readonly (number | null)[];
  /** Test images of each class; absent in `metrics.jsonl` and in files of earlier versions. */
  readonly imagesPerClass?: readonly number[];
  /** Absent in files of earlier versions. */
  readonly intervals?: AccuracyIntervals;
  /** Absent when each class has enough test images. */
  readonly few?: FewImages;
}

/**
 * Counts the images of each class and those whose prediction is their label. Throws an `internal:` error for other
 * lengths.
 */
export function talliesOf({ labels, classNames }: ClassLabels, predicted: ArrayLike<number>): ClassTallies {
  if (predicted.length !== labels.length)
    throw new Error(`internal: ${predicted.length} predictions of ${labels.length} images`);
  const images = new Int32Array(classNames.length);
  const hits = new Int32Array(classNames.length);
  labels.forEach((label, i) => {
    images[label]!++;
    if (predicted[i] === label) hits[label]!++;
  });
  return { images: byClass(classNames, images), hits: byClass(classNames, hits) };
}

/**
 * Returns the figures of `tallies`; overall is NaN when there are no images at all. Throws an `internal:` error for
 * groups in another order of classes.
 */
export function figuresOf(tallies: ClassTallies, groups: ByClass<Group>): ClassFigures & { readonly overall: number } {
  const { images } = tallies;
  const few = fewImagesOf(images);
  return {
    images: sum(images),
    ...accuraciesOf(tallies, groups),
    perClass: accuraciesByClass(tallies),
    imagesPerClass: [...images],
    intervals: intervalsOf(tallies, groups),
    ...(few !== undefined && { few }),
  };
}

/** Returns the accuracies of `tallies` in %; overall is NaN when there are no images at all. */
export function accuraciesOf(tallies: ClassTallies, groups: ByClass<Group>): Accuracies & { readonly overall: number } {
  const { images, hits } = tallies;
  requireSameOrder(hits.classNames, images.classNames, 'hits and images');
  const perClass = accuraciesByClass(tallies);
  const meanOf = (name: Exclude<AccuracyName, 'overall'>): number | null =>
    mean(countedClasses(name, images, groups).map((c) => perClass[c]!));
  return {
    balanced: meanOf('balanced'),
    overall: (100 * sum(hits)) / sum(images),
    head: meanOf('head'),
    mid: meanOf('mid'),
    tail: meanOf('tail'),
  };
}

/** The accuracy of each class in %; null for one without images. */
export function accuraciesByClass({ images, hits }: ClassTallies): (number | null)[] {
  return images.map((n, c) => (n === 0 ? null : (100 * hits[c]!) / n));
}

/** The classes that a figure is made of: those with images, of the group if it is one of a group. */
function countedClasses(name: AccuracyName, images: ByClass<number>, groups: ByClass<Group>): number[] {
  requireSameOrder(images.classNames, groups.classNames, 'images and groups');
  const isOfAll = name === 'balanced' || name === 'overall';
  return [...images.keys()].filter((c) => images[c]! > 0 && (isOfAll || groups[c] === name));
}

/**
 * Returns the factor w of each class's accuracy in a figure, `figure = Σ w_c · accuracy_c` with `Σ w_c = 1`; null for a
 * figure without images.
 */
export function classShares(
  name: AccuracyName,
  images: ByClass<number>,
  groups: ByClass<Group>,
): ByClass<number> | null {
  const counted = countedClasses(name, images, groups);
  if (counted.length === 0) return null;
  const total = sum(images);
  const shares = images.map(() => 0);
  for (const c of counted) shares[c] = name === 'overall' ? images[c]! / total : 1 / counted.length;
  return byClass(images.classNames, shares);
}

/**
 * The 95 % interval of each accuracy over test images of the same classes: `weightedInterval` of the classes'
 * accuracies.
 */
export function intervalsOf({ images, hits }: ClassTallies, groups: ByClass<Group>): AccuracyIntervals {
  const entries = accuracyNames.map((name) => {
    const shares = classShares(name, images, groups);
    return [name, shares && inPerCent(weightedInterval(images, hits, shares))];
  });
  return Object.fromEntries(entries) as AccuracyIntervals;
}

/** The 95 % interval of each class's accuracy (Wilson's), in %; null for a class without images. */
export function intervalsByClass({ images, hits }: ClassTallies): (Interval | null)[] {
  return images.map((n, c) => (n === 0 ? null : inPerCent(wilsonInterval(hits[c]!, n))));
}

/** The images and hits that `figures` was made of; undefined where the images of each class are not known. */
export function talliesIn(
  { perClass, imagesPerClass }: Pick<ClassFigures, 'perClass' | 'imagesPerClass'>,
  classNames: readonly string[],
): ClassTallies | undefined {
  if (imagesPerClass === undefined) return undefined;
  const hits = imagesPerClass.map((n, c) => Math.round(((perClass[c] ?? 0) / 100) * n));
  return { images: byClass(classNames, imagesPerClass), hits: byClass(classNames, hits) };
}

/** Undefined when each class has at least `fewTestImages`. */
export function fewImagesOf(images: ArrayLike<number>): FewImages | undefined {
  const counts = Array.from(images);
  const few = counts.filter((n) => n > 0 && n < fewTestImages);
  const without = counts.filter((n) => n === 0).length;
  if (few.length === 0 && without === 0) return undefined;
  const fewest = few.reduce((a, b) => Math.min(a, b), fewTestImages);
  return { classes: few.length, fewest: few.length === 0 ? 0 : fewest, without, of: counts.length };
}

const inPerCent = ({ low, high }: Interval): Interval => ({ low: 100 * low, high: 100 * high });

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

const mean = (numbers: readonly number[]): number | null =>
  numbers.length === 0 ? null : sum(numbers) / numbers.length;
