/**
 * Measures of a transformer's blocks over a pass: attention distances of the heads, and moments of CLS and DIST by
 * group.
 */
import * as torch from '@deit-lt/torch';
import type { ByClass } from '../../by-class.js';
import { type Group, groupNames } from '../../data/groups.js';
import type { BlockView, VisionTransformer } from '../../models/vit.js';
import { type AttentionGeometry, attentionDistances, patchDistances } from '../attention-distance.js';
import { momentsOf } from '../feature-rank.js';
import type { PassState } from './pass-state.js';

/** Rows and columns of patches of images of this size in pixels. */
export function geometryOf(
  { patchEmbed, prefixTokens }: VisionTransformer,
  height: number,
  width = height,
): AttentionGeometry {
  return { grid: patchEmbed.gridOf(height, width), patchSize: patchEmbed.patchSize, prefixTokens };
}

/** Numbers in one block's attention of one square image. */
export function attentionSize(model: VisionTransformer, imageSize: number): number {
  const { grid, prefixTokens } = geometryOf(model, imageSize);
  const [block] = model.blocks;
  return block!.attn.numHeads * (prefixTokens + grid[0] * grid[1]) ** 2;
}

/** For CLS and DIST after each block, in float64: `[blocks, prefixTokens, B, D]`. */
export function featuresBuffer(
  { blocks, prefixTokens, embedDim }: VisionTransformer,
  images: torch.Tensor,
): torch.Tensor {
  const shape = [blocks.length, prefixTokens, images.size(0), embedDim];
  return torch.empty(shape, { dtype: 'float64', device: images.device });
}

/** Adds up attention distances by block, `distance.BLOCK` `[2, heads]`, and puts the block's CLS and DIST into `seen`. */
export function watcherOf(
  model: VisionTransformer,
  state: PassState,
  { images, seen }: { images: torch.Tensor; seen: torch.Tensor },
): (view: BlockView) => void {
  const geometry = geometryOf(model, images.size(2), images.size(3));
  const distances = patchDistances(geometry).float().to(images.device);
  return ({ block, tokens, attention }) => {
    const { raw, renormalised } = attentionDistances(attention, geometry, distances);
    state.add(`distance.${block}`, torch.stack([raw, renormalised]).double().sum(1)); // (2, heads)
    seen.select(0, block).copy_(tokens.narrow(1, 0, model.prefixTokens).transpose(0, 1));
  };
}

export interface SeenBatch {
  /** `[blocks, prefixTokens, B, D]` */
  readonly seen: torch.Tensor;
  /** `[B]` */
  readonly labels: Int32Array;
  /** Group of each class. */
  readonly groups: ByClass<Group>;
}

/**
 * Adds `FeatureMoments` of each group's images, of all blocks and tokens at once: `count.GROUP` `[1]`, `sum.GROUP`
 * `[blocks, prefixTokens, D]`, `products.GROUP` `[blocks, prefixTokens, D, D]`. After each block they took a third of the
 * pass: float64 is OpenBLAS' work, whose threads wait each time until libtorch's are asleep.
 */
export function addMoments(state: PassState, { seen, labels, groups }: SeenBatch): void {
  for (const [group, places] of placesOf(labels, groups, seen.device)) {
    const { count, sum, products } = momentsOf(seen.indexSelect(2, places));
    state.add(`count.${group}`, torch.tensor([count], { dtype: 'float64' }));
    state.add(`sum.${group}`, sum);
    state.add(`products.${group}`, products);
  }
}

/** Positions in the batch of the images of each group; groups without images are left out. */
function placesOf(labels: Int32Array, groups: ByClass<Group>, device: torch.Device): [Group, torch.Tensor][] {
  return groupNames.flatMap((group): [Group, torch.Tensor][] => {
    const places = Array.from(labels, (_, i) => i).filter((i) => groups[labels[i]!] === group);
    return places.length === 0 ? [] : [[group, torch.tensor(places, { dtype: 'int64' }).to(device)]];
  });
}
