/** The page's side of the worker: what the model says of an image, as a promise. */
import type { PageModel } from 'deit-lt/browser';
import type { Answer, Question, Seen } from './messages.js';

/** The progress of loading the model. */
export type ModelState =
  | { readonly status: 'loading'; readonly loaded: number; readonly total: number }
  | { readonly status: 'ready'; readonly about: PageModel }
  | { readonly status: 'failed'; readonly reason: string };

export class ModelClient {
  readonly #worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  readonly #waiting = new Map<number, PromiseWithResolvers<Seen>>();
  readonly #onState: (state: ModelState) => void;
  #next = 0;

  constructor(onState: (state: ModelState) => void) {
    this.#onState = onState;
    this.#worker.onmessage = ({ data }: MessageEvent<Answer>) => this.#receive(data);
    this.#worker.onerror = () =>
      onState({ status: 'failed', reason: 'This browser could not start the part of the page that runs the model.' });
    this.#ask({ kind: 'load', from: document.baseURI });
  }

  /** Rejects with the rest of a sentence that begins with the image's name. */
  look(image: Blob | ImageBitmap): Promise<Seen> {
    const id = this.#next++;
    const answer = withResolvers<Seen>();
    this.#waiting.set(id, answer);
    this.#ask({ kind: 'look', id, image }, image instanceof ImageBitmap ? [image] : []);
    return answer.promise;
  }

  #ask(question: Question, transfer: Transferable[] = []): void {
    this.#worker.postMessage(question, transfer);
  }

  #receive(answer: Answer): void {
    if (answer.kind === 'loading') this.#onState({ status: 'loading', loaded: answer.loaded, total: answer.total });
    if (answer.kind === 'ready') this.#onState({ status: 'ready', about: answer.about });
    if (answer.kind === 'failed') this.#onState({ status: 'failed', reason: answer.reason });
    if (answer.kind === 'seen') this.#take(answer.id).resolve(answer.seen);
    if (answer.kind === 'unreadable') this.#take(answer.id).reject(new Error(answer.reason));
  }

  #take(id: number): PromiseWithResolvers<Seen> {
    const answer = this.#waiting.get(id)!;
    this.#waiting.delete(id);
    return answer;
  }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** `Promise.withResolvers`, which browsers of 2023 have not. */
function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolvers: Omit<PromiseWithResolvers<T>, 'promise'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    resolvers = { resolve, reject };
  });
  return { promise, ...resolvers! };
}
