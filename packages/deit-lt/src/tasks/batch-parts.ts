/**
 * A batch in parts, each with batch-norm statistics of its own, as if every part were on a card of its own; and MoCo's
 * shuffle of keys among the parts, so that a query's statistics say nothing of its key (He et al., CVPR 2020, section
 * 3.3).
 */
import * as torch from '@deit-lt/torch';
import type { RandomStream } from '../random/stream.js';
import type { Sent, Upload } from '../upload.js';

const partsOf = (batch: number, parts: number): number => Math.max(1, Math.min(parts, Math.floor(batch / 2)));

/** `images` `[B, …]` in at most `parts` batches of nearly the same size, of two images at least. */
export function inParts(images: torch.Tensor, parts: number): torch.Tensor[] {
  const most = partsOf(images.size(0), parts);
  const cut = (part: number): number => Math.floor((images.size(0) * part) / most);
  if (most === 1) return [images];
  return Array.from({ length: most }, (_, part) => images.narrow(0, cut(part), cut(part + 1) - cut(part)));
}

/** An order of the images of a batch, on the device after the upload. */
export interface Shuffle {
  /** The image at each place, int64 `[B]`. */
  readonly order: Sent;
  /** The place of each image, int64 `[B]`. */
  readonly place: Sent;
}

/** Draws the order of `batch` images; null for a single part, to whose statistics the order does not matter. */
export function drawShuffle(
  batch: number,
  { parts, random }: { parts: number; random: RandomStream },
  upload: Upload,
): Shuffle | null {
  if (partsOf(batch, parts) === 1) return null;
  const order = random.shuffle(Array.from({ length: batch }, (_, i) => i));
  const place = Array.from(order, () => 0);
  order.forEach((from, to) => {
    place[from] = to;
  });
  return { order: upload.indices(order), place: upload.indices(place) };
}

/**
 * Returns the outputs `[B, D]` of `fn` for `images`, which pass through it shuffled and in parts, in the order of
 * `images`.
 */
export function shuffledInParts(
  images: torch.Tensor,
  { parts, shuffle }: { parts: number; shuffle: Shuffle | null },
  fn: (images: torch.Tensor) => torch.Tensor,
): torch.Tensor {
  if (shuffle === null) return fn(images);
  const outputs = inParts(images.indexSelect(0, shuffle.order()), parts).map(fn);
  return torch.cat(outputs, 0).indexSelect(0, shuffle.place());
}
