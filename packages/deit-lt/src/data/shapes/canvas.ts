/** An image in the making: painted, lit, blurred, and at the end developed into whole levels. */
import type { RandomStream } from '../../random/stream.js';
import { type Outline, outlineReach } from './outlines.js';
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

  /** Paints what is inside an outline, which lies in the circle of radius `reach` of its plane; pixels on its edge are blended. */
  paint(outline: Outline, pose: Pose, texture: Texture, reach = outlineReach): void {
    const {
      centre: [cx, cy],
      matrix: [a, b, c, d],
      radius,
    } = pose;
    const [columns, rows] = spans(pose, reach + 0.5 / radius, this.size);
    for (let y = rows.from; y < rows.to; y++)
      for (let x = columns.from; x < columns.to; x++) {
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
    const values = this.#values;
    for (let row = 0, i = 0; row < this.size; row++)
      for (let column = 0; column < this.size; column++) {
        const x = column + 0.5 - this.size / 2;
        const y = row + 0.5 - this.size / 2;
        const factor = 1 + x * dx + y * dy;
        for (let c = 0; c < 3; c++) values[i++]! *= factor;
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
    const values = this.#values;
    const drawn = new Uint32Array(values.length);
    random.fill(drawn);
    const result = new Uint8ClampedArray(values.length);
    for (let i = 0; i < result.length; i++) {
      const bits = drawn[i]!;
      result[i] = values[i]! + scale * (((bits & 0xffff) + (bits >>> 16)) / 0x10000 - 1);
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

/** Pixels from `from` until before `to`. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** The columns and rows of a square of `size` pixels in which the circle of radius `reach` of the outlines' plane lies. */
function spans({ centre, matrix: [a, b, c, d] }: Pose, reach: number, size: number): [Span, Span] {
  const scale = reach / Math.abs(a * d - b * c);
  const halves = [scale * Math.sqrt(b * b + d * d), scale * Math.sqrt(a * a + c * c)] as const;
  const span = (axis: 0 | 1): Span => ({
    from: Math.max(0, Math.floor(centre[axis] - halves[axis]) - 1),
    to: Math.min(size, Math.ceil(centre[axis] + halves[axis]) + 1),
  });
  return [span(0), span(1)];
}
