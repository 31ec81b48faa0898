/** The images of a training by split: the long tail that the recipe makes, and what it sets aside for validation and leaves out. */
import { stream } from '../random/stream.js';
import type { Recipe } from '../recipe/schema.js';
import { largestClassFirst } from './class-order.js';
import { composedOn, type Dataset, type ImageSplit, subset } from './dataset.js';
import { limitedIndices } from './limit.js';
import { makeLongTail } from './long-tail.js';
import { setAside } from './set-aside.js';

export interface Splits {
  readonly classNames: readonly string[];
  /** Trained on or set aside, before `data.limit`: groups and `data.classOrder=count` go by them. */
  readonly whole: ImageSplit;
  /** Trained on, before `data.limit`. */
  readonly unlimited: ImageSplit;
  /** Trained on. */
  readonly train: ImageSplit;
  readonly validation: ImageSplit | undefined;
  readonly test: ImageSplit | undefined;
  /** Trained on or set aside. */
  readonly seen: ImageSplit;
}

/** Splits the images of `given` as a training by `recipe` does. Throws UserError DATA_CLASSES or RECIPE when the data do not allow it. */
export function splitsOf(given: Dataset, { data, seed }: Pick<Recipe, 'data' | 'seed'>): Splits {
  const { classOrder, validation: share, limit } = data;
  const tailed = longTailed(composedOn(given, data.background), data);
  const { classNames, train: whole, test } = classOrder === 'count' ? largestClassFirst(tailed) : tailed;
  const isAside = asideOf(whole, classNames.length, share, seed);
  const hasAside = isAside.includes(1);
  const all = Int32Array.from(isAside.keys());
  const trained = hasAside ? all.filter((id) => isAside[id] === 0) : all;
  const unlimited = hasAside ? subset(whole, trained) : whole;
  const kept = limit === null ? undefined : limitedIndices(unlimited.labels, classNames.length, { limit });
  const isKept = new Uint8Array(whole.labels.length);
  for (const i of kept ?? []) isKept[trained[i]!] = 1;
  return {
    ...{ classNames, whole, unlimited, test },
    train: kept === undefined ? unlimited : subset(unlimited, kept),
    validation: hasAside
      ? subset(
          whole,
          all.filter((id) => isAside[id] === 1),
        )
      : undefined,
    seen:
      kept === undefined
        ? whole
        : subset(
            whole,
            all.filter((id) => isKept[id] === 1 || isAside[id] === 1),
          ),
  };
}

function longTailed(dataset: Dataset, { imbalance, imbalanceType, imbalanceSeed }: Recipe['data']): Dataset {
  if (imbalance === null) return dataset;
  return makeLongTail(dataset, { ratio: imbalance, type: imbalanceType, seed: imbalanceSeed });
}

/** 1 for what is set aside: `share` of each class, rounded, at least one of every class that has two or more. */
function asideOf(split: ImageSplit, numClasses: number, share: number, seed: number): Uint8Array {
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
  return isAside;
}
