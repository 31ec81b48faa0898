/** Losses: cross-entropy and its forms for long tails, class weights, PaCo, GLMC, and distillation. */
export { balancedSoftmax } from './balanced-softmax.js';
export { type BceOptions, bce } from './bce.js';
export { classWeights } from './class-weights.js';
export { type CrossEntropyOptions, crossEntropy } from './cross-entropy.js';
export {
  type DistillationLoss,
  type DistillationOptions,
  type DistillationParts,
  distillation,
  type HeadLogits,
} from './distillation.js';
export { type FocalOptions, focal } from './focal.js';
export { type GlmcLoss, type GlmcMixture, type GlmcMoment, type GlmcOptions, type GlmcParts, glmc } from './glmc.js';
export { type LdamOptions, ldam, ldamMargins } from './ldam.js';
export { type LogitAdjustmentOptions, logitAdjustment } from './logit-adjustment.js';
export type { Loss, WeightOptions } from './loss.js';
export type { LossEntry } from './loss-entry.js';
export { type PacoBatch, type PacoLoss, type PacoOptions, paco } from './paco.js';
export { createLoss, type LossOptions, lossNames, registerLoss } from './registry.js';
export { softTargetCrossEntropy } from './soft-target-cross-entropy.js';
export { type VsOptions, vs } from './vs.js';
