/** Decodes images that clients sent, in threads, to the pixels that a network sees. */
import { evaluationWindow } from '../augment/evaluation-input.js';
import { badBytes, sizeOfBytes } from '../data/decode/decode.js';
import { DecodePool } from '../data/decode/decode-pool.js';
import type { Size } from '../data/decode/raw-pixels.js';
import { UserError } from '../errors.js';
import type { ModelFacts } from './network-messages.js';
import { RequestError } from './request-error.js';

/** An image that changes its size again and again while its bytes are the same. */
const mostAttempts = 3;
/** Buffers of each size that are kept. */
const keptBuffers = 256;

export class ImageDecoder implements AsyncDisposable {
  readonly #pool: DecodePool;
  readonly #free = new Map<number, Uint8Array[]>();

  constructor(
    private readonly maxPixels: number,
    pool = new DecodePool(),
  ) {
    this.#pool = pool;
  }

  /**
   * Returns `size · size · 3` bytes in shared memory, to be given back by `giveBack`. Rejects with RequestError BAD_IMAGE
   * or TOO_LARGE.
   */
  async decode(bytes: Buffer, { size, filter, background }: ModelFacts['input']): Promise<Uint8Array> {
    let image = await measured(bytes);
    const target = this.#take(size * size * 3);
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      this.#requireFewPixels(image);
      const window = evaluationWindow(image.width, image.height, size);
      const cuts = [{ window, size, filter, target }];
      const found = await this.#pool.decode({ bytes, ...image, background, cuts }).catch((error) => {
        throw refused(error);
      });
      if (found === undefined) return target;
      image = found;
    }
    throw new RequestError(422, 'BAD_IMAGE', 'The image is damaged: its header and its pixels differ in size.');
  }

  #requireFewPixels({ width, height }: Size): void {
    if (width * height <= this.maxPixels) return;
    throw new RequestError(
      413,
      'TOO_LARGE',
      `The image has ${width} × ${height} pixels; at most ${this.maxPixels} pixels are decoded (--max-pixels). Send a smaller one.`,
    );
  }

  #take(bytes: number): Uint8Array {
    return this.#free.get(bytes)?.pop() ?? new Uint8Array(new SharedArrayBuffer(bytes));
  }

  /** Takes pixels that nobody reads any more, for another image. */
  giveBack(pixels: Uint8Array): void {
    const free = this.#free.get(pixels.length) ?? [];
    this.#free.set(pixels.length, free);
    if (free.length < keptBuffers) free.push(pixels);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]();
  }
}

/** The size by the header, which is read here: only the pixels take long. */
async function measured(bytes: Buffer): Promise<Size> {
  try {
    return await sizeOfBytes(bytes);
  } catch (cause) {
    throw refused(badBytes(cause));
  }
}

function refused(error: unknown): unknown {
  if (!(error instanceof UserError) || error.code !== 'DATA_BAD_FILES') return error;
  const { message } = error;
  return new RequestError(422, 'BAD_IMAGE', `${message[0]!.toUpperCase()}${message.slice(1)}.`, { cause: error });
}
