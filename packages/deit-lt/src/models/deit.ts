/**
 * The Vision Transformers of the registry: timm's names for the published sizes (DeiT, Touvron et al., 2021), and
 * `vit` and `deit` of any size, for small images.
 */
import type { ModelEntry, ModelOptions } from './model.js';
import { VisionTransformer, type VisionTransformerOptions } from './vit.js';

const rates = ['dropRate', 'attnDropRate', 'dropPathRate'] as const;
const sizes = ['patchSize', 'embedDim', 'depth', 'numHeads', 'mlpRatio'] as const;

/** One of timm's: only its input size and its dropouts can be chosen. */
function published(preset: VisionTransformerOptions): ModelEntry {
  const create = (options: ModelOptions): VisionTransformer =>
    new VisionTransformer({ ...defined(options), ...preset });
  return { options: rates, create };
}

/** By default the narrowest of the published ones, for images of 32 pixels. */
function free(distilled: boolean): ModelEntry {
  const defaults = { imageSize: 32, patchSize: 4, embedDim: 192, depth: 12 };
  const create = (options: ModelOptions): VisionTransformer => {
    const chosen = { ...defaults, ...defined(options) };
    const numHeads = chosen.numHeads ?? Math.max(1, Math.floor(chosen.embedDim / 64));
    return new VisionTransformer({ ...chosen, numHeads, distilled });
  };
  return { options: [...sizes, ...rates], create };
}

/** An option that is undefined must not hide a default. */
function defined(options: ModelOptions): ModelOptions {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as unknown as ModelOptions;
}

const base = { patchSize: 16, depth: 12, mlpRatio: 4 } as const;
const widths = {
  tiny: { ...base, embedDim: 192, numHeads: 3 },
  small: { ...base, embedDim: 384, numHeads: 6 },
  base: { ...base, embedDim: 768, numHeads: 12 },
} as const;

/** By name, for the registry. */
export const vitModels: Readonly<Record<string, ModelEntry>> = {
  deit: free(true),
  vit: free(false),
  deit_tiny_distilled_patch16_224: published({ ...widths.tiny, distilled: true }),
  deit_small_distilled_patch16_224: published({ ...widths.small, distilled: true }),
  deit_base_distilled_patch16_224: published({ ...widths.base, distilled: true }),
  deit_tiny_patch16_224: published(widths.tiny),
  deit_small_patch16_224: published(widths.small),
  deit_base_patch16_224: published(widths.base),
  vit_tiny_patch16_224: published(widths.tiny),
  vit_small_patch16_224: published(widths.small),
  vit_base_patch16_224: published(widths.base),
};
