/** Measures images per second, over an epoch and over the last batches. */

export class SpeedMeter {
  readonly #began = performance.now();
  #last = this.#began;
  #recent = 0;

  /** Counts a batch that is done now. */
  add(images: number): void {
    const now = performance.now();
    const rate = images / Math.max((now - this.#last) / 1000, 1e-6);
    // Averaged over about ten batches: steady to the eye, but quick to follow a change.
    this.#recent = this.#recent === 0 ? rate : 0.9 * this.#recent + 0.1 * rate;
    this.#last = now;
  }

  get recent(): number {
    return this.#recent;
  }

  /** Returns the seconds from the beginning to the last batch. */
  get seconds(): number {
    return Math.max((this.#last - this.#began) / 1000, 1e-6);
  }
}
