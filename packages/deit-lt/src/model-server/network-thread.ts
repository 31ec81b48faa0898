/** Trained models in a thread of their own, so that the thread which answers clients never waits for a network. */
import { once } from 'node:events';
import { SHARE_ENV, Worker } from 'node:worker_threads';
import { UserError } from '../errors.js';
import type { Opinion } from '../evaluation/ranking.js';
import type { ModelFacts, NetworkAnswer, NetworkStart, NetworkTask, SentError } from './network-messages.js';

interface Waiting {
  resolve(opinions: readonly Opinion[]): void;
  reject(error: Error): void;
}

export class NetworkThread implements AsyncDisposable {
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  /** Rejects when the thread ends although nobody ended it. */
  readonly failed: Promise<never>;

  private constructor(
    private readonly worker: Worker,
    readonly models: readonly ModelFacts[],
  ) {
    worker.on('message', (answer: NetworkAnswer) => this.#finish(answer));
    this.failed = new Promise((_, reject) => {
      worker.on('error', (error) => this.#end(error, reject));
      worker.on('exit', (code) => this.#end(new Error(`the thread of the networks ended with code ${code}`), reject));
    });
    this.failed.catch(() => {}); // whoever awaits it gets the error
  }

  /** Opens the models. Rejects as `openAnyClassifier`, and with UserError PLUGIN. */
  static async open(start: NetworkStart): Promise<NetworkThread> {
    // OpenMP's threads wait for each other without spinning: they share the cores with the threads that decode. In a copy of the
    // environment, which a thread usually has, neither this nor what the engine sets would reach the libraries.
    if (process.env.OMP_WAIT_POLICY === undefined) process.env.GOMP_SPINCOUNT ??= '0';
    const worker = new Worker(new URL('./network-worker.js', import.meta.url), { workerData: start, env: SHARE_ENV });
    const [answer] = (await once(worker, 'message')) as [NetworkAnswer];
    if ('opened' in answer) return new NetworkThread(worker, answer.opened);
    await worker.terminate();
    if ('error' in answer) throw revived(answer.error);
    throw new Error('internal: a thread that answered before it was asked');
  }

  /**
   * Classifies the images in `pixels` with one call of the network. Rejects with UserError CHECKPOINT for logits that are
   * not finite.
   */
  classify(task: Omit<NetworkTask, 'id'>): Promise<readonly Opinion[]> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.worker.postMessage({ ...task, id } satisfies NetworkTask);
    });
  }

  #finish(answer: NetworkAnswer): void {
    if ('opened' in answer || answer.id === undefined) return;
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('error' in answer) waiting?.reject(revived(answer.error));
    else waiting?.resolve(answer.opinions);
  }

  #end(error: Error, reject: (error: Error) => void): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
    reject(error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.terminate();
  }
}

function revived({ code, message }: SentError): Error {
  return code === undefined ? new Error(message) : new UserError(code, message);
}
