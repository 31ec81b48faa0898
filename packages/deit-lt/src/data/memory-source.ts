/**
 * Images in memory as a pixel source: cut, resized and flipped one by one on a CPU, by tensor operations on another device
 * that trains, or copied when nothing is resized.
 */
import * as torch from '@deit-lt/torch';
import type { MemoryImages } from './dataset.js';
import type { Filter, Window } from './decode/window.js';
import type { PixelSource } from './pixel-source.js';
import { resampleBatch } from './resample/resample-batch.js';
import { tapsOfWindow } from './resample/resample-image.js';
import { reflectIndex } from './resample/resample-taps.js';
import { resampleFast } from './resample/resample-wasm.js';

export interface MemorySourceOptions {
  /** Device of the batches. Default `cpu`. Another device holds a copy of all images, one byte per value. */
  device?: string;
}

export class MemorySource implements PixelSource {
  readonly length: number;
  readonly #images: MemoryImages;
  /** All images `[N, H, W, 3]`, uint8, when the device is not the CPU. */
  readonly #onDevice: torch.Tensor | undefined;

  constructor(images: MemoryImages, { device = 'cpu' }: MemorySourceOptions = {}) {
    this.#images = images;
    this.length = images.length;
    if (device !== 'cpu') this.#onDevice = torch.keep(upload(images, device));
  }

  sizeOf(_id: number): { width: number; height: number } {
    return { width: this.#images.width, height: this.#images.height };
  }

  async read(ids: Int32Array, windows: readonly Window[], size: number, filter: Filter): Promise<torch.Tensor> {
    if (this.#onDevice !== undefined) return resampleOnDevice(this.#onDevice, ids, windows, size, filter);
    if (windows.every((window) => isCopy(window, size))) return copyWindows(this.#images, ids, windows, size);
    return resampleEach(this.#images, ids, windows, size, filter);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#onDevice?.dispose();
  }
}

function upload({ length, height, width, pixels }: MemoryImages, device: string): torch.Tensor {
  return torch.tidy(() => torch.fromTypedArray(pixels, [length, height, width, 3]).to(device));
}

function resampleOnDevice(
  all: torch.Tensor,
  ids: Int32Array,
  windows: readonly Window[],
  size: number,
  filter: Filter,
): torch.Tensor {
  return torch.tidy(() => {
    const chosen = all.indexSelect(0, torch.fromTypedArray(ids).to(all.device));
    return resampleBatch(chosen.permute([0, 1, 3, 2]).to('float32').contiguous(), windows, size, filter);
  });
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

/** Image after image in bytes: several times as fast on a CPU as the matrix products that other devices are given. */
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
  return torch.tidy(() => torch.fromTypedArray(result, shape).permute([0, 3, 1, 2]).to('float32'));
}
