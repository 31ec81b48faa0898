/**
 * DeiT-LT as a library: data sets, long tails, models, losses, augmentation, training, evaluation. The command line
 * `deit-lt` is made of the same functions.
 */
export { bySeed, type ComparedModel, type Contender, findModels } from './analysis/compared-runs.js';
export { type Comparison, compareRuns } from './analysis/comparison.js';
export type { ComparisonRow, Estimate } from './analysis/comparison-figures.js';
export * from './analysis/index.js';
export { type OodStudy, runOodStudy } from './analysis/ood/study.js';
export { type PresetName, presets } from './augment/presets.js';
export * from './augment/registry.js';
export type { BatchTransform, Pipeline, View, WindowSampler } from './augment/transform.js';
export {
  classCounts,
  type Dataset,
  type FileImages,
  type ImageSplit,
  type MemoryImages,
  subset,
} from './data/dataset.js';
export { describeDataset } from './data/describe.js';
export { type Group, groupsOf } from './data/groups.js';
export { Loader, type LoaderOptions } from './data/loader.js';
export { type LongTailOptions, longTailCounts, longTailIndices, makeLongTail } from './data/long-tail.js';
export { openDataset } from './data/open.js';
export { openPixels } from './data/open-pixels.js';
export { type Sampler, samplers } from './data/sampler.js';
export { drawShapes } from './data/shapes/index.js';
export { type ClassifyOptions, DeitLT } from './deit-lt.js';
export { type ErrorCode, errorCodes, UserError } from './errors.js';
export * from './losses/index.js';
export * from './models/index.js';
export { RandomStream, stream } from './random/stream.js';
export { checkRecipe, loadRecipe, recipeNames } from './recipe/load.js';
export type { Recipe } from './recipe/schema.js';
export { openAnyClassifier } from './training/any-classifier.js';
export { type AnyClassifier, type Classifier, openClassifier } from './training/classifier.js';
export { Ema } from './training/ema.js';
export { type EvaluationResult, evaluate } from './training/evaluate.js';
export { Metrics, type MetricsResult } from './training/metrics.js';
export type { Opinion, Ranked } from './training/ranking.js';
export { type EpochRecord, type Reporter, silentReporter } from './training/reporter.js';
export { SAM } from './training/sam.js';
export {
  type TrainOptions,
  type TrainResult,
  trainAll,
  trainStudent,
  trainTeacher,
  trainVit,
} from './training/train.js';
