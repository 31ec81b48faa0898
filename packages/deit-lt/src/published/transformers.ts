/** DeiT, DeiT-LT, DeiT-III and ViT under timm's names. */
import { UserError } from '../errors.js';
import { modelNames } from '../models/registry.js';
import { countOf, type Family, type FamilySettings, type RecognisedModel } from './family.js';
import type { Shapes } from './weight-source.js';

interface Sizes {
  readonly embedDim: number;
  readonly depth: number;
  readonly numHeads: number;
  readonly patchSize: number;
  readonly mlpRatio: number;
  readonly imageSize: number;
}

/** timm's names, and those of the DeiT-III authors for LayerScale. */
export const transformers: Family = (shapes, settings) => {
  const patch = shapes.get('patch_embed.proj.weight');
  if (patch?.length !== 4 || !shapes.has('cls_token') || !shapes.has('blocks.0.attn.qkv.weight')) return undefined;
  const distilled = shapes.has('dist_token');
  const layerScale = shapes.has('blocks.0.ls1.gamma') || shapes.has('blocks.0.gamma_1');
  const { grid, embeddedPrefix } = positionsOf(shapes, distilled, settings);
  const [embedDim = 0] = patch;
  const { patchSize, inChans, ...stem } = patchesOf(shapes, patch, settings);
  const sizes: Sizes = {
    embedDim,
    patchSize,
    imageSize: grid * patchSize,
    depth: countOf(shapes, /^blocks\.(\d+)\./),
    numHeads: headsOf(embedDim, settings),
    mlpRatio: (shapes.get('blocks.0.mlp.fc1.weight')?.[0] ?? 0) / embedDim,
  };
  const noEmbedClass = embeddedPrefix === 0;
  return {
    kind: distilled ? 'student' : 'vit',
    inChans,
    model: { ...modelFor(sizes, { distilled, layerScale, noEmbedClass, stem }, settings), ...stem },
    numClasses: shapes.get('head.weight')?.[0] ?? 0,
    imageSize: sizes.imageSize,
    cifar: false,
    rename: (name) => name.replace(/\.gamma_([12])$/, '.ls$1.gamma'),
  };
};

/** The options of a convolutional stem; none for patches that one product maps. */
type Stem = Pick<RecognisedModel['model'], 'patchEmbed' | 'stemChannels'>;

/** `proj` is the shape of `patch_embed.proj.weight`. Throws UserError CHECKPOINT for a stem whose patch size is not known. */
function patchesOf(
  shapes: Shapes,
  proj: readonly number[],
  { file, patchSize: said }: FamilySettings,
): Stem & { patchSize: number; inChans: number } {
  const whitening = shapes.get('patch_embed.backbone.whiten.weight');
  if (whitening !== undefined) return groupsOf(shapes, whitening[1] ?? 3);
  const first = shapes.get('patch_embed.backbone.0.conv.weight');
  if (first === undefined) return { inChans: proj[1]!, patchSize: proj[2]! };
  const count = countOf(shapes, /^patch_embed\.backbone\.(\d+)\./);
  const at = (i: number): number => shapes.get(`patch_embed.backbone.${i}.conv.weight`)?.[0] ?? 0;
  const stemChannels = Array.from({ length: count }, (_, i) => at(i));
  if (said !== undefined) return { inChans: first[1] ?? 3, patchSize: said, patchEmbed: 'conv', stemChannels };
  throw new UserError(
    'CHECKPOINT',
    `${file}: its patches are made by ${count} convolutions, but no weight shows their strides. Give the side of a patch that it was trained with, in pixels: --set student.model.patchSize=N, such as 4 or 16.`,
  );
}

/** Each group of convolutions halves the sides. */
function groupsOf(shapes: Shapes, inChans: number): Stem & { patchSize: number; inChans: number } {
  const count = countOf(shapes, /^patch_embed\.backbone\.layers\.(\d+)\./);
  const stemChannels = Array.from(
    { length: count },
    (_, i) => shapes.get(`patch_embed.backbone.layers.${i}.conv2.weight`)?.[0] ?? 0,
  );
  return { inChans, patchSize: 2 ** count, patchEmbed: 'airbench', stemChannels };
}

/** The grid of patches that the positions are for, and how many tokens before it have positions. */
function positionsOf(
  shapes: Shapes,
  distilled: boolean,
  { file }: FamilySettings,
): { grid: number; embeddedPrefix: number } {
  const tokens = shapes.get('pos_embed')?.[1] ?? 0;
  for (const embeddedPrefix of [distilled ? 2 : 1, 0]) {
    const grid = Math.sqrt(tokens - embeddedPrefix);
    if (Number.isInteger(grid) && grid > 0) return { grid, embeddedPrefix };
  }
  throw new UserError(
    'CHECKPOINT',
    `${file}: its pos_embed has ${tokens} positions, which do not form a square of patches; only models for square images can be read.`,
  );
}

/** Published sizes have heads of width 64, except ViT-H, whose 16 have 80; a given number of heads has priority. */
function headsOf(embedDim: number, { file, numHeads: said }: FamilySettings): number {
  const numHeads = said ?? (embedDim === 1280 ? 16 : embedDim / 64);
  if (Number.isInteger(numHeads) && numHeads > 0 && embedDim % numHeads === 0) return numHeads;
  const wrong = said === undefined ? '' : `. ${said} does not divide ${embedDim}`;
  throw new UserError(
    'CHECKPOINT',
    `${file}: its tokens have ${embedDim} numbers, but no weight shows the number of attention heads. Give the number that it was trained with, --set student.model.numHeads=N: ${divisorsOf(embedDim)}${wrong}.`,
  );
}

/** Returns the possible numbers of heads, for heads of width 8 or more. */
function divisorsOf(embedDim: number): string {
  const found = Array.from({ length: Math.floor(embedDim / 8) }, (_, i) => i + 1).filter((n) => embedDim % n === 0);
  return found.length === 0 ? 'a divisor of it' : `${found.slice(0, 24).join(', ')}`;
}

interface Kind {
  readonly distilled: boolean;
  readonly layerScale: boolean;
  readonly noEmbedClass: boolean;
  readonly stem: Stem;
}

/** One of timm's by its name; of another size `deit` or `vit` with its sizes. */
function modelFor(sizes: Sizes, kind: Kind, { file }: FamilySettings): RecognisedModel['model'] {
  const published = kind.stem.patchEmbed === undefined ? publishedName(sizes, kind) : undefined;
  if (published !== undefined) return { name: published };
  if (kind.noEmbedClass)
    throw new UserError(
      'CHECKPOINT',
      `${file}: a transformer of ${sizes.embedDim} × ${sizes.depth} without positions for CLS is not a DeiT-III size (expected one of ${deit3Names().join(', ')}).`,
    );
  const { imageSize: _, ...rest } = sizes;
  const scale = kind.layerScale ? { initValues: 1e-4 } : {};
  return { name: kind.distilled ? 'deit' : 'vit', ...rest, ...scale };
}

const deit3Names = (): string[] => modelNames().filter((name) => name.startsWith('deit3_'));

const names = { 192: 'tiny', 384: 'small', 512: 'medium', 768: 'base', 1024: 'large' } as Readonly<
  Record<number, string>
>;

function publishedName(sizes: Sizes, { distilled, layerScale, noEmbedClass }: Kind): string | undefined {
  const { embedDim, depth, numHeads, patchSize, mlpRatio, imageSize } = sizes;
  const usual = depth === (embedDim === 1024 ? 24 : 12) && numHeads === embedDim / 64;
  if (!usual || patchSize !== 16 || mlpRatio !== 4 || layerScale !== noEmbedClass) return undefined;
  const family = noEmbedClass ? `deit3_${names[embedDim]}` : `deit_${names[embedDim]}${distilled ? '_distilled' : ''}`;
  const name = `${family}_patch16_${imageSize}`;
  return modelNames().includes(name) ? name : undefined;
}
