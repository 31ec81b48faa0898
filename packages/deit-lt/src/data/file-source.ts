/**
 * Image files as a pixel source: threads decode them with sharp (libvips) and cut and resize the windows as Pillow
 * does. sharp's own resize is not used for that: it extends the edge where Pillow narrows the filter, and it enlarges by
 * another method.
 */
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import { defaultCacheDir } from './cache/cache-folder.js';
import { makeRoom, noRoom } from './cache/copies-room.js';
import type { FileImages } from './dataset.js';
import { type Rgb, white } from './decode/background.js';
import type { Copies, CopyKind } from './decode/copied-windows.js';
import { DecodePool } from './decode/decode-pool.js';
import type { Size } from './decode/raw-pixels.js';
import { factorOf, type ShrunkCut } from './decode/shrink.js';
import type { Filter, Window } from './decode/window.js';
import type { FilePaths } from './file-paths.js';
import { type Cut, type PixelSource, StaleSizes } from './pixel-source.js';

export interface FileSourceOptions {
  /** Threads that decode. Default: as many as the machine has cores, at most 16. */
  threads?: number;
  /** Keeps copies of large images, for a training, which reads each image many times. Default: none. */
  copies?: CopiesOptions;
}

export interface CopiesOptions {
  readonly kind: CopyKind;
  /** Gets one line when the first large image is read. */
  readonly note?: ((line: string) => void) | undefined;
}

export class FileSource implements PixelSource {
  readonly length: number;
  /** While the network works on one batch, the next two are decoded. */
  readonly prefetch = 2;
  /** Background of transparent images. */
  background: Rgb;
  readonly #images: FileImages;
  readonly #pool: DecodePool;
  readonly #memory = new SharedMemory();
  readonly #copies: CopiesOfImages | undefined;
  /** Width and height of each image, 0 while not known. */
  readonly #sizes: Int32Array;

  constructor(images: FileImages, options: FileSourceOptions = {}) {
    this.#images = images;
    this.background = images.background ?? white;
    this.length = images.length;
    this.#pool = new DecodePool(options);
    this.#copies = options.copies && new CopiesOfImages(images.paths, options.copies);
    this.#sizes = images.sizes ?? new Int32Array(2 * images.length);
  }

  /** Reads the headers of the files `ids` whose size is not known yet. Throws `UserError` for unreadable ones. */
  async measure(ids: Int32Array): Promise<void> {
    const unknown = [...new Set(ids)].filter((id) => this.#sizes[2 * id] === 0);
    const parts = Array.from({ length: Math.ceil(unknown.length / measuredTogether) }, (_, part) =>
      unknown.slice(part * measuredTogether, (part + 1) * measuredTogether),
    );
    await Promise.all(parts.map((part) => this.#measurePart(part)));
  }

  async #measurePart(ids: readonly number[]): Promise<void> {
    const sizes = await this.#pool.measure(ids.map((id) => this.#images.paths.get(id)));
    for (const [i, id] of ids.entries()) this.#sizes.set(sizes.subarray(2 * i, 2 * i + 2), 2 * id);
  }

  sizeOf(id: number): { width: number; height: number } {
    const width = this.#sizes[2 * id]!;
    if (width === 0) throw new Error(`internal: the size of ${this.#images.nameOf(id)} was not measured`);
    return { width, height: this.#sizes[2 * id + 1]! };
  }

  async read(ids: Int32Array, windows: readonly Window[], size: number, filter: Filter): Promise<torch.Tensor> {
    const [images] = await this.readAll(ids, [{ windows, size, filter }]);
    return images!;
  }

  async readAll(ids: Int32Array, cuts: readonly Cut[]): Promise<torch.Tensor[]> {
    return (await this.readBytes(ids, cuts)).map(toFloat);
  }

  async readBytes(ids: Int32Array, cuts: readonly Cut[]): Promise<torch.Tensor[]> {
    const batches = cuts.map(({ size }) => this.#memory.take(ids.length * bytesOf(size)));
    const stale = await Promise.all(Array.from(ids, (id, i) => this.#readImage(id, i, cuts, batches)));
    const changed = stale.indexOf(true);
    if (changed >= 0) throw new StaleSizes(this.#images.nameOf(ids[changed]!));
    const images = cuts.map(({ size }, cut) => toImages(batches[cut]!, size));
    for (const batch of batches) this.#memory.giveBack(batch); // not after an error: threads may still write to it
    return images;
  }

  /** Puts the windows of image `id` into the batches, as their image number `place`; true when its size was another. */
  async #readImage(id: number, place: number, cuts: readonly Cut[], batches: readonly Uint8Array[]): Promise<boolean> {
    const own = cuts.map(({ windows, size, filter }, cut) => {
      const target = batches[cut]!.subarray(place * bytesOf(size), (place + 1) * bytesOf(size));
      return { window: windows[place]!, size, filter, target };
    });
    const { background } = this;
    const file = this.#images.paths.get(id);
    const size = this.sizeOf(id);
    const copies = await this.#copies?.forImage(size, own);
    const found = await this.#pool.decode({ path: file, ...size, background, cuts: own, ...(copies && { copies }) });
    if (found !== undefined) this.#sizes.set([found.width, found.height], 2 * id);
    return found !== undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]();
  }
}

/** The copies of a source's images: their place is settled when the first large image is read. */
class CopiesOfImages {
  readonly #folder = path.join(defaultCacheDir(), 'copies');
  #settled: Promise<Copies> | undefined;

  constructor(
    private readonly paths: FilePaths,
    private readonly options: CopiesOptions,
  ) {}

  /** Undefined for an image that is not large. */
  async forImage(size: Size, cuts: readonly ShrunkCut[]): Promise<Copies | undefined> {
    if (factorOf(size, cuts) === 1) return undefined;
    this.#settled ??= this.#settle();
    return this.#settled;
  }

  async #settle(): Promise<Copies> {
    const [folder, room] = [this.#folder, noRoom()];
    const folders = new Set(Array.from({ length: this.paths.length }, (_, i) => path.dirname(this.paths.get(i))));
    await makeRoom(folder, folders, room).catch(() => {}); // without room nothing is kept, and the pixels are the same
    const gibibytes = new Int32Array(room)[0]! / 2 ** 20;
    if (gibibytes > 0)
      this.options.note?.(
        `large images: small copies are kept in ${folder} (up to ${gibibytes.toFixed(1)} GiB more), so that later epochs do not decode the files again`,
      );
    return { kind: this.options.kind, folder, room };
  }
}

/** Files that a thread measures before it turns to other work. */
const measuredTogether = 32;

/** Bytes of one image. */
const bytesOf = (size: number): number => size * size * 3;

/** Pixels row by row → uint8 `[B, 3, size, size]` in channels-last memory format. */
export function toImages(pixels: Uint8Array, size: number): torch.Tensor {
  const shape = [pixels.length / bytesOf(size), size, size, 3];
  return torch.tidy(() => torch.tensor(pixels, { shape }).permute([0, 3, 1, 2]));
}

/** uint8 → float32; releases the bytes. */
export function toFloat(bytes: torch.Tensor): torch.Tensor {
  using images = bytes;
  return images.to('float32');
}

/** Memory that threads share, used again for the next batch of the same size: fresh memory costs more than filling it. */
class SharedMemory {
  readonly #free: Uint8Array[] = [];

  take(bytes: number): Uint8Array {
    const place = this.#free.findIndex(({ length }) => length === bytes);
    return this.#free.splice(place, place < 0 ? 0 : 1)[0] ?? new Uint8Array(new SharedArrayBuffer(bytes));
  }

  giveBack(memory: Uint8Array): void {
    this.#free.push(memory);
    if (this.#free.length > keptBatches) this.#free.shift();
  }
}

/** Enough for the batches that are read ahead, with several views. */
const keptBatches = 16;
