/** The networks. They know tensors only: no data, no loss, no file. */
export { CosineLinear } from './cosine-linear.js';
export { type FastInference, type FastInferenceOptions, fastInference } from './fold-batch-norm.js';
export type { ImageModel, ModelEntry, ModelOptions, ModelOutput } from './model.js';
export { type Grid, interpolatePositions } from './pos-embed.js';
export { createModel, modelNames, modelOptionNames, registerModel } from './registry.js';
export { BasicBlock, ResNetCifar, type ResNetCifarOptions } from './resnet-cifar.js';
export { VisionTransformer, type VisionTransformerOptions, type VitFeatures } from './vit.js';
