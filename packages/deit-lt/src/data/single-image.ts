/** One image, in a file or in memory, as a pixel source: decoded, cut and resized by the same steps as a batch of files. */
import type * as torch from '@deit-lt/torch';
import type { UserError } from '../errors.js';
import type { Rgb } from './decode/background.js';
import { badBytes, badFile, readImageFile, sizeOfBytes } from './decode/decode.js';
import { cutWindows } from './decode/decode-window.js';
import type { Size } from './decode/raw-pixels.js';
import type { Filter, Window } from './decode/window.js';
import { toFloat, toImages } from './file-source.js';
import { type PixelSource, StaleSizes } from './pixel-source.js';

export class SingleImage implements PixelSource {
  readonly length = 1;

  private constructor(
    private readonly name: string,
    private readonly bytes: Buffer,
    private readonly size: Size,
    private readonly background: Rgb,
  ) {}

  /**
   * `image` is a path or a file's bytes, `background` what it is composed on where it is transparent. Rejects with UserError
   * DATA_BAD_FILES.
   */
  static async open(image: string | Uint8Array, background: Rgb): Promise<SingleImage> {
    const name = typeof image === 'string' ? image : 'the image';
    try {
      const bytes = await bytesOf(image);
      return new SingleImage(name, bytes, await sizeOfBytes(bytes), background);
    } catch (cause) {
      throw await unreadable(image, cause);
    }
  }

  sizeOf(_id: number): Size {
    return this.size;
  }

  async read(ids: Int32Array, windows: readonly Window[], size: number, filter: Filter): Promise<torch.Tensor> {
    const pixels = new Uint8Array(ids.length * size * size * 3);
    const cuts = windows.map((window, i) => {
      const target = pixels.subarray(i * size * size * 3, (i + 1) * size * size * 3);
      return { window, size, filter, target };
    });
    const { name, bytes, background } = this;
    const found = await cutWindows(bytes, { ...this.size, background }, cuts).catch(async (cause) => {
      throw await unreadable(name === 'the image' ? bytes : name, cause);
    });
    if (found !== undefined) throw new StaleSizes(name); // the caller's bytes, which it has changed
    return toFloat(toImages(pixels, size));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

async function bytesOf(image: string | Uint8Array): Promise<Buffer> {
  return typeof image === 'string'
    ? readImageFile(image)
    : Buffer.from(image.buffer, image.byteOffset, image.byteLength);
}

async function unreadable(image: string | Uint8Array, cause: unknown): Promise<UserError> {
  return typeof image === 'string' ? badFile(image, cause) : badBytes(cause);
}
