/** Hands out batches of images as tensors: the one place where pixels become tensors. */
import type * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import type { Sent, Upload } from '../upload.js';
import type { Filter, Window } from './decode/window.js';

/** A window of each image of a batch, and what becomes of them. */
export interface Cut {
  readonly windows: readonly Window[];
  readonly size: number;
  readonly filter: Filter;
}

/**
 * Images have other sizes than `sizeOf` gave when their windows were chosen: their files were changed meanwhile. It gives the
 * right ones now.
 */
export class StaleSizes extends UserError {
  constructor(file: string) {
    super('DATA_BAD_FILES', `${file} was changed while it was read: its size in pixels is different now. Try again.`);
  }
}

export interface PixelSource extends AsyncDisposable {
  readonly length: number;
  /** Number of batches to read ahead while the network computes. Default 0. */
  readonly prefetch?: number;
  /** Finds out the sizes of the images `ids`; a source that has it needs it before `sizeOf`. */
  measure?(ids: Int32Array): Promise<void>;
  /** Width and height in pixels of image `id`. */
  sizeOf(id: number): { width: number; height: number };
  /**
   * The windows of the images `ids`, resized to `size` × `size`: float32 `[B, 3, size, size]`, values 0…255 rounded
   * to whole levels as PIL does, in channels-last memory format. Parts beyond the image's edge are black. Rejects with
   * `StaleSizes` when the sizes have changed.
   */
  read(ids: Int32Array, windows: readonly Window[], size: number, filter: Filter): Promise<torch.Tensor>;
  /** Whether `planRead` works on `device`: the source keeps its images there, from the first call on. Default false. */
  keepsOn?(device: string): boolean;
  /**
   * Plans to cut on the device of `upload`, where the source keeps its images: numbers go into `upload`, and the function
   * that is returned gives what `read` gives, on that device.
   */
  planRead?(ids: Int32Array, cut: Cut, upload: Upload): Sent;
  /** As `readAll`, in uint8: to be sent to another device. */
  readBytes?(ids: Int32Array, cuts: readonly Cut[]): Promise<torch.Tensor[]>;
  /** Several windows of the same images, each as `read` gives it; for sources where that costs less than reading each. */
  readAll?(ids: Int32Array, cuts: readonly Cut[]): Promise<torch.Tensor[]>;
}
