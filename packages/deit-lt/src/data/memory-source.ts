/**
 * Images in memory as a pixel source: cut, resized and flipped one by one on a CPU, by tensor operations on another device
 * that trains, or copied when nothing is resized.
 */
import * as torch from '@deit-lt/torch';
import type { Sent, Upload } from '../upload.js';
import type { MemoryImages } from './dataset.js';
import type { Filter, Window } from './decode/window.js';
import type { Cut, PixelSource } from './pixel-source.js';
import { planResample } from './resample/resample-batch.js';
import { tapsOfWindow } from './resample/resample-image.js';
import { reflectIndex } from './resample/resample-taps.js';
import { resampleFast } from './resample/resample-wasm.js';

export class MemorySource implements PixelSource {
  readonly length: number;
  readonly #images: MemoryImages;
  /** All images on a device, uint8 `[N, H, W, 3]`; null where they do not fit. */
  readonly #onDevice = new Map<string, torch.Tensor | null>();

  constructor(images: MemoryImages) {
    this.#images = images;
    this.length = images.length;
  }

  sizeOf(_id: number): { width: number; height: number } {
    return { width: this.#images.width, height: this.#images.height };
  }

  async read(ids: Int32Array, windows: readonly Window[], size: number, filter: Filter): Promise<torch.Tensor> {
    if (windows.every((window) => isCopy(window, size))) return copyWindows(this.#images, ids, windows, size);
    using bytes = resampleEach(this.#images, ids, windows, size, filter);
    return bytes.to('float32');
  }

  async readBytes(ids: Int32Array, cuts: readonly Cut[]): Promise<torch.Tensor[]> {
    return cuts.map(({ windows, size, filter }) => resampleEach(this.#images, ids, windows, size, filter));
  }

  /** On other devices than the CPU, where the images take at most a quarter of the free memory. */
  keepsOn(device: string): boolean {
    if (device === 'cpu') return false;
    if (!this.#onDevice.has(device))
      this.#onDevice.set(device, fits(this.#images.pixels.length, device) ? this.#allOn(device) : null);
    return this.#onDevice.get(device) !== null;
  }

  planRead(ids: Int32Array, { windows, size, filter }: Cut, upload: Upload): Sent {
    const all = this.#onDevice.get(upload.device) ?? this.#allOn(upload.device);
    const { width, height } = this.#images;
    if (windows.every((window) => isCopy(window, size)))
      return planCopy(all, ids, { windows, size, width, height }, upload);
    const index = upload.indices(ids);
    const resample = planResample(windows, { width, height, size, filter }, upload);
    return () => torch.tidy(() => resample(all.indexSelect(0, index())));
  }

  #allOn(device: string): torch.Tensor {
    const { length, height, width, pixels } = this.#images;
    return torch.keep(torch.tidy(() => torch.tensor(pixels, { shape: [length, height, width, 3] }).to(device)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const images of this.#onDevice.values()) images?.dispose();
    this.#onDevice.clear();
  }
}

/** Largest share of a device's free memory that images are kept in. */
const keptShare = 1 / 4;
/** Taken for the free memory of a device that does not say it. */
const assumedFree = 2 ** 32;

function fits(bytes: number, device: string): boolean {
  let free = assumedFree;
  try {
    free = torch.cuda.properties(device).freeBytes;
  } catch {
    // some other device, or a libtorch that cannot say what its card has
  }
  return bytes <= keptShare * free;
}

interface CopyOptions {
  readonly windows: readonly Window[];
  readonly size: number;
  readonly width: number;
  readonly height: number;
}

/** Plans to copy windows of the output's size out of `all` `[N, H, W, 3]`: float32 `[B, 3, size, size]`, channels last. */
function planCopy(
  all: torch.Tensor,
  ids: Int32Array,
  { windows, size, width, height }: CopyOptions,
  upload: Upload,
): Sent {
  const shape = [ids.length, size];
  const axis = (place: (window: Window, i: number) => number): Sent =>
    upload.numbers(Int32Array.from(windows.flatMap((window) => axisOf(size, (i) => place(window, i)))), shape);
  const index = upload.indices(ids);
  const rows = axis((window, i) => sourcePlace(window.y + (window.flipVertical ? size - 1 - i : i), height, window));
  const columns = axis((window, i) => sourcePlace(window.x + (window.flip ? size - 1 - i : i), width, window));
  return () =>
    torch.tidy(() => {
      const [y, x] = [rows().unsqueeze(2), columns().unsqueeze(1)]; // (B, size, 1), (B, 1, size)
      const inside = y.ge(0).logicalAnd(x.ge(0)).unsqueeze(3); // (B, size, size, 1)
      const lines = index().view(-1, 1, 1).mul(height).add(y.clampMin(0)); // in all images
      const places = lines.mul(width).add(x.clampMin(0)); // (B, size, size)
      const pixels = all.view(-1, 3).indexSelect(0, places.view(-1)).view(ids.length, size, size, 3);
      return pixels.to('float32').mul_(inside).permute(0, 3, 1, 2);
    });
}

const axisOf = (size: number, place: (i: number) => number): number[] =>
  Array.from({ length: size }, (_, i) => place(i));

/** The pixel of a line of `length` that shows at `place`; −1: none, it is black. */
function sourcePlace(place: number, length: number, { reflect = false }: Window): number {
  if (reflect) return reflectIndex(place, length);
  return place >= 0 && place < length ? place : -1;
}

/** True when the output pixels are the window's pixels themselves. */
function isCopy({ x, y, width, height }: Window, size: number): boolean {
  return width === size && height === size && Number.isInteger(x) && Number.isInteger(y);
}

/** Windows of the output's size: `[B, 3, size, size]`, channels-last. */
function copyWindows(images: MemoryImages, ids: Int32Array, windows: readonly Window[], size: number): torch.Tensor {
  const result = new Float32Array(ids.length * size * size * 3);
  windows.forEach((window, b) => {
    const target = result.subarray(b * size * size * 3, (b + 1) * size * size * 3);
    const copy = window.reflect ? copyReflected : window.flip ? copyMirrored : copyRows;
    copy(images, ids[b]!, window, target);
  });
  return torch.tidy(() => torch.fromTypedArray(result, [ids.length, size, size, 3]).permute([0, 3, 1, 2]));
}

/** The rows of `window` that lie in the image, each with its place in the target, in pixels. */
function* rowsInside(
  { width, height }: MemoryImages,
  id: number,
  window: Window,
): Generator<{ from: number; columns: number; row: number; skip: number }> {
  const left = Math.max(0, window.x);
  const columns = Math.min(width, window.x + window.width) - left;
  if (columns <= 0) return;
  for (let y = Math.max(0, window.y); y < Math.min(height, window.y + window.height); y++)
    yield { from: (id * height + y) * width + left, columns, row: targetRow(window, y), skip: left - window.x };
}

/** The row of the output that shows row `y` of the source. */
function targetRow(window: Window, y: number): number {
  return window.flipVertical ? window.y + window.height - 1 - y : y - window.y;
}

function copyRows(images: MemoryImages, id: number, window: Window, target: Float32Array): void {
  for (const { from, columns, row, skip } of rowsInside(images, id, window))
    target.set(images.pixels.subarray(from * 3, (from + columns) * 3), (row * window.width + skip) * 3);
}

function copyMirrored(images: MemoryImages, id: number, window: Window, target: Float32Array): void {
  const { pixels } = images;
  for (const { from, columns, row, skip } of rowsInside(images, id, window)) {
    let out = ((row + 1) * window.width - 1 - skip) * 3;
    const end = (from + columns) * 3;
    for (let at = from * 3; at < end; at += 3, out -= 3) {
      target[out] = pixels[at]!;
      target[out + 1] = pixels[at + 1]!;
      target[out + 2] = pixels[at + 2]!;
    }
  }
}

/** Pixel by pixel, mirrored into the image where the window reaches over its edge. */
function copyReflected(
  { width, height, pixels }: MemoryImages,
  id: number,
  window: Window,
  target: Float32Array,
): void {
  const columns = Array.from({ length: window.width }, (_, i) =>
    reflectIndex(window.x + (window.flip ? window.width - 1 - i : i), width),
  );
  for (let y = window.y; y < window.y + window.height; y++) {
    const start = (id * height + reflectIndex(y, height)) * width;
    let out = targetRow(window, y) * window.width * 3;
    for (const column of columns)
      for (let at = (start + column) * 3, end = at + 3; at < end; at++) target[out++] = pixels[at]!;
  }
}

/** Image after image, as bytes: several times as fast on a CPU as the matrix products that other devices are given. */
function resampleEach(
  { width, height, pixels }: MemoryImages,
  ids: Int32Array,
  windows: readonly Window[],
  size: number,
  filter: Filter,
): torch.Tensor {
  const [sourceBytes, targetBytes] = [height * width * 3, size * size * 3];
  const result = new Uint8Array(ids.length * targetBytes);
  windows.forEach((window, b) => {
    const image = { width, height, pixels: pixels.subarray(ids[b]! * sourceBytes, (ids[b]! + 1) * sourceBytes) };
    const target = result.subarray(b * targetBytes, (b + 1) * targetBytes);
    resampleFast(image, tapsOfWindow(window, image, size, filter), target);
  });
  const shape = [ids.length, size, size, 3];
  return torch.tidy(() => torch.fromTypedArray(result, shape).permute([0, 3, 1, 2]));
}
