/** Answers the requests of `deit-lt serve`, apart from listening: bounds, decoding, batches, errors. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Opinion } from '../evaluation/ranking.js';
import { fetchImage } from './allowed-urls.js';
import type { ClassifyAnswer, HealthAnswer, ModelsAnswer, PredictionAnswer } from './answer-schema.js';
import { Batcher } from './batcher.js';
import type { ImageDecoder } from './image-decoder.js';
import { ServerMetrics } from './metrics.js';
import type { ModelFacts, NetworkTask } from './network-messages.js';
import { type HeldBody, readBody } from './request-body.js';
import { badRequest, RequestError } from './request-error.js';
import { type RequestImage, requestImages } from './request-images.js';
import { Slots } from './slots.js';

export interface ServerLimits {
  /** Largest number of images in one call of the network. */
  readonly maxBatch: number;
  /** Images that are accepted and not answered yet. */
  readonly queue: number;
  /** Largest body of a request, and largest image of an address, in bytes. */
  readonly maxBytes: number;
  /** Hosts of addresses, as `UrlRules.hosts`; undefined: none. */
  readonly urlHosts?: readonly string[] | undefined;
}

export interface ServedModel {
  readonly name: string;
  readonly facts: ModelFacts;
}

export interface ModelServerOptions {
  readonly models: readonly ServedModel[];
  readonly decoder: Pick<ImageDecoder, 'decode' | 'giveBack'>;
  readonly network: { classify(task: Omit<NetworkTask, 'id'>): Promise<readonly Opinion[]> };
  readonly limits: ServerLimits;
  readonly version: string;
  /** Gets errors that are not the client's. */
  readonly onError?: (error: unknown) => void;
}

/** Bytes of bodies that all requests hold together, unless one may have more. */
const mostHeldBytes = 512 << 20;
const defaultTop = 5;
const longestRetrySeconds = 60;

interface Running extends ServedModel {
  readonly batcher: Batcher;
}

export class ModelServer {
  readonly metrics = new ServerMetrics();
  readonly #models: ReadonlyMap<string, Running>;
  readonly #queue: Slots;
  readonly #held: Slots;
  #stopping = false;
  #requests = 0;
  #idle: (() => void) | undefined;
  /** Seconds of an image in the last batches, as a moving mean. */
  #secondsPerImage = 0.05;

  constructor(private readonly options: ModelServerOptions) {
    const { models, limits } = options;
    this.#queue = new Slots(limits.queue);
    this.#held = new Slots(Math.max(mostHeldBytes, limits.maxBytes));
    this.#models = new Map(models.map((model, i) => [model.name, { ...model, batcher: this.#batcherOf(model, i) }]));
  }

  /** Requests that were accepted and are not answered yet. */
  get requests(): number {
    return this.#requests;
  }

  health(): HealthAnswer {
    return {
      status: this.#stopping ? 'stopping' : 'ok',
      version: this.options.version,
      models: [...this.#models.keys()],
    };
  }

  models(): ModelsAnswer {
    const models = [...this.#models.values()].map(({ name, facts: { kind, input, classNames, adaptation } }) => ({
      name,
      kind,
      imageSize: input.size,
      classes: [...classNames],
      adapted: adaptation !== undefined,
    }));
    return { models };
  }

  /** The text of `/metrics`. */
  metricsText(): string {
    const { queue } = this.options.limits;
    return this.metrics.text({
      deit_lt_queue_images: { help: 'Images that were accepted and are not answered yet.', value: this.#queue.taken },
      deit_lt_queue_limit: { help: 'Largest number of them (--queue).', value: queue },
      deit_lt_held_bytes: { help: 'Bytes of the bodies of requests in memory.', value: this.#held.taken },
      process_resident_memory_bytes: { help: 'Memory of the process.', value: process.memoryUsage.rss() },
    });
  }

  /** Refuses new requests; resolves when those that were accepted are answered. */
  stop(): Promise<void> {
    this.#stopping = true;
    if (this.#requests === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  /**
   * Classifies the images of a request. Rejects with RequestError; an image that cannot be read among others is an
   * answer with its error.
   */
  async classify(request: IncomingMessage, response: ServerResponse, url: URL): Promise<ClassifyAnswer> {
    if (this.#stopping)
      throw new RequestError(503, 'STOPPING', 'The server is stopping: send the request to another one.');
    if (!this.#queue.take(1)) throw this.#busy();
    this.#requests++;
    const since = performance.now();
    let places = 1;
    const gone = new AbortController();
    response.once('close', () => gone.abort(new Error('the client closed the connection')));
    try {
      using body = await this.#bodyOf(request, response);
      const { images, ...wanted } = requestImages(request, url, body.bytes);
      const model = this.#modelOf(wanted.model);
      const top = topOf(wanted.top);
      if (!this.#queue.take(images.length - 1)) throw this.#tooMany(images.length);
      places = images.length;
      const predictions = await Promise.all(
        images.map((image) => this.#answer(image, { model, top, signal: gone.signal })),
      );
      const refused = predictions.find((each) => each instanceof Refused);
      if (refused !== undefined && (images.length === 1 || predictions.every((each) => each instanceof Refused)))
        throw (refused as Refused).error;
      return {
        model: model.name,
        predictions: predictions.map((each) => (each instanceof Refused ? each.answer() : each)),
      };
    } finally {
      this.#queue.release(places);
      this.metrics.seconds.observe({}, (performance.now() - since) / 1000);
      this.#requests--;
      if (this.#requests === 0) this.#idle?.();
    }
  }

  #bodyOf(request: IncomingMessage, response: ServerResponse): Promise<HeldBody> {
    return readBody(request, response, {
      maxBytes: this.options.limits.maxBytes,
      held: this.#held,
      busy: () => this.#busy(),
    });
  }

  #batcherOf({ name }: ServedModel, model: number): Batcher {
    const { network, limits } = this.options;
    const classify = async (pixels: readonly Uint8Array[], top: number): Promise<readonly Opinion[]> => {
      const since = performance.now();
      const opinions = await network.classify({ model, pixels, top });
      const seconds = (performance.now() - since) / 1000 / pixels.length;
      this.#secondsPerImage += 0.2 * (seconds - this.#secondsPerImage);
      return opinions;
    };
    return new Batcher(classify, {
      maxBatch: limits.maxBatch,
      onBatch: (images) => this.metrics.batches.observe({ model: name }, images),
    });
  }

  #busy(): RequestError {
    const seconds = Math.ceil(this.#queue.taken * this.#secondsPerImage);
    const retry = String(Math.min(longestRetrySeconds, Math.max(1, seconds)));
    return new RequestError(429, 'QUEUE_FULL', `Too many images are waiting. Try again in ${retry} s.`, {
      headers: { 'Retry-After': retry },
    });
  }

  #tooMany(images: number): RequestError {
    if (images <= this.#queue.capacity) return this.#busy();
    return new RequestError(
      413,
      'TOO_LARGE',
      `A request may have at most ${this.#queue.capacity} images (--queue), got ${images}. Send several requests.`,
    );
  }

  #modelOf(name: string | undefined): Running {
    const names = [...this.#models.keys()];
    if (name === undefined && names.length > 1)
      throw badRequest(`Name the model, as ?model=NAME or as a field of the form: ${names.join(', ')}.`);
    const model = this.#models.get(name ?? names[0]!);
    if (model !== undefined) return model;
    throw new RequestError(404, 'NOT_FOUND', `There is no model "${name}"; the models are ${names.join(', ')}.`);
  }

  async #answer(
    image: RequestImage,
    { model, top, signal }: { model: Running; top: number; signal: AbortSignal },
  ): Promise<PredictionAnswer | Refused> {
    const named = image.name === undefined ? {} : { name: image.name };
    try {
      const bytes = 'bytes' in image ? image.bytes : await this.#fetch(image.url);
      signal.throwIfAborted();
      const { decoder } = this.options;
      const pixels = await decoder.decode(bytes, model.facts.input);
      try {
        const { top: ranked, cls, dist, unknown, set } = await model.batcher.add(pixels, top, signal);
        this.metrics.images.add({ model: model.name, result: unknown === true ? 'unknown' : 'classified' });
        return {
          ...named,
          top: [...ranked],
          ...(cls && { cls: [...cls] }),
          ...(dist && { dist: [...dist] }),
          ...(unknown !== undefined && { unknown }),
          ...(set && { set: [...set] }),
        };
      } finally {
        decoder.giveBack(pixels);
      }
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      this.metrics.images.add({ model: model.name, result: 'refused' });
      return new Refused(error, named);
    }
  }

  #fetch(url: string): Promise<Buffer> {
    const { urlHosts, maxBytes } = this.options.limits;
    if (urlHosts !== undefined) return fetchImage(url, { hosts: urlHosts, maxBytes });
    throw new RequestError(
      403,
      'FORBIDDEN',
      'This server does not fetch images from addresses (--allow-url would allow it).',
    );
  }
}

/** An image that could not be classified. */
class Refused {
  constructor(
    readonly error: RequestError,
    readonly named: { readonly name?: string },
  ) {}

  answer(): PredictionAnswer {
    const { code, message } = this.error;
    return { ...this.named, error: { code, message } };
  }
}

function topOf(given: string | number | undefined): number {
  const top = given === undefined || given === '' ? defaultTop : Number(given);
  if (Number.isInteger(top) && top >= 1) return top;
  throw badRequest(`top is ${given}; expected a whole number of at least 1.`);
}
