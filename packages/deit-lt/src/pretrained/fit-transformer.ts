/**
 * Fits weights of a Vision Transformer to one with other tokens before the patches, another grid of patches or another size of them:
 * positions and the projection of patches are resized as images are, DIST begins as a copy of CLS.
 */
import * as torch from '@deit-lt/torch';
import { PatchEmbed } from '../models/patch-embed.js';
import type { VisionTransformer } from '../models/vit.js';

const { interpolate } = torch.nn.functional;

type Tensors = Map<string, torch.Tensor>;

/** Changes `tensors` in place; returns the changes, one sentence each. Weights that cannot be fitted are left as they are. */
export function fitTransformer(tensors: Tensors, model: VisionTransformer): string[] {
  const given = tensors.get('pos_embed');
  const isDistilled = tensors.has('dist_token');
  const notes = [...fitTokens(tensors, model), ...fitPatches(tensors, model)];
  if (given !== undefined && given.ndim === 3) notes.push(...fitPositions(tensors, model, { given, isDistilled }));
  return notes;
}

function fitTokens(tensors: Tensors, { distilled }: VisionTransformer): string[] {
  const cls = tensors.get('cls_token');
  if (distilled && !tensors.has('dist_token') && cls !== undefined) {
    tensors.set('dist_token', cls);
    return ['DIST begins as a copy of CLS'];
  }
  if (distilled || !tensors.delete('dist_token')) return [];
  for (const name of ['head_dist.weight', 'head_dist.bias']) tensors.delete(name);
  return ['its DIST token is left out'];
}

const projection = 'patch_embed.proj.weight';

function fitPatches(tensors: Tensors, { patchEmbed }: VisionTransformer): string[] {
  const given = tensors.get(projection);
  if (!(patchEmbed instanceof PatchEmbed) || given === undefined || given.ndim !== 4) return [];
  const [, , rows = 0, columns = 0] = given.shape;
  const side = patchEmbed.patchSize;
  if (rows !== columns || rows === side) return [];
  tensors.set(projection, resizedPatches(given, side));
  return [`the projection of patches is resized from ${rows} × ${rows} to ${side} × ${side} pixels`];
}

/**
 * The projection `[D, C, P, P]` of patches for patches of `side` pixels: of an image that is resized as much, the tokens stay as nearly
 * as they can (the pseudo-inverse of bicubic resizing). timm's `resample_patch_embed`; L. Beyer et al., "FlexiViT", CVPR 2023.
 */
export function resizedPatches(weight: torch.Tensor, side: number): torch.Tensor {
  const [width = 0, channels = 0, rows = 0, columns = 0] = weight.shape;
  const pixels = torch.eye(rows * columns).reshape(rows * columns, 1, rows, columns);
  const resize = interpolate(pixels, { size: [side, side], mode: 'bicubic', antialias: true }).flatten(1); // [P · P, side · side]
  const inverse = resize.double().pinverse(); // [side · side, P · P]
  const flat = weight.double().reshape(width * channels, rows * columns);
  return flat.matmul(inverse.t()).float().reshape(width, channels, side, side);
}

interface GivenPositions {
  /** `[1, prefix + rows · columns, D]` */
  readonly given: torch.Tensor;
  /** Whether the file has a DIST token. */
  readonly isDistilled: boolean;
}

function fitPositions(tensors: Tensors, model: VisionTransformer, { given, isDistilled }: GivenPositions): string[] {
  const prefix = prefixOf(given.size(1), isDistilled ? 2 : 1);
  if (prefix === undefined) return [];
  const side = Math.sqrt(given.size(1) - prefix);
  const positions = given.float();
  const patches = resizedPositions(positions.narrow(1, prefix, side * side), [side, side], model.grid);
  if (model.embeddedPrefix === 0 && prefix > 0) addToTokens(tensors, positions, isDistilled);
  tensors.set('pos_embed', torch.cat([...prefixPositions(positions, prefix, model), patches], 1));
  const [rows, columns] = model.grid;
  if (rows === side && columns === side) return [];
  return [`positions are resized from ${side} × ${side} to ${rows} × ${columns} patches`];
}

/** How many tokens before the patches have positions; undefined where the patches form no square. */
function prefixOf(positions: number, tokens: number): number | undefined {
  return [tokens, 0].find((prefix) => Number.isInteger(Math.sqrt(positions - prefix)) && positions > prefix);
}

/** DIST has the position of CLS where the file has none for it; tokens without positions (DeiT-III) have zeros. */
function prefixPositions(
  positions: torch.Tensor,
  prefix: number,
  { embeddedPrefix, embedDim }: VisionTransformer,
): torch.Tensor[] {
  const [, , width = embedDim] = positions.shape;
  return Array.from({ length: embeddedPrefix }, (_, token) =>
    prefix === 0 ? torch.zeros([1, 1, width]) : positions.narrow(1, Math.min(token, prefix - 1), 1),
  );
}

/** A token and its position are added before the first block: their sum is the same token without a position. */
function addToTokens(tensors: Tensors, positions: torch.Tensor, isDistilled: boolean): void {
  for (const [name, place] of [
    ['cls_token', 0],
    ['dist_token', isDistilled ? 1 : 0],
  ] as const) {
    const token = tensors.get(name);
    if (token !== undefined) tensors.set(name, token.float().add(positions.narrow(1, place, 1)));
  }
}

/**
 * Patches' positions `[1, rows · columns, D]` for another grid, by a bicubic filter that averages where it shrinks:
 * timm's `resample_abs_pos_embed`.
 */
export function resizedPositions(
  patches: torch.Tensor,
  [rows, columns]: readonly [number, number],
  [toRows, toColumns]: readonly [number, number],
): torch.Tensor {
  if (rows === toRows && columns === toColumns) return patches;
  const width = patches.size(2);
  const image = patches.reshape(1, rows, columns, width).permute(0, 3, 1, 2);
  const resized = interpolate(image, { size: [toRows, toColumns], mode: 'bicubic', antialias: true }); // [1, D, rows, columns]
  return resized.permute(0, 2, 3, 1).reshape(1, toRows * toColumns, width);
}
