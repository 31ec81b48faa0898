/**
 * A batch in parts, each with batch-norm statistics of its own, as if every part were on a card of its own; and MoCo's
 * shuffle of keys among the parts, so that a query's statistics say nothing of its key (He et al., CVPR 2020, section
 * 3.3).
 */
import * as torch from '@deit-lt/torch';
import type { RandomStream } from '../random/stream.js';
import type { Sent, Upload } from '../upload.js';
import type { ShardedBatch } from './task.js';

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

export interface ShuffledOptions {
  /** Parts of the images of each shard. */
  readonly parts: number;
  /** The order of the images of all shards; null: as they are. */
  readonly shuffle: Shuffle | null;
}

/**
 * Returns the outputs `[B, D]` of `fn` for the images of each shard, of all processes and in the order of the shards. Of `views`, those
 * of the shards of this process, the images pass through `fn` shuffled among all shards, and in parts.
 */
export function shuffledInShards(
  { own, run, gather }: Pick<ShardedBatch, 'own' | 'run' | 'gather'>,
  views: readonly torch.Tensor[],
  { parts, shuffle }: ShuffledOptions,
  fn: (images: torch.Tensor) => torch.Tensor,
): torch.Tensor[] {
  if (shuffle === null) return gather(views.map((images, i) => run(i, () => fn(images))));
  const size = views[0]!.size(0);
  const gathered = gather(views);
  const [all, order] = [gathered.length === 1 ? gathered[0]! : torch.cat(gathered, 0), shuffle.order()];
  const outputs = own.map(({ shard }, i) => {
    const images = all.indexSelect(0, order.narrow(0, shard * size, size));
    return run(i, () => torch.cat(inParts(images, parts).map(fn), 0));
  });
  const ordered = torch.cat(gather(outputs), 0).indexSelect(0, shuffle.place());
  return ordered.split(size, 0);
}
