/**
 * The Vision Transformers of the registry: timm's names for the published sizes (DeiT, Touvron et al., 2021;
 * DeiT-III, 2022), and `vit` and `deit` of any size, for small images.
 */
import { z } from 'zod';
import type { ModelOfFamily, ModelOptions } from './model.js';
import { rates, sizes } from './options.js';
import { VisionTransformer, type VisionTransformerOptions } from './vit.js';

/** One of timm's: its shape is fixed; input size, dropouts and LayerScale can be chosen. */
function published(shape: VisionTransformerOptions): ModelOfFamily {
  const create = (options: ModelOptions): VisionTransformer =>
    new VisionTransformer({ ...shape, ...defined(options), patchSize: 16, mlpRatio: 4 });
  return { options: z.object(rates), create };
}

/** A family whose size is given by options; by default the narrowest published one, for images of 32 pixels. */
function free(distilled: boolean): ModelOfFamily {
  const defaults = { imageSize: 32, patchSize: 4, embedDim: 192, depth: 12 };
  const create = (options: ModelOptions): VisionTransformer => {
    const chosen = { ...defaults, ...defined(options) };
    const numHeads = chosen.numHeads ?? Math.max(1, Math.floor(chosen.embedDim / 64));
    return new VisionTransformer({ ...chosen, numHeads, distilled });
  };
  return { options: z.object({ ...sizes, ...rates }), create };
}

/** An option that is undefined must not hide a default. */
function defined(options: ModelOptions): ModelOptions {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as unknown as ModelOptions;
}

const shapes = {
  tiny: { embedDim: 192, depth: 12, numHeads: 3 },
  small: { embedDim: 384, depth: 12, numHeads: 6 },
  base: { embedDim: 768, depth: 12, numHeads: 12 },
  large: { embedDim: 1024, depth: 24, numHeads: 16 },
} as const;

const deit3Shapes = {
  small: shapes.small,
  medium: { embedDim: 512, depth: 12, numHeads: 8 },
  base: shapes.base,
  large: shapes.large,
} as const;

/**
 * DeiT-III as its authors train it (facebookresearch/deit, `models_v2.py`): LayerScale begins at 1e-4 (timm writes
 * 1e-6), CLS is drawn like the positions, and drop path is the same in every block. Published weights have their own.
 */
const deit3 = { initValues: 1e-4, noEmbedClass: true, clsStd: 0.02, constantDropPath: true } as const;

/** Models of every shape, for images of 224 and 384 pixels. */
function family(
  nameOf: (shape: string) => string,
  each: Readonly<Record<string, VisionTransformerOptions>>,
  preset: VisionTransformerOptions = {},
): Record<string, ModelOfFamily> {
  const named = Object.entries(each).flatMap(([name, shape]) =>
    [224, 384].map((imageSize) => {
      const entry = published({ ...shape, ...preset, imageSize });
      return [`${nameOf(name)}_patch16_${imageSize}`, entry] as const;
    }),
  );
  return Object.fromEntries(named);
}

/**
 * The registry's transformers by name. Names that timm does not have (`deit_large…`, some shapes for 384 pixels) follow
 * the same pattern.
 */
export const vitModels: Readonly<Record<string, ModelOfFamily>> = {
  deit: free(true),
  vit: free(false),
  ...family((shape) => `deit_${shape}_distilled`, shapes, { distilled: true }),
  ...family((shape) => `deit_${shape}`, shapes),
  ...family((shape) => `deit3_${shape}`, deit3Shapes, deit3),
  ...family((shape) => `vit_${shape}`, shapes),
};
