/** Threads that decode image files and cut windows out of them, so that the thread which trains does not wait. */
import os from 'node:os';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, UserError } from '../../errors.js';
import type { ExaminedFiles, FilesToExamine } from '../index/examine.js';
import { type BudgetMemory, decodeBudget } from './budget.js';
import type { BytesWindows, FileWindows } from './decode-window.js';
import type { Size } from './raw-pixels.js';

/** Files whose sizes are wanted. */
export interface FileHeaders {
  readonly paths: readonly string[];
}

type Work = FileWindows | BytesWindows | FileHeaders | FilesToExamine;

/**
 * The result of a thread: sizes for `FileHeaders`, facts for `FilesToExamine`; for windows nothing, or the size that the
 * image has.
 */
export type DecodeResult = Int32Array | ExaminedFiles | Size | undefined;

/** Work for a thread. */
export type DecodeTask = Work & { readonly id: number };

export type DecodeAnswer =
  | { readonly id: number; readonly result: DecodeResult }
  | { readonly id: number; readonly error: { code: ErrorCode | undefined; message: string } };

/** The start data of a thread: its share of the memory for decoding. */
export interface DecodeWorkerData {
  readonly limitBytes: number;
  readonly memory: BudgetMemory;
  readonly own: BudgetMemory;
}

interface Waiting {
  resolve: (result: DecodeResult) => void;
  reject: (error: Error) => void;
}

interface Thread {
  worker: Worker;
  waiting: Map<number, Waiting>;
  /** Its share of the memory for decoding. */
  own: BudgetMemory;
}

/** Tasks that a thread holds at once: one computes while libvips decodes the other. */
const tasksPerThread = 2;

export interface DecodePoolOptions {
  /** Default: as many as the machine has cores, at most 16. */
  threads?: number;
}

export class DecodePool implements AsyncDisposable {
  /** The most threads that it starts. */
  readonly threads: number;
  readonly #threads: Thread[] = [];
  readonly #queue: (Waiting & { task: DecodeTask })[] = [];
  #nextId = 0;
  #closed = false;

  constructor({ threads = Math.min(16, os.availableParallelism()) }: DecodePoolOptions = {}) {
    this.threads = threads;
  }

  /**
   * Fills the targets of the windows, which lie in shared memory; as `decodeWindows`, it returns the size of an image that
   * is not of the given one. Rejects with a `UserError` when the image cannot be decoded.
   */
  async decode(windows: FileWindows | BytesWindows): Promise<Size | undefined> {
    const result = await this.#do(windows);
    if (result === undefined || 'width' in result) return result;
    throw new Error('internal: the decoding threads cut no windows');
  }

  /** Width and height of each file, one after the other. Rejects with a `UserError` for files that cannot be read. */
  async measure(paths: readonly string[]): Promise<Int32Array> {
    const sizes = await this.#do({ paths });
    if (!(sizes instanceof Int32Array)) throw new Error('internal: the decoding threads measured nothing');
    return sizes;
  }

  /** Checks whether files are images that can be read, as `examineFiles` does. */
  async examine(files: FilesToExamine): Promise<ExaminedFiles> {
    const examined = await this.#do(files);
    if (examined === undefined || !('states' in examined))
      throw new Error('internal: the decoding threads examined nothing');
    return examined;
  }

  #do(task: Work): Promise<DecodeResult> {
    if (this.#closed) return Promise.reject(new Error('internal: the decoding threads are closed'));
    return new Promise((resolve, reject) => {
      const place = 'paths' in task ? 0 : this.#queue.length; // a batch that is measured late starts late
      this.#queue.splice(place, 0, { task: { ...task, id: this.#nextId++ }, resolve, reject });
      this.#deal();
    });
  }

  /** Ends the threads and rejects the tasks that wait. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const error = new Error('the decoding threads were closed');
    for (const { reject } of this.#queue.splice(0)) reject(error);
    await Promise.all(this.#threads.splice(0).map((thread) => this.#end(thread, error)));
  }

  /** Gives waiting tasks to the threads, the least busy first. */
  #deal(): void {
    while (this.#queue.length > 0) {
      const thread = this.#freeThread();
      if (thread === undefined) return;
      const { task, resolve, reject } = this.#queue.shift()!;
      thread.waiting.set(task.id, { resolve, reject });
      if (thread.waiting.size === 1) thread.worker.ref(); // work under way keeps the process alive
      thread.worker.postMessage(task);
    }
  }

  #freeThread(): Thread | undefined {
    const least = this.#threads.reduce<Thread | undefined>(
      (best, thread) => (best === undefined || thread.waiting.size < best.waiting.size ? thread : best),
      undefined,
    );
    if (least?.waiting.size === 0) return least;
    if (this.#threads.length < this.threads) return this.#start();
    return least !== undefined && least.waiting.size < tasksPerThread ? least : undefined;
  }

  #start(): Thread {
    const { limitBytes, memory } = decodeBudget();
    const own: BudgetMemory = new SharedArrayBuffer(4);
    const workerData: DecodeWorkerData = { limitBytes, memory, own };
    const thread: Thread = {
      worker: new Worker(new URL('./decode-worker.js', import.meta.url), { workerData }),
      waiting: new Map(),
      own,
    };
    thread.worker.unref();
    thread.worker.on('message', (answer: DecodeAnswer) => this.#finish(thread, answer));
    thread.worker.on('error', (error: Error) => void this.#end(thread, error));
    this.#threads.push(thread);
    return thread;
  }

  #finish(thread: Thread, answer: DecodeAnswer): void {
    const waiting = thread.waiting.get(answer.id);
    if (waiting === undefined) return; // the thread is being ended: without its reference the process would not wait for that
    thread.waiting.delete(answer.id);
    if (thread.waiting.size === 0) thread.worker.unref();
    if ('error' in answer) waiting.reject(revive(answer.error));
    else waiting.resolve(answer.result);
    this.#deal();
  }

  /** Removes a thread; its tasks fail with `error`. */
  async #end(thread: Thread, error: Error): Promise<void> {
    const place = this.#threads.indexOf(thread);
    if (place >= 0) this.#threads.splice(place, 1);
    for (const { reject } of thread.waiting.values()) reject(error);
    thread.waiting.clear();
    await thread.worker.terminate();
    decodeBudget().release(thread.own);
    if (!this.#closed) this.#deal();
  }
}

function revive({ code, message }: { code: ErrorCode | undefined; message: string }): Error {
  return code === undefined ? new Error(message) : new UserError(code, message);
}
