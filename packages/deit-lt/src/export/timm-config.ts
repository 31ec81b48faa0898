/**
 * Writes the parts of a `config.json` that timm reads: the model and its options, and the layers that fine-tuning
 * with other classes initialises. https://huggingface.co/docs/timm/hf_hub
 */

import type { Classifier } from '../classifier/classifier.js';
import { Airbench } from '../models/airbench.js';
import { PatchEmbed } from '../models/patch-embed.js';
import { regnetModels } from '../models/regnet.js';
import { resnetModels } from '../models/resnet.js';
import { VisionTransformer } from '../models/vit.js';
import { inputSize } from './onnx/model.js';
import { timmCodeOf } from './timm-code.js';

/** The keys of `config.json`. Of ResNets for CIFAR the name is one that timm does not have, and says so. */
export function timmConfig(classifier: Classifier): object {
  const { model, recipe, classNames } = classifier;
  const common = {
    architecture: timmCodeOf(model)?.architecture ?? recipe.model.name,
    num_classes: classNames.length,
  };
  if (model instanceof Airbench) return { ...common, model_args: { width: model.numFeatures / 4 } };
  if (!(model instanceof VisionTransformer)) return common;
  return {
    ...common,
    architecture: architectureOf(model, common.architecture),
    num_features: model.embedDim,
    model_args: transformerArgs(model, inputSize(classifier)),
  };
}

/**
 * The keys of `pretrained_cfg`: the first layer, for other numbers of channels, and the classifiers, for other numbers
 * of classes.
 */
export function timmLayers({ model, recipe }: Classifier): object {
  if (model instanceof VisionTransformer)
    return {
      first_conv: timmCodeOf(model)?.firstLayer ?? 'patch_embed.proj',
      classifier: model.distilled ? ['head', 'head_dist'] : 'head',
      fixed_input_size: true,
    };
  if (model instanceof Airbench) return { first_conv: timmCodeOf(model)!.firstLayer, classifier: 'head' };
  if (Object.hasOwn(resnetModels, recipe.model.name)) return { first_conv: 'conv1', classifier: 'fc' };
  if (Object.hasOwn(regnetModels, recipe.model.name)) return { first_conv: 'stem.conv', classifier: 'head.fc' };
  return {};
}

/** timm's ViT, DeiT and DeiT-III; not all of ours have a model of their own there. */
const timmNames = [
  /^deit_(tiny|small|base)(_distilled)?_patch16_224$/,
  /^deit_base(_distilled)?_patch16_384$/,
  /^deit3_(small|base|large)_patch16_(224|384)$/,
  /^deit3_medium_patch16_224$/,
  /^vit_(tiny|small|base|large)_patch16_(224|384)$/,
];

/** A model of ours has the name of its code, others their own there, or one of timm's with the same parameters when all sizes are given. */
function architectureOf(model: VisionTransformer, named: string): string {
  if (!(model.patchEmbed instanceof PatchEmbed)) return named;
  const name = model.distilled ? named : named.replace('_distilled', ''); // a plain ViT may have a student's recipe
  if (timmNames.some((pattern) => pattern.test(name))) return name;
  if (model.distilled) return 'deit_tiny_distilled_patch16_224';
  return model.embeddedPrefix === 0 ? 'deit3_small_patch16_224' : 'vit_tiny_patch16_224';
}

/** `imageSize` is that of the positions in the file. */
function transformerArgs(model: VisionTransformer, imageSize: number): object {
  const { patchEmbed, embedDim, blocks } = model;
  const [block] = [...blocks];
  return {
    img_size: imageSize,
    patch_size: patchEmbed.patchSize,
    embed_dim: embedDim,
    depth: blocks.length,
    num_heads: block!.attn.numHeads,
    mlp_ratio: block!.mlp.fc1.outFeatures / embedDim,
    ...(block!.ls1 !== null && { init_values: 1e-4 }),
    ...(!(patchEmbed instanceof PatchEmbed) && {
      stem_channels: patchEmbed.channels(),
      distilled: model.distilled,
      no_embed_class: model.embeddedPrefix === 0,
    }),
  };
}
