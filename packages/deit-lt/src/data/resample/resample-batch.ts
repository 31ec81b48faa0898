/**
 * Cuts windows out of a batch of images and resizes them as Pillow does: horizontally, then vertically, each pass rounded
 * to whole levels. Both passes are batched matrix products with the weights of `resample-taps.ts`.
 */
import * as torch from '@deit-lt/torch';
import type { Filter, Window } from '../decode/window.js';
import { horizontalSpan, type Span, tapsOf, verticalSpan, weightBits } from './resample-taps.js';

/**
 * The `windows` of `images`, resized: float32 `[B, H, 3, W]` of whole levels 0…255 → `[B, 3, size, size]` of the same, in
 * channels-last memory format, on the device of `images`. As Pillow up to the rounding of float32: one level where Pillow
 * is within 10⁻⁴ of a half.
 */
export function resampleBatch(
  images: torch.Tensor,
  windows: readonly Window[],
  size: number,
  filter: Filter,
): torch.Tensor {
  const [batch, height, , width] = images.shape as [number, number, number, number];
  return torch.tidy(() => {
    const across = denseWeights(windows.map(horizontalSpan), width, size, filter, { transposed: true });
    const down = denseWeights(windows.map(verticalSpan), height, size, filter);
    const { device } = images;
    const rows = images.view([batch, height * 3, width]).bmm(across.to(device)); // (B, H·3, size)
    const interleaved = toLevels(rows).view([batch, height, 3, size]).transpose(2, 3).contiguous(); // (B, H, size, 3)
    const columns = down.to(device).bmm(interleaved.view([batch, height, size * 3])); // (B, size, size·3)
    return toLevels(columns).view([batch, size, size, 3]).permute([0, 3, 1, 2]);
  });
}

/** Rounds half up to whole levels, in place. */
function toLevels(values: torch.Tensor): torch.Tensor {
  return values.add_(0.5).floor_().clamp_(0, 255);
}

/** The unit of integer weights. */
const unit = 2 ** -weightBits;

/** The weights of one axis of each window: float32 `[B, size, extent]`, or `[B, extent, size]` when `transposed`. */
function denseWeights(
  spans: readonly Span[],
  extent: number,
  size: number,
  filter: Filter,
  { transposed = false }: { transposed?: boolean } = {},
): torch.Tensor {
  const dense = new Float32Array(spans.length * size * extent);
  const [outputStep, sourceStep] = transposed ? [1, size] : [extent, 1];
  spans.forEach((span, b) => {
    const taps = tapsOf(span, extent, size, filter);
    for (let i = 0; i < size; i++) {
      let place = b * size * extent + i * outputStep + taps.first[i]! * sourceStep;
      for (let tap = 0; tap < taps.count[i]!; tap++, place += sourceStep)
        dense[place] = taps.weights[i * taps.stride + tap]! * unit;
    }
  });
  return torch.fromTypedArray(dense, [spans.length, transposed ? extent : size, transposed ? size : extent]);
}
