/** An image in the making: painted, lit, blurred, and at the end developed into whole levels. */
import type { RandomStream } from '../../random/stream.js';
import type { Outline } from './outlines.js';
import type { Pose } from './pose.js';
import type { Texture } from './texture.js';

/** A square of `size` pixels; channels are in levels, not rounded. Pixel centres lie at halves. */
export class Canvas {
  readonly #values: Float32Array;

  constructor(readonly size: number) {
    this.#values = new Float32Array(size * size * 3);
  }

  /** Paints the whole image. */
  cover(texture: Texture): void {
    for (let y = 0; y < this.size; y++) for (let x = 0; x < this.size; x++) this.#blend(x, y, 1, texture);
  }

  /** Paints what is inside an outline; pixels on its edge are blended. */
  paint(outline: Outline, { centre: [cx, cy], matrix: [a, b, c, d], radius }: Pose, texture: Texture): void {
    for (let y = 0; y < this.size; y++)
      for (let x = 0; x < this.size; x++) {
        const dx = x + 0.5 - cx;
        const dy = y + 0.5 - cy;
        const share = 0.5 - outline(a * dx + b * dy, c * dx + d * dy) * radius;
        if (share > 0) this.#blend(x, y, Math.min(1, share), texture);
      }
  }

  /** Makes one side brighter and the other darker by the share `strength`. */
  light(angle: number, strength: number): void {
    const dx = (2 * strength * Math.cos(angle)) / this.size;
    const dy = (2 * strength * Math.sin(angle)) / this.size;
    for (let i = 0; i < this.#values.length; i++) {
      const pixel = Math.floor(i / 3);
      const x = (pixel % this.size) + 0.5 - this.size / 2;
      const y = Math.floor(pixel / this.size) + 0.5 - this.size / 2;
      this.#values[i]! *= 1 + x * dx + y * dy;
    }
  }

  /** One pass of the kernel (1, 2, 1)/4 in both directions; the end of a row and the beginning of the next count as neighbours. */
  blur(): void {
    for (const step of [3, this.size * 3]) {
      const before = this.#values.slice();
      for (let i = step; i < before.length - step; i++)
        this.#values[i] = (before[i - step]! + 2 * before[i]! + before[i + step]!) / 4;
    }
  }

  /** The image in whole levels, with noise of standard deviation `deviation` (triangular: two uniform numbers). */
  develop(deviation: number, random: RandomStream): Uint8ClampedArray {
    const scale = deviation * Math.sqrt(6);
    const result = new Uint8ClampedArray(this.#values.length);
    for (let i = 0; i < result.length; i++) {
      const bits = random.uint32();
      result[i] = this.#values[i]! + scale * (((bits & 0xffff) + (bits >>> 16)) / 0x10000 - 1);
    }
    return result;
  }

  /** Lays the texture over pixel (x, y), covering the share `share` of it. */
  #blend(x: number, y: number, share: number, { first, second, pattern }: Texture): void {
    const at = (y * this.size + x) * 3;
    const mix = pattern(x + 0.5, y + 0.5);
    for (let c = 0; c < 3; c++) {
      const below = this.#values[at + c]!;
      const colour = first[c]! + (second[c]! - first[c]!) * mix;
      this.#values[at + c] = below + (colour - below) * share;
    }
  }
}
