/** `torch.optim`: optimizers, limits on gradients, and learning-rate schedules. */
export { Adam, type AdamOptions, type AdamState } from './adam.js';
export { AdamW } from './adamw.js';
export { type ClipNormOptions, clipGradNorm_, clipGradValue_, type NormOptions, totalGradNorm } from './clip.js';
export { Lamb, type LambGroup, type LambOptions, type LambState } from './lamb.js';
export { Muon, type MuonOptions, type MuonRule, type MuonState } from './muon.js';
export { type GroupOptions, Optimizer, type ParameterList, type Parameters } from './optimizer.js';
export type { ParameterGroup, ParameterState } from './parameter-group.js';
export * as schedules from './schedules.js';
export { SGD, type SGDOptions, type SGDState } from './sgd.js';
export type { OptimizerStateDict } from './state-dict.js';
