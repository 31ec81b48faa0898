/**
 * Our own seeded random numbers: one stream for each (seed, purpose, epoch, sample), so that what is drawn for
 * a sample does not depend on batch size, worker count, device or where a run was resumed.
 *
 * The generator is sfc32 (Chris Doty-Humphrey's Small Fast Chaotic, from PractRand: 128 bits of state), its seed
 * spread by MurmurHash3's finalizer.
 */

function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The purpose of a stream; streams of different purposes are independent. */
export const purposes = {
  augment: 1,
  mix: 2,
  shuffle: 3,
  split: 4,
  init: 5,
  draw: 6,
  views: 7,
  partners: 8,
  bootstrap: 9,
  shard: 10,
  update: 11,
} as const;
export type Purpose = keyof typeof purposes;

/** A stream of random numbers. Cheap to make: a few multiplications. */
export class RandomStream {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;
  #spareNormal: number | undefined;

  constructor(a: number, b: number, c: number) {
    this.#a = a | 0;
    this.#b = b | 0;
    this.#c = c | 0;
    for (let i = 0; i < 12; i++) this.uint32(); // the author's recommended warm-up
  }

  /** An integer in [0, 2³²). */
  uint32(): number {
    const result = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + result;
    this.#c |= 0;
    return result >>> 0;
  }

  /** Fills `values` with what as many calls of `uint32` give, in a fraction of the time. */
  fill(values: Uint32Array): void {
    let [a, b, c, counter] = [this.#a, this.#b, this.#c, this.#counter];
    for (let i = 0; i < values.length; i++) {
      const result = (((a + b) | 0) + counter) | 0;
      counter = (counter + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (((c << 21) | (c >>> 11)) + result) | 0;
      values[i] = result;
    }
    [this.#a, this.#b, this.#c, this.#counter] = [a, b, c, counter];
  }

  /** A number in [0, 1) with 53 random bits. */
  random(): number {
    return ((this.uint32() >>> 5) * 0x4000000 + (this.uint32() >>> 6)) / 0x20000000000000;
  }

  /** A number in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.random();
  }

  /** An integer in [0, n), unbiased. */
  int(n: number): number {
    const limit = 0x100000000 - (0x100000000 % n);
    let value = this.uint32();
    while (value >= limit) value = this.uint32();
    return value % n;
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.random() < p;
  }

  /** A standard normal number (Marsaglia's polar method). */
  normal(): number {
    if (this.#spareNormal !== undefined) {
      const spare = this.#spareNormal;
      this.#spareNormal = undefined;
      return spare;
    }
    for (;;) {
      const u = 2 * this.random() - 1;
      const v = 2 * this.random() - 1;
      const s = u * u + v * v;
      if (s === 0 || s >= 1) continue;
      const factor = Math.sqrt((-2 * Math.log(s)) / s);
      this.#spareNormal = v * factor;
      return u * factor;
    }
  }

  /** Gamma(shape, 1) (Marsaglia and Tsang 2000; shapes below 1 by their boost). */
  gamma(shape: number): number {
    if (shape < 1) return this.gamma(shape + 1) * (1 - this.random()) ** (1 / shape);
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = this.normal();
      const v = (1 + c * x) ** 3;
      if (v <= 0) continue;
      if (Math.log(1 - this.random()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
    }
  }

  /** Beta(a, b) as a ratio of gammas. */
  beta(a: number, b: number): number {
    const x = this.gamma(a);
    const y = this.gamma(b);
    return x + y === 0 ? (this.chance(0.5) ? 1 : 0) : x / (x + y);
  }

  /** Shuffles in place (Fisher–Yates) and returns the array. */
  shuffle<T extends { length: number; [index: number]: number }>(values: T): T {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      const kept = values[i]!;
      values[i] = values[j]!;
      values[j] = kept;
    }
    return values;
  }
}

/** The stream of `purpose` for `sample` in `epoch` (both default to 0) under `seed`. */
export function stream(seed: number, purpose: Purpose, epoch = 0, sample = 0): RandomStream {
  const a = mix((seed >>> 0) ^ mix(purposes[purpose] * 0x9e3779b9));
  const b = mix(a ^ (epoch * 0x85ebca77));
  const c = mix(b ^ (sample * 0xc2b2ae3d));
  return new RandomStream(a ^ c, b, c);
}
