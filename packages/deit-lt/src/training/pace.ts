/**
 * Fits a training to the time that it may take (`timeLimit` of a recipe). When the epochs do not fit, fewer batches are left for
 * what is left of the schedules: learning rate, re-weighting, SAM and mixing are read at a place that moves faster, and they end
 * with the last batch.
 */
import type { SavedPace } from '../runs/training-state.js';

/** A place of the schedules: an epoch of the recipe, and a batch in it. */
export interface SchedulePlace {
  readonly epoch: number;
  readonly batch: number;
  readonly batches: number;
}

export interface PaceOptions {
  /** Seconds; null: there is no limit. */
  readonly limit: number | null;
  /** Epochs of the schedules. */
  readonly epochs: number;
  /** Batches of an epoch. */
  readonly batches: number;
  /** Batches of an update: a training ends between two. */
  readonly accumulation: number;
  /** Cost of a batch in an epoch of the schedules, against the cheapest. Default: all are equal. */
  readonly costOf?: (epoch: number) => number;
  /** Cost of an evaluation, in batches; two come at the end, of the last epoch and of the result. */
  readonly evaluationCost: number;
  /** Epochs between two evaluations. */
  readonly evaluateEvery: number;
  readonly saved?: SavedPace | undefined;
}

/** Time between two looks at the clock, as a part of the limit. */
const lookEvery = 0.01;
/** Weight of the last look in the speed that is expected. */
const weightOfLast = 0.3;
/** The end is moved only when it differs by more than this part of what is left. */
const leastChange = 0.02;

export class Pace {
  readonly #options: PaceOptions;
  readonly #all: number;
  /** From batch `from` on, the schedules are at `epoch` and reach their end with batch `total`. */
  #saved: SavedPace;
  #lastLook: { readonly seconds: number; readonly done: number } | undefined;
  /** Seconds of a batch of cost 1. */
  #unit: number | undefined;

  constructor(options: PaceOptions) {
    this.#options = options;
    this.#all = options.epochs * options.batches;
    this.#saved = options.saved ?? { from: 0, epoch: 0, total: this.#all };
  }

  /** Batches of the training as it is planned now. */
  get total(): number {
    return this.#saved.total;
  }

  /** Epochs of the training as it is planned now; the last may be a part of one. */
  get epochs(): number {
    return Math.ceil(this.total / this.#options.batches);
  }

  /** Returns whether there are fewer batches than the recipe has. */
  get isShortened(): boolean {
    return this.total < this.#all;
  }

  /** The state for a checkpoint; undefined while the training is as in the recipe. */
  get saved(): SavedPace | undefined {
    return this.#isAsInRecipe ? undefined : this.#saved;
  }

  get #isAsInRecipe(): boolean {
    return this.#saved.from === 0 && !this.isShortened;
  }

  /** Returns the place of the schedules at batch `done` of the training, counted from 0. */
  placeAt(done: number): SchedulePlace {
    const { batches, epochs } = this.#options;
    if (this.#isAsInRecipe) return { epoch: Math.floor(done / batches), batch: done % batches, batches };
    const time = Math.min(this.#timeAt(done), epochs);
    const epoch = Math.min(Math.floor(time), epochs - 1);
    return { epoch, batch: Math.min(batches - 1, Math.floor((time - epoch) * batches)), batches };
  }

  #timeAt(done: number): number {
    const { from, epoch, total } = this.#saved;
    if (total <= from) return this.#options.epochs;
    return epoch + ((this.#options.epochs - epoch) * (done - from)) / (total - from);
  }

  /** Looks at the clock after batch `done`, at the end of an update, when it is time to. Returns whether the end was moved. */
  look(done: number, seconds: number): boolean {
    const { limit } = this.#options;
    if (limit === null || done >= this.total) return false;
    this.#lastLook ??= { seconds, done };
    if (seconds >= limit) return this.#endAt(done, done);
    const since = seconds - this.#lastLook.seconds;
    if (since < lookEvery * limit) return false;
    this.#measure(done, seconds);
    return this.#fit(done, limit - seconds);
  }

  /** Leaves what happened since the last look out of the speed: an evaluation. */
  skip(): void {
    this.#lastLook = undefined;
  }

  /** Updates the seconds of a batch by the batches since the last look. */
  #measure(done: number, seconds: number): void {
    const { seconds: before, done: from } = this.#lastLook!;
    const cost = this.#costBetween(this.#timeAt(from), this.#timeAt(done)) * (done - from);
    if (cost > 0) {
      const unit = (seconds - before) / cost;
      this.#unit = this.#unit === undefined ? unit : (1 - weightOfLast) * this.#unit + weightOfLast * unit;
    }
    this.#lastLook = { seconds, done };
  }

  /** Mean cost of a batch between two times of the schedules. */
  #costBetween(start: number, end: number): number {
    const { costOf = () => 1 } = this.#options;
    if (end - start < 1e-9) return costOf(Math.floor(start));
    let sum = 0;
    for (let epoch = Math.floor(start); epoch < end; epoch++)
      sum += costOf(epoch) * (Math.min(end, epoch + 1) - Math.max(start, epoch));
    return sum / (end - start);
  }

  #fit(done: number, left: number): boolean {
    if (this.#unit === undefined) return false;
    const { epochs, batches, evaluationCost, evaluateEvery } = this.#options;
    const cost = this.#costBetween(this.#timeAt(done), epochs) + evaluationCost / (batches * evaluateEvery);
    const fitting = Math.max(0, Math.floor((left / this.#unit - 2 * evaluationCost) / cost));
    const wanted = Math.min(fitting, this.#all - done);
    const planned = this.total - done;
    if (Math.abs(wanted - planned) <= leastChange * planned) return false;
    return this.#endAt(done + Math.max(1, wanted), done);
  }

  #endAt(total: number, done: number): boolean {
    const { accumulation, batches } = this.#options;
    const inEpoch = total % batches;
    const whole = total - inEpoch + Math.min(batches, Math.ceil(inEpoch / accumulation) * accumulation);
    const end = Math.max(done, Math.min(this.#all, whole));
    if (end === this.total) return false;
    this.#saved = { from: done, epoch: this.#timeAt(done), total: end };
    return true;
  }
}
