/** Writes the files of a training while it runs: the checkpoints `last` and `best`, and the lines of metrics. */
import * as torch from '@deit-lt/torch';
import { mergedLora } from '../models/lora.js';
import type { EpochRecord } from '../runs/reporter.js';
import { loadState, type Progress, saveState, saveWeights, type Trained } from '../runs/training-state.js';
import type { LoopOptions } from './loop-options.js';
import { checkWeights } from './not-finite.js';
import { cannotSave } from './resume-advice.js';
import { Saver } from './saver.js';

export class Checkpoints {
  readonly #options: LoopOptions;
  readonly #trained: Trained;
  readonly #saver: Saver;
  #saved: Progress | null = null;
  #began = performance.now();

  constructor(options: LoopOptions) {
    const { task, optimizer, ema, scaler, placement, saveEverySeconds = 20 } = options;
    this.#options = options;
    this.#trained = { model: task.model, companion: task.companion, optimizer, ema, scaler, device: placement.device };
    this.#saver = new Saver(saveEverySeconds, (progress) => this.#write(progress));
  }

  /** The place of the checkpoint `last`; null when there is none. */
  get saved(): Progress | null {
    return this.#saved;
  }

  /** Seconds of training so far, without pauses. */
  get seconds(): number {
    return (performance.now() - this.#began) / 1000;
  }

  /** Returns the place to start from: the checkpoint's, or the beginning. Throws UserError CHECKPOINT. */
  start(): Progress {
    const { run, resume, config } = this.#options;
    const exists = run.hasCheckpoint('last');
    const progress = exists && resume ? loadState(run.checkpoint('last'), this.#trained, config) : beginning;
    this.#saved = exists ? progress : null;
    return progress;
  }

  /** Makes the folder one of a training at `progress`: lines of later epochs are removed, which it repeats. */
  open(progress: Progress): void {
    const { run, reporter } = this.#options;
    this.#began = performance.now() - progress.seconds * 1000;
    if (!this.#writes) return;
    if (this.#saved === null && run.readMetrics().length > 0)
      reporter.note(`${run.checkpoint('last')} does not exist, so this training starts again at epoch 1`);
    run.keepMetricsBefore(progress.epoch);
  }

  /** Returns whether the checkpoint `last` is old enough for another. */
  isDue(): boolean {
    return this.#saver.isDue();
  }

  /** Saves the state at `progress`. Throws UserError NOT_FINITE and RUN_FOLDER. */
  save(progress: Progress): void {
    if (this.#writes) this.#saver.save(progress);
  }

  /** Writes the files of an epoch: the best weights first, when these are so, then its line of metrics. */
  endEpoch(record: EpochRecord, { isBest }: { readonly isBest: boolean }): void {
    if (!this.#writes) return;
    this.#writing(() => {
      if (isBest) this.#saveBest(record.epoch);
      this.#options.run.appendMetrics(record);
    });
  }

  /** All processes have the same weights: the first one writes them. */
  get #writes(): boolean {
    return this.#options.processes.rank === 0;
  }

  #write(progress: Progress): void {
    const { run, config } = this.#options;
    checkWeights(this.#options, progress.epoch);
    const state = { ...progress, seconds: this.seconds };
    this.#writing(() => saveState(run.checkpoint('last'), this.#trained, state, config));
    this.#saved = progress;
  }

  #saveBest(epoch: number): void {
    const { run, task, ema, recipe, config } = this.#options;
    torch.tidy(() => {
      const weights = recipe.weights === 'ema' && ema !== undefined ? ema.stateDict().tensors : task.model.stateDict();
      saveWeights(run.checkpoint('best'), mergedLora(weights), config, epoch);
    });
  }

  /** Runs `write`; when it fails, the error says which checkpoint is whole. */
  #writing(write: () => void): void {
    this.#options.run.checkOurs();
    try {
      write();
    } catch (error) {
      throw cannotSave(error, this.#options, this.#saved);
    }
  }
}

const beginning: Progress = { epoch: 0, batch: 0, updates: 0, sums: null, seconds: 0, best: null };
