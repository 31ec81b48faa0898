/**
 * The Mersenne Twister MT19937 (Matsumoto and Nishimura 1998) with the initialisation by one 32-bit word, which NumPy's
 * `np.random.seed(int)` and PyTorch's CPU generator share. Here to choose the same images as published code does;
 * everything else draws from `random/stream.ts`.
 */

const N = 624;
const M = 397;

export class MT19937 {
  readonly #state = new Uint32Array(N);
  #next = N;

  /** `seed` is taken modulo 2³². */
  constructor(seed: number) {
    this.#state[0] = seed;
    for (let i = 1; i < N; i++) {
      const previous = this.#state[i - 1]!;
      this.#state[i] = Math.imul(previous ^ (previous >>> 30), 1812433253) + i;
    }
  }

  /** An integer in [0, 2³²). */
  uint32(): number {
    if (this.#next === N) this.#twist();
    let y = this.#state[this.#next++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  #twist(): void {
    const state = this.#state;
    for (let i = 0; i < N; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % N]! & 0x7fffffff);
      state[i] = state[(i + M) % N]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#next = 0;
  }
}
