/**
 * Sampling by class: all classes equally often, as classifier re-training does (Kang et al., "Decoupling representation
 * and classifier", ICLR 2020), or with probability ∝ n_c^(−power), as GLMC does (Du et al., CVPR 2023).
 */
import { type RandomStream, stream } from '../random/stream.js';
import { classCounts } from './dataset.js';
import type { SamplerOptions } from './sampler.js';
import { distributed } from './sampler-orders.js';

/**
 * As many images as the data has, their classes drawn with probability ∝ n_c^(−power) among those that have images. The
 * images of a class come in shuffled rounds: none is seen twice before all were seen once.
 */
export function classBalanced(
  labels: Int32Array,
  numClasses: number,
  { seed = 0, epoch = 0, rank = 0, world = 1, power = 0 }: SamplerOptions = {},
): Int32Array {
  const random = stream(seed, 'shuffle', epoch);
  const decks = Array.from({ length: numClasses }, () => new Deck(random));
  labels.forEach((label, id) => {
    decks[label]!.ids.push(id);
  });
  const bounds = runningSums(Array.from(classCounts(labels, numClasses), (n) => (n === 0 ? 0 : n ** -power)));
  const order = labels.map(() => decks[draw(bounds, random)]!.draw());
  return distributed(order, { rank, world });
}

/** The images of a class, drawn without putting back, shuffled anew for each round. */
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
