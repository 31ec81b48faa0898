/** When the checkpoint `last` is due, and how it is saved. */
import type { RunConfig, RunFolder } from '../runs/run-folder.js';
import { type Progress, saveState, type Trained } from '../runs/training-state.js';

export interface LastCheckpointOptions {
  readonly run: RunFolder;
  readonly trained: Trained;
  readonly config: RunConfig;
  /** At least as many between two checkpoints. Default 20, or 50 times as long as the last one took to save: 2 % of the time. */
  readonly saveEverySeconds?: number | undefined;
}

export class LastCheckpoint {
  readonly #options: LastCheckpointOptions;
  #savedAt = performance.now();
  #tookMs = 0;

  constructor(options: LastCheckpointOptions) {
    this.#options = options;
  }

  get isDue(): boolean {
    const { saveEverySeconds } = this.#options;
    const everyMs = saveEverySeconds === undefined ? Math.max(20_000, 50 * this.#tookMs) : saveEverySeconds * 1000;
    return performance.now() - this.#savedAt >= everyMs;
  }

  /** Throws UserError RUN_FOLDER when it cannot be written, or the folder is another training's by now. */
  save(progress: Progress): void {
    const { run, trained, config } = this.#options;
    const began = performance.now();
    run.checkOurs();
    saveState(run.checkpoint('last'), trained, progress, config);
    this.#savedAt = performance.now();
    this.#tookMs = this.#savedAt - began;
  }
}
