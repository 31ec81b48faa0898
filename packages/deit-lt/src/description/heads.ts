/** The number of attention heads of a published transformer, which no weight shows. */
import { createModel, modelNames } from '../models/registry.js';
import { VisionTransformer } from '../models/vit.js';

/**
 * Returns the heads of a published size by its name, also with timm's tag (`deit_tiny_patch16_224.fb_in1k`); undefined
 * for all others.
 */
export function headsOf(name: string): number | undefined {
  const [plain = ''] = name.split('.');
  if (['deit', 'vit'].includes(plain) || !modelNames().includes(plain)) return undefined;
  using model = createModel(plain, { numClasses: 1, device: 'meta' });
  return model instanceof VisionTransformer ? [...model.blocks][0]!.attn.numHeads : undefined;
}
