/** Orders that a sampler is made of: shuffled, repeated, dealt out to several processes. */
import { stream } from '../../random/stream.js';

/** 0 … length − 1. */
export function range(length: number): Int32Array {
  return Int32Array.from({ length }, (_, i) => i);
}

/** Every image once, shuffled again for each `epoch`; both options default to 0. */
export function shuffled(length: number, { seed = 0, epoch = 0 }: { seed?: number; epoch?: number } = {}): Int32Array {
  return stream(seed, 'shuffle', epoch).shuffle(range(length));
}

/** One process among several. */
export interface Share {
  /** Rank of this process, in [0, world). Default 0. */
  rank?: number;
  /** Default 1. */
  world?: number;
}

/**
 * Returns the part of `order` for process `rank` of `world`: every world-th index, after padding from the front to
 * equal parts.
 */
export function distributed(order: Int32Array, { rank = 0, world = 1 }: Share = {}): Int32Array {
  const share = Math.ceil(order.length / world);
  return Int32Array.from({ length: share }, (_, i) => order[(rank + i * world) % order.length]!);
}

/** Each index of `order` `repeats` times in a row, dealt out to `world` processes. */
export function dealRepeated(order: Int32Array, { repeats, ...share }: Share & { repeats: number }): Int32Array {
  const repeated = Int32Array.from({ length: order.length * repeats }, (_, i) => order[Math.floor(i / repeats)]!);
  return distributed(repeated, share);
}
