/**
 * The memory that all decoders of this process may take together, threads included: a few small files can hold images
 * of hundreds of megabytes each. An image that does not fit waits until others are done; one that is larger than the
 * whole budget is decoded while no other is.
 */
import os from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { collectGarbage } from './collect-garbage.js';

/** KiB, so that 32 bits are enough. */
const unit = 1024;

/**
 * Memory in KiB that all threads, and each thread, took from the budget; a thread may be ended in the middle of its
 * work.
 */
export type BudgetMemory = SharedArrayBuffer;

/** 1 GiB, but at most an eighth of the memory that the process may use. */
export function defaultBudgetBytes(): number {
  const allowed = process.constrainedMemory?.() ?? 0; // of a container; 0, or more than the machine has, when there is no limit
  const total = os.totalmem();
  return Math.min(2 ** 30, (allowed > 0 && allowed < total ? allowed : total) / 8);
}

/** Images of at least this size (22 megapixels) are freed at once. */
const largeBytes = 64 * 2 ** 20;

/** Time between two checks for free memory; decoding such an image takes ten times as long. */
const waitMs = 5;

export class DecodeBudget {
  readonly #taken: Int32Array;
  readonly #own: Int32Array;

  /** `memory` of another thread's budget is shared with it. */
  constructor(
    readonly limitBytes: number = defaultBudgetBytes(),
    readonly memory: BudgetMemory = new SharedArrayBuffer(4),
    /** The share of this thread. */
    readonly own: BudgetMemory = new SharedArrayBuffer(4),
  ) {
    this.#taken = new Int32Array(memory);
    this.#own = new Int32Array(own);
  }

  /** Returns the bytes that all threads use. */
  get takenBytes(): number {
    return Atomics.load(this.#taken, 0) * unit;
  }

  /** Waits until `bytes` of memory are free, calls `work`, and releases the memory afterwards. */
  async within<T>(bytes: number, work: () => Promise<T> | T): Promise<T> {
    const limit = Math.ceil(this.limitBytes / unit);
    const wanted = Math.min(limit, Math.ceil(bytes / unit));
    const isLarge = bytes >= largeBytes;
    while (!this.#take(wanted, limit)) await setTimeout(waitMs);
    try {
      if (isLarge) await collectGarbage(); // what others returned and their callers are done with
      return await work();
    } finally {
      if (isLarge) await collectGarbage();
      this.#give(wanted);
    }
  }

  /** Releases the memory of a thread that was ended; `own` is the counter of its budget. */
  release(own: BudgetMemory): void {
    Atomics.sub(this.#taken, 0, Atomics.exchange(new Int32Array(own), 0, 0));
  }

  #take(wanted: number, limit: number): boolean {
    const before = Atomics.load(this.#taken, 0);
    if (before + wanted > limit) return false;
    if (Atomics.compareExchange(this.#taken, 0, before, before + wanted) !== before) return this.#take(wanted, limit);
    Atomics.add(this.#own, 0, wanted);
    return true;
  }

  #give(wanted: number): void {
    Atomics.sub(this.#own, 0, wanted);
    Atomics.sub(this.#taken, 0, wanted);
  }
}

let shared = new DecodeBudget();

/** The budget of this thread. */
export const decodeBudget = (): DecodeBudget => shared;

/** Makes this thread share the budget of the thread that it decodes for. */
export function joinBudget(limitBytes: number, memory: BudgetMemory, own: BudgetMemory): void {
  shared = new DecodeBudget(limitBytes, memory, own);
}
