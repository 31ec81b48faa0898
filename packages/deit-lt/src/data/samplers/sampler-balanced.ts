/**
 * Sampling by class: all classes equally often, or by the square root of their counts (Kang et al., "Decoupling
 * representation and classifier", ICLR 2020), with probability ∝ n_c^(−power) (GLMC, Du et al., CVPR 2023), or by the
 * effective number of samples (Cui et al., CVPR 2019; the re-sampling of Cao et al., "LDAM", NeurIPS 2019).
 */
import { z } from 'zod';
import type { RandomStream } from '../../random/stream.js';
import { classCounts } from '../dataset.js';
import { type EpochOrder, samplerEntry } from './sampler.js';

/** Classes drawn with probability ∝ n_c^(−power). */
export const classBalancedEntry = samplerEntry({
  name: 'class-balanced',
  options: z.object({
    power: z
      .number()
      .default(0)
      .describe('sampler class-balanced: classes are drawn ∝ n^(−power); 0: equally often, −1: as in the data'),
  }),
  create: ({ power }) => byClass((n) => n ** -power),
});

/** Classes drawn with probability ∝ √n_c. */
export const squareRootEntry = samplerEntry({
  name: 'square-root',
  options: z.object({}),
  create: () => byClass(Math.sqrt),
});

/**
 * Each image drawn with probability ∝ (1 − beta)/(1 − beta^n_c), so classes with n_c times that: from as in the data
 * for `beta` 0 to equally often towards 1. The published re-sampling takes 0.9999, the default, and draws with putting
 * back.
 */
export const effectiveNumberEntry = samplerEntry({
  name: 'effective-number',
  options: z.object({
    beta: z
      .number()
      .min(0)
      .lt(1)
      .default(0.9999)
      .describe('sampler effective-number: classes are drawn ∝ n·(1 − β)/(1 − βⁿ); 0: as in the data'),
  }),
  create: ({ beta }) => byClass((n) => (n * (1 - beta)) / (1 - beta ** n)),
});

/**
 * Returns as many images as the data has, with classes drawn with probability ∝ `weight` of their count, among those
 * that have images. The images of a class come in shuffled rounds: none is seen twice before all were seen once.
 */
function byClass(weight: (count: number) => number): EpochOrder {
  return (labels, numClasses, { random }) => {
    const decks = Array.from({ length: numClasses }, () => new Deck(random));
    labels.forEach((label, id) => {
      decks[label]!.ids.push(id);
    });
    const bounds = runningSums(Array.from(classCounts(labels, numClasses), (n) => (n === 0 ? 0 : weight(n))));
    return labels.map(() => decks[draw(bounds, random)]!.draw());
  };
}

/** The images of a class, drawn without putting back, shuffled again for each round. */
class Deck {
  readonly ids: number[] = [];
  #next = 0;

  constructor(readonly random: RandomStream) {}

  draw(): number {
    if (this.#next === 0) this.random.shuffle(this.ids);
    const id = this.ids[this.#next]!;
    this.#next = (this.#next + 1) % this.ids.length;
    return id;
  }
}

/** A class, drawn by binary search in the running sums of the weights (there may be thousands of classes). */
function draw(bounds: Float64Array, random: RandomStream): number {
  const x = random.random() * bounds[bounds.length - 1]!;
  let [low, high] = [0, bounds.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x < bounds[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}

function runningSums(values: readonly number[]): Float64Array {
  let sum = 0;
  return Float64Array.from(values, (value) => {
    sum += value;
    return sum;
  });
}
