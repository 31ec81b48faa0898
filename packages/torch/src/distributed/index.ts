/** Processes that work together: PyTorch's process groups, with the names of torch.distributed in camelCase. */
export * from './collectives.js';
export type { Backend } from './current-group.js';
export * from './exchange-during-backward.js';
export * from './process-group.js';
export type { Work } from './work.js';
