/** torchvision's Vision Transformers (`vit_b_16`, …), whose weights have other names than timm's and the same meaning. */
import type { Family } from './family.js';
import { transformers } from './transformers.js';

const renamed: readonly (readonly [RegExp, string])[] = [
  [/^class_token$/, 'cls_token'],
  [/^conv_proj\./, 'patch_embed.proj.'],
  [/^encoder\.pos_embedding$/, 'pos_embed'],
  [/^encoder\.ln\./, 'norm.'],
  [/^heads\.head\./, 'head.'],
  [/^encoder\.layers\.encoder_layer_(\d+)\./, 'blocks.$1.'],
  [/\.ln_([12])\./, '.norm$1.'],
  [/\.self_attention\.in_proj_/, '.attn.qkv.'],
  [/\.self_attention\.out_proj\./, '.attn.proj.'],
  [/\.mlp\.(?:linear_1|0)\./, '.mlp.fc1.'],
  [/\.mlp\.(?:linear_2|3)\./, '.mlp.fc2.'],
];

/** Returns timm's name of a weight of torchvision's ViT: `encoder.layers.encoder_layer_2.ln_1.bias` → `blocks.2.norm1.bias`. */
export function vitNameFromTorchvision(name: string): string {
  return renamed.reduce((changed, [pattern, replacement]) => changed.replace(pattern, replacement), name);
}

export const torchvisionTransformers: Family = (shapes, settings) => {
  if (!shapes.has('class_token') || !shapes.has('conv_proj.weight') || !shapes.has('encoder.ln.weight'))
    return undefined;
  const ours = new Map([...shapes].map(([name, shape]) => [vitNameFromTorchvision(name), shape]));
  const found = transformers(ours, settings);
  return found && { ...found, rename: vitNameFromTorchvision };
};
