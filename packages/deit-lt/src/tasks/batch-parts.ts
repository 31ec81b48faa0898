/**
 * A batch in parts, each with batch-norm statistics of its own, as if every part were on a card of its own; and MoCo's
 * shuffle of keys among the parts, so that a query's statistics say nothing of its key (He et al., CVPR 2020, section
 * 3.3).
 */
import * as torch from '@deit-lt/torch';
import type { RandomStream } from '../random/stream.js';

/** `images` `[B, …]` in at most `parts` batches of nearly the same size, of two images at least. */
export function inParts(images: torch.Tensor, parts: number): torch.Tensor[] {
  const most = Math.max(1, Math.min(parts, Math.floor(images.size(0) / 2)));
  const cut = (part: number): number => Math.floor((images.size(0) * part) / most);
  if (most === 1) return [images];
  return Array.from({ length: most }, (_, part) => images.narrow(0, cut(part), cut(part + 1) - cut(part)));
}

/**
 * Returns the outputs `[B, D]` of `fn` for `images`, which pass through it shuffled and in parts, in the order of
 * `images`.
 */
export function shuffledInParts(
  images: torch.Tensor,
  { parts, random }: { parts: number; random: RandomStream },
  fn: (images: torch.Tensor) => torch.Tensor,
): torch.Tensor {
  if (inParts(images, parts).length === 1) return fn(images); // the order does not matter to one batch's statistics
  const order = random.shuffle(Array.from({ length: images.size(0) }, (_, i) => i));
  const place = Array.from(order, () => 0);
  order.forEach((from, to) => {
    place[from] = to;
  });
  const index = (values: readonly number[]): torch.Tensor => torch.tensor(values, { dtype: 'int64' }).to(images.device);
  const outputs = inParts(images.indexSelect(0, index(order)), parts).map(fn);
  return torch.cat(outputs, 0).indexSelect(0, index(place));
}
