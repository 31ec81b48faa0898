/**
 * NumPy's legacy random numbers (`np.random.seed(int)` and the functions of `np.random`, frozen since NumPy 1.17): the
 * published long-tail profiles choose their images with them. Only what the published code calls.
 */
import { MT19937 } from './mt19937.js';

/** The numbers that `np.random.RandomState(seed)` draws, in the same order. */
export class NumpyLegacyRandom {
  readonly #bits: MT19937;
  #spareNormal: number | undefined;

  /** `seed` is an integer in [0, 2³²). Throws `RangeError` otherwise, as NumPy does. */
  constructor(seed: number) {
    if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff)
      throw new RangeError(`NumpyLegacyRandom: the seed must be an integer from 0 to 2^32 - 1, got ${seed}`);
    this.#bits = new MT19937(seed);
  }

  /** `random_sample()`: a number in [0, 1) with 53 random bits. */
  randomSample(): number {
    const high = this.#bits.uint32() >>> 5;
    return (high * 0x4000000 + (this.#bits.uint32() >>> 6)) / 0x20000000000000;
  }

  /** `randint(low, high)`: an integer in [low, high), of at most 2³² values. */
  randint(low: number, high: number): number {
    return low + this.#upTo(high - 1 - low);
  }

  /** `shuffle(values)`, in place; returns the array. */
  shuffle<T extends { length: number; [index: number]: number }>(values: T): T {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.#upTo(i);
      const kept = values[i]!;
      values[i] = values[j]!;
      values[j] = kept;
    }
    return values;
  }

  /** `permutation(n)`. */
  permutation(n: number): Int32Array {
    return this.shuffle(Int32Array.from({ length: n }, (_, i) => i));
  }

  /** `standard_normal()` (polar method, which keeps the second number for the next call). */
  standardNormal(): number {
    if (this.#spareNormal !== undefined) {
      const spare = this.#spareNormal;
      this.#spareNormal = undefined;
      return spare;
    }
    for (;;) {
      const x = 2 * this.randomSample() - 1;
      const y = 2 * this.randomSample() - 1;
      const square = x * x + y * y;
      if (square >= 1 || square === 0) continue;
      const factor = Math.sqrt((-2 * Math.log(square)) / square);
      this.#spareNormal = factor * x;
      return factor * y;
    }
  }

  /** `beta(a, b)` for 0 < a, b ≤ 1 (Jöhnk 1964). Throws `RangeError` for others, which NumPy draws in another way. */
  beta(a: number, b: number): number {
    if (!(a > 0 && a <= 1 && b > 0 && b <= 1))
      throw new RangeError(`NumpyLegacyRandom.beta: a and b must be in (0, 1], got ${a} and ${b}`);
    for (;;) {
      const x = this.randomSample() ** (1 / a);
      const y = this.randomSample() ** (1 / b);
      if (x + y > 0 && x + y <= 1) return x / (x + y);
    }
  }

  /** An integer in [0, max]: words are cut to as many bits as `max` has, and rejected beyond it. */
  #upTo(max: number): number {
    if (max === 0) return 0;
    const mask = 0xffffffff >>> Math.clz32(max);
    for (;;) {
      const value = (this.#bits.uint32() & mask) >>> 0;
      if (value <= max) return value;
    }
  }
}
