/** Measures of a trained model, each with its definition and source. They know tensors and numbers, not runs. */
export { cosineSimilarity } from '../models/expert-cosine.js';
export * from './attention-distance.js';
export * from './attention-rollout.js';
export * from './calibration.js';
export * from './expert-agreement.js';
export * from './feature-rank.js';
export * from './rank-correlation.js';
export * from './sharpness.js';
export * from './teacher-answers.js';
