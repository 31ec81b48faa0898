/** Checks that a sampler gives each shard its part of an epoch, in the same way whenever it is called: those of plugins may not. */
import { samplerRegistry } from '../data/samplers/registry.js';
import type { Share } from '../data/samplers/sampler-orders.js';
import { UserError } from '../errors.js';

/** Lists that are shorter may be the same by chance. */
const tooFew = 8;

/** Throws UserError PLUGIN for a sampler that does not fit a training in `shards`. `idsOf` returns the images of a share. */
export function checkShares(name: string, shards: number, idsOf: (share: Required<Share>) => Int32Array): void {
  if (shards === 1) return;
  const unusable = (why: string): UserError =>
    new UserError('PLUGIN', `the sampler "${name}" cannot be used with ${shards} shards: ${why}.`);
  const [first, again, second] = [0, 0, 1].map((rank) => idsOf({ rank, world: shards })) as [
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  if (!same(first, again))
    throw unusable(
      'it returned two different lists for the same epoch, so that processes would not agree; draw from place.random or from a stream of place.seed and place.epoch',
    );
  if (samplerRegistry.find(name).deals !== true) return;
  if (first.length !== second.length)
    throw unusable(
      `it deals the epoch out itself (deals: true), and returned ${first.length} images for shard 0 and ${second.length} for shard 1; each shard needs as many`,
    );
  if (first.length >= tooFew && same(first, second))
    throw unusable(
      'it deals the epoch out itself (deals: true), and returned the same images for shard 0 and shard 1; use place.rank and place.world, or leave out deals',
    );
}

function same(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
