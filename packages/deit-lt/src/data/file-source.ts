/**
 * Image files as a pixel source: threads decode them with sharp (libvips) and cut and resize the windows as Pillow
 * does. sharp's own resize is not used for that: it extends the edge where Pillow narrows the filter, and it enlarges by
 * another method.
 */
import * as torch from '@deit-lt/torch';
import type { FileImages } from './dataset.js';
import { imageSize } from './decode.js';
import { DecodePool } from './decode-pool.js';
import type { PixelSource } from './pixel-source.js';
import type { Filter, Window } from './window.js';

export interface FileSourceOptions {
  /** Threads that decode. Default: as many as the machine has cores, at most 16. */
  threads?: number;
}

export class FileSource implements PixelSource {
  readonly length: number;
  /** While the network works on one batch, the next two are decoded. */
  readonly prefetch = 2;
  readonly #images: FileImages;
  readonly #pool: DecodePool;
  /** Width and height of each image, 0 while not known. */
  readonly #sizes: Int32Array;

  constructor(images: FileImages, options: FileSourceOptions = {}) {
    this.#images = images;
    this.length = images.length;
    this.#pool = new DecodePool(options);
    this.#sizes = new Int32Array(2 * images.length);
  }

  /** Reads the headers of the files `ids` whose size is not known yet. Throws `UserError` for unreadable ones. */
  async measure(ids: Int32Array): Promise<void> {
    const unknown = [...new Set(ids)].filter((id) => this.#sizes[2 * id] === 0);
    await Promise.all(
      unknown.map(async (id) => {
        const { width, height } = await imageSize(this.#images.paths[id]!);
        this.#sizes.set([width, height], 2 * id);
      }),
    );
  }

  sizeOf(id: number): { width: number; height: number } {
    const width = this.#sizes[2 * id]!;
    if (width === 0) throw new Error(`internal: the size of ${this.#images.nameOf(id)} was not measured`);
    return { width, height: this.#sizes[2 * id + 1]! };
  }

  async read(ids: Int32Array, windows: readonly Window[], size: number, filter: Filter): Promise<torch.Tensor> {
    const bytes = size * size * 3;
    const batch = new Uint8Array(ids.length * bytes);
    await Promise.all(
      windows.map(async (window, i) => {
        const path = this.#images.paths[ids[i]!]!;
        batch.set(await this.#pool.decode({ path, ...this.sizeOf(ids[i]!), window, size, filter }), i * bytes);
      }),
    );
    return torch.tidy(() =>
      torch.fromTypedArray(batch, [ids.length, size, size, 3]).permute([0, 3, 1, 2]).to('float32'),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]();
  }
}
