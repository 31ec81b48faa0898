/** `torch.nn`: modules, initialisers and functions to build networks from. */
export * from './activation.js';
export * from './batch-norm.js';
export * from './containers.js';
export * from './conv.js';
export type { ModuleToOptions } from './convert.js';
export * from './dropout.js';
export * from './embedding.js';
export * from './flatten.js';
export * as functional from './functional.js';
export * as init from './init.js';
export * from './layer-norm.js';
export * from './linear.js';
export * from './losses.js';
export * from './module.js';
export * from './parameter.js';
export type { PlacementOptions } from './placement.js';
export * from './pooling.js';
export type { LoadOptions, LoadResult, StateDict } from './state-dict.js';
