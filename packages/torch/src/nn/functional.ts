/** `torch.nn.functional`: layers and losses as functions of all their tensors. */
export * from './functional/activation.js';
export { type AttentionOptions, scaledDotProductAttention } from './functional/attention.js';
export * from './functional/conv.js';
export * from './functional/dropout.js';
export { type EmbeddingFunctionOptions, embedding, linear } from './functional/linear.js';
export * from './functional/losses.js';
export * from './functional/normalization.js';
export * from './functional/pooling.js';
export * from './functional/resize.js';
export type { Pair, Reduction } from './functional/shared.js';
