/**
 * The order of a network's layers, by the names of its parameters: timm's `group_matcher`, by which it lowers the learning
 * rate of early layers. A layer is a block; what comes before the blocks is the first one, what comes after them the last.
 */

const stem = /^(cls_token|dist_token|pos_embed|patch_embed|conv1\.|bn1\.|stem\.)/;

/** ViT, ResNet (also those for small images), RegNet. */
const blocks = [/^blocks\.(\d+)\./, /^layer(\d+)\.(\d+)\./, /^s(\d+)\.b(\d+)\./];

/** The last norm of a ViT belongs to its last block. */
const lastNorm = /^norm\./;

/**
 * Returns the layer of each name, from 0, in timm's order: the stem, each block, the classifier. Undefined for a network
 * whose names have no blocks.
 */
export function layerOrder(names: readonly string[]): ReadonlyMap<string, number> | undefined {
  const keys = names.map((name) => [name, blockOf(name)] as const);
  const sorted = [...new Set(keys.flatMap(([, block]) => block ?? []))].sort((a, b) => a - b);
  if (sorted.length === 0) return undefined;
  const first = names.some((name) => stem.test(name)) ? 1 : 0;
  const place = new Map(sorted.map((key, i) => [key, first + i]));
  const last = first + sorted.length;
  return new Map(
    keys.map(([name, block]) => {
      if (block !== undefined) return [name, place.get(block)!];
      if (stem.test(name)) return [name, 0];
      return [name, lastNorm.test(name) ? last - 1 : last];
    }),
  );
}

/** A number that grows with the place of the block; undefined for a parameter outside of the blocks. */
function blockOf(name: string): number | undefined {
  for (const pattern of blocks) {
    const [, first, second] = pattern.exec(name) ?? [];
    if (first !== undefined) return second === undefined ? Number(first) : Number(first) * 100_000 + Number(second);
  }
  return undefined;
}
