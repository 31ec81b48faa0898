/** Decides when a training saves its state, so that saving takes only a small part of the time. */
import type { Progress } from '../runs/training-state.js';

/** Saving takes at most one part in so many of the time between two checkpoints: a state of gigabytes takes seconds. */
const share = 20;

export class Saver {
  #savedAt = performance.now();
  #tookMs = 0;

  /** Saves by `write`, at least `everySeconds` apart. */
  constructor(
    private readonly everySeconds: number,
    private readonly write: (progress: Progress) => void,
  ) {}

  /** Returns whether the last checkpoint is old enough for another. */
  isDue(now: number = performance.now()): boolean {
    return now - this.#savedAt >= Math.max(this.everySeconds * 1000, this.everySeconds > 0 ? share * this.#tookMs : 0);
  }

  /** Saves now. Throws what `write` throws. */
  save(progress: Progress): void {
    const began = performance.now();
    this.write(progress);
    this.#savedAt = performance.now();
    this.#tookMs = this.#savedAt - began;
  }
}
