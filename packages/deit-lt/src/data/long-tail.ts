/**
 * Long-tailed training sets cut from balanced ones: class sizes that fall exponentially or in one step (Cui et al.,
 * "Class-balanced loss based on effective number of samples", CVPR 2019; Buda et al. 2018), with exactly the images that
 * the published CIFAR-LT code picks.
 */
import { UserError } from '../errors.js';
import { classCounts, type Dataset, subset } from './dataset.js';
import { NumpyLegacyRandom } from './numpy-legacy.js';

/** `exp`: sizes fall by the same factor from class to class. `step`: the first half is large, the second small. */
export type LongTailType = 'exp' | 'step';
export const longTailTypes: readonly LongTailType[] = ['exp', 'step'];

/**
 * Images of each class, largest first: `int(nMax · ρ^(−c/(C−1)))` for `exp`; `nMax` for the first ⌊C/2⌋ classes and
 * `int(nMax / ρ)` for the others for `step`. Not below 0, and 0 where ρ exceeds nMax.
 */
export function longTailCounts(nMax: number, numClasses: number, ratio: number, type: LongTailType): Int32Array {
  const factor = 1 / ratio;
  return Int32Array.from({ length: numClasses }, (_, c) => {
    if (c === 0) return nMax;
    if (type === 'step') return c < Math.floor(numClasses / 2) ? nMax : nMax * factor;
    return nMax * factor ** (c / (numClasses - 1));
  });
}

export interface LongTailOptions {
  /** ρ: the largest class has ρ times as many images as the smallest. At least 1. */
  ratio: number;
  /** Default `exp`. */
  type?: LongTailType;
  /** Seed of the choice of images; the published sets use 0, the default. */
  seed?: number;
  /** Images of the largest class, class 0. Default: as many as the smaller classes allow. */
  largest?: number;
  /** For messages. */
  classNames?: readonly string[];
}

/**
 * The images of a long-tailed subset: class by class in label order, in each the first n_c of a shuffled list, drawn
 * from NumPy's legacy generator. Class 0 is the largest. Throws `UserError` for a wrong option, and when a class would be
 * left empty or has fewer images than it should keep.
 */
export function longTailIndices(labels: Int32Array, numClasses: number, options: LongTailOptions): Int32Array {
  const { ratio, type = 'exp', seed = 0, largest, classNames } = options;
  checkOptions(options);
  const available = classCounts(labels, numClasses);
  const wanted = longTailCounts(largest ?? largestPossible(available, ratio, type), numClasses, ratio, type);
  checkCounts(wanted, available, ratio, classNames);
  return pickImages(labels, wanted, seed);
}

/** The `dataset` with a long-tailed training split; its test split stays whole. Throws as `longTailIndices`. */
export function makeLongTail(dataset: Dataset, options: LongTailOptions): Dataset {
  const { classNames, train } = dataset;
  const ids = longTailIndices(train.labels, classNames.length, { classNames, ...options });
  return { ...dataset, train: subset(train, ids) };
}

/** The first `wanted[c]` of the shuffled images of each class; all classes draw from one generator, one after the other. */
export function pickImages(labels: Int32Array, wanted: Int32Array, seed: number): Int32Array {
  const random = new NumpyLegacyRandom(seed);
  const ofClass: number[][] = Array.from(wanted, () => []);
  labels.forEach((label, id) => {
    ofClass[label]!.push(id);
  });
  return Int32Array.from(ofClass.flatMap((ids, c) => random.shuffle(ids).slice(0, wanted[c])));
}

/** The largest size of class 0 for which every class has the images that it should keep. */
function largestPossible(available: Int32Array, ratio: number, type: LongTailType): number {
  let nMax = Math.max(...available);
  const fits = (): boolean =>
    longTailCounts(nMax, available.length, ratio, type).every((count, c) => count <= available[c]!);
  while (nMax > 0 && !fits()) nMax--;
  return nMax;
}

/** NumPy's. */
const maxSeed = 2 ** 32 - 1;

function checkOptions({ ratio, type = 'exp', seed = 0, largest }: LongTailOptions): void {
  if (!(ratio >= 1) || !Number.isFinite(ratio))
    throw new UserError('RECIPE', `long tail: the ratio must be a number of at least 1, such as 100, got ${ratio}`);
  if (!longTailTypes.includes(type))
    throw new UserError('RECIPE', `long tail: the type must be one of ${longTailTypes.join(', ')}, got "${type}"`);
  if (!Number.isInteger(seed) || seed < 0 || seed > maxSeed)
    throw new UserError('RECIPE', `long tail: the seed must be a whole number from 0 to ${maxSeed}, got ${seed}`);
  if (largest !== undefined && !(Number.isInteger(largest) && largest > 0))
    throw new UserError('RECIPE', `long tail: largest must be a whole number of images above 0, got ${largest}`);
}

function checkCounts(
  wanted: Int32Array,
  available: Int32Array,
  ratio: number,
  classNames: readonly string[] | undefined,
): void {
  const nameOf = (c: number): string => `class ${c}${classNames === undefined ? '' : ` (${classNames[c]})`}`;
  const short = wanted.findIndex((count, c) => count > available[c]!);
  if (short >= 0)
    throw new UserError(
      'DATA_CLASSES',
      `long tail: ${nameOf(short)} should keep ${wanted[short]} images but has ${available[short]}; choose a smaller "largest" class than ${wanted[0]}, or none`,
    );
  const empty = wanted.indexOf(0);
  if (empty >= 0)
    throw new UserError(
      'DATA_CLASSES',
      `long tail: ${nameOf(empty)} would keep no image: the largest class keeps ${wanted[0]} and the ratio is ${ratio}; choose a ratio of at most ${wanted[0]} (data.imbalance of the recipe, or --imbalance; null keeps all images), or add images`,
    );
}
