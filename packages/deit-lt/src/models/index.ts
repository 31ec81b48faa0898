/** The networks. They depend only on tensors, not on data, losses or files. */
export { Airbench, type AirbenchOptions } from './airbench.js';
export { CosineLinear } from './cosine-linear.js';
export {
  canFold,
  type FastInference,
  type FastInferenceOptions,
  type FoldableNetwork,
  fastInference,
} from './fold-batch-norm.js';
export { Glmc, type GlmcModuleOptions, type GlmcOutput } from './glmc.js';
export { LayerScale } from './layer-scale.js';
export {
  type CommonModelOptions,
  type FeatureNet,
  type ImageModel,
  type InitializedFromImages,
  isFeatureNet,
  isInitializedFromImages,
  type ModelEntry,
  type ModelOptions,
  type ModelOutput,
} from './model.js';
export { Paco, type PacoModuleOptions, type PacoOutput } from './paco.js';
export { type Grid, interpolatePositions } from './pos-embed.js';
export { createModel, modelNames, modelOptionNames, registerModel } from './registry.js';
export { RegNet, type RegNetOptions, type RegNetShape, regnetNameFromTorchvision } from './regnet.js';
export { RegNetBlock, SqueezeExcite } from './regnet-block.js';
export { ResNet, type ResNetOptions } from './resnet.js';
export { ResNetBasicBlock, ResNetBottleneck } from './resnet-blocks.js';
export { BasicBlock, ResNetCifar, type ResNetCifarOptions } from './resnet-cifar.js';
export { VisionTransformer, type VisionTransformerOptions, type VitFeatures } from './vit.js';
