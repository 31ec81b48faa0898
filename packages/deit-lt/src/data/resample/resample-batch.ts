/**
 * Cuts windows out of a batch of images and resizes them as Pillow does: horizontally, then vertically, each pass rounded
 * to whole levels. Both passes are batched matrix products with the weights of `resample-taps.ts`, on any device.
 */
import * as torch from '@deit-lt/torch';
import type { Upload } from '../../upload.js';
import type { Filter, Window } from '../decode/window.js';
import { horizontalSpan, type Span, tapsOf, verticalSpan, weightBits } from './resample-taps.js';

/** Size of the images, and of what becomes of their windows. */
export interface ResampleOptions {
  readonly width: number;
  readonly height: number;
  readonly size: number;
  readonly filter: Filter;
}

/** Bytes of float64 images that are worked on together. */
const chunkBytes = 2 ** 26;

/**
 * Plans to resize the `windows` of images: uint8 `[B, H, W, 3]` → float32 `[B, 3, size, size]` of whole levels, channels
 * last. The levels are Pillow's: sums of its integer weights are exact in float64.
 */
export function planResample(
  windows: readonly Window[],
  { width, height, size, filter }: ResampleOptions,
  upload: Upload,
): (images: torch.Tensor) => torch.Tensor {
  const across = planWeights(windows.map(horizontalSpan), { extent: width, size, filter }, upload);
  const down = planWeights(windows.map(verticalSpan), { extent: height, size, filter }, upload);
  const most = Math.max(1, Math.floor(chunkBytes / (8 * 3 * width * height)));
  return (images) =>
    torch.tidy(() => {
      const [acrossChunks, downChunks] = [across().split(most), down().split(most)];
      const resized = images.split(most).map((part, i) => resample(part, acrossChunks[i]!, downChunks[i]!));
      return torch.cat(resized, 0).permute(0, 3, 1, 2);
    });
}

/** uint8 `[n, H, W, 3]`, weights `[n, size, W]` and `[n, size, H]` → float32 `[n, size, size, 3]`. */
function resample(images: torch.Tensor, across: torch.Tensor, down: torch.Tensor): torch.Tensor {
  return torch.tidy(() => {
    const [n, height, width] = images.shape as [number, number, number, number];
    const size = across.size(1);
    const lines = images
      .permute(0, 1, 3, 2)
      .to('float64')
      .reshape(n, height * 3, width);
    const rows = toLevels(lines.bmm(across.transpose(1, 2))); // (n, H·3, size)
    const interleaved = rows
      .view(n, height, 3, size)
      .transpose(2, 3)
      .reshape(n, height, size * 3);
    return toLevels(down.bmm(interleaved)).view(n, size, size, 3).float();
  });
}

/** Rounds half up to whole levels, in place. */
function toLevels(values: torch.Tensor): torch.Tensor {
  return values.add_(0.5).floor_().clamp_(0, 255);
}

/** The unit of integer weights. */
const unit = 2 ** -weightBits;

interface Axis {
  readonly extent: number;
  readonly size: number;
  readonly filter: Filter;
}

/** Sends the taps of one axis of each window; gives them as a matrix, float64 `[B, size, extent]`. */
function planWeights(spans: readonly Span[], { extent, size, filter }: Axis, upload: Upload): () => torch.Tensor {
  const all = spans.map((span) => tapsOf(span, extent, size, filter));
  const stride = Math.max(...all.map((taps) => taps.stride));
  const first = new Int32Array(spans.length * size);
  const weights = new Int32Array(spans.length * size * stride);
  all.forEach((taps, b) => {
    first.set(taps.first, b * size);
    for (let i = 0; i < size; i++)
      weights.set(taps.weights.subarray(i * taps.stride, (i + 1) * taps.stride), (b * size + i) * stride);
  });
  const sentFirst = upload.numbers(first, [spans.length, size, 1]);
  const sentWeights = upload.numbers(weights, [spans.length, size, stride]);
  return () =>
    torch.tidy(() => {
      const values = sentWeights().double().mul_(unit);
      const { device } = values;
      const places = sentFirst()
        .long()
        .add(torch.arange(stride, { device }))
        .clamp_(0, extent - 1); // beyond the last: 0
      return torch.zeros([spans.length, size, extent], { dtype: 'float64', device }).scatterAdd_(2, places, values);
    });
}
