/**
 * DeiT-LT as a library: data sets, long tails, models, losses, augmentation, training, evaluation. The command line
 * `deit-lt` is made of the same functions.
 */

export * as torch from '@deit-lt/torch';
export { z } from 'zod';
export { type AdaptOptions, adaptModel, type UnlabelledImages } from './adaptation/adapt-model.js';
export { bySeed, type ComparedModel, type Contender, findModels } from './analysis/compared-runs.js';
export { type Comparison, compareRuns } from './analysis/comparison.js';
export type { ComparisonRow, Estimate } from './analysis/comparison-figures.js';
export * from './analysis/index.js';
export { type AnalyzeOptions, type AnalyzeResult, analyzeRun } from './analysis/run/analyze-run.js';
export type { Augmentation, AugmentationKind, PipelineContext, WindowChange } from './augment/augmentation.js';
export type { AugmentationEntry } from './augment/augmentation-entry.js';
export { type PresetName, presets } from './augment/presets.js';
export {
  type AugmentationName,
  type AugmentConfig,
  augmentations,
  augmentSchema,
  buildPipeline,
  evaluationPipeline,
  type ResolvedAugmentConfig,
  registerAugmentation,
  resolveAugment,
  windowNames,
} from './augment/registry.js';
export type { BatchTransform, Pipeline, View, WindowSampler } from './augment/transform.js';
export { type ByClass, byClass, ClassMap } from './by-class.js';
export { type Adaptation, adaptationFile, readAdaptation, writeAdaptation } from './classifier/adaptation.js';
export { type OpenAnyOptions, openAnyClassifier } from './classifier/any-classifier.js';
export { type AnyClassifier, type Classifier, openClassifier } from './classifier/classifier.js';
export {
  classCounts,
  type Dataset,
  type FileImages,
  type ImageSplit,
  type MemoryImages,
  subset,
} from './data/dataset.js';
export { describeDataset } from './data/describe.js';
export { fileSplit } from './data/file-split.js';
export { type Group, groupsOf } from './data/groups.js';
export { Loader, type LoaderOptions } from './data/loader.js';
export { type LongTailOptions, longTailCounts, longTailIndices, makeLongTail } from './data/long-tail.js';
export { openDataset, registerSource } from './data/open.js';
export type { OpenContext, SourceEntry, SourceKind } from './data/open-options.js';
export { openPixels } from './data/open-pixels.js';
export { createSampler, registerSampler } from './data/samplers/registry.js';
export type { EpochOrder, Sampler, SamplerEntry, SamplerPlace } from './data/samplers/sampler.js';
export { drawShapes } from './data/shapes/index.js';
export { type ClassifyOptions, DeitLT } from './deit-lt.js';
export { type ErrorCode, errorCodes, UserError } from './errors.js';
export {
  type Accuracies,
  type AccuracyName,
  accuraciesOf,
  accuracyNames,
  type ClassTallies,
  figuresOf,
  talliesOf,
} from './evaluation/class-figures.js';
export { type EvaluationResult, evaluate } from './evaluation/evaluate.js';
export { Metrics, type MetricsResult } from './evaluation/metrics.js';
export type { Opinion, Ranked } from './evaluation/ranking.js';
export { type ExportOptions, type ExportResult, exportModel } from './export/export-model.js';
export type { Exporter, ExporterEntry, ExportNotes } from './export/exporter-entry.js';
export { registerExporter } from './export/registry.js';
export * from './losses/index.js';
export * from './models/index.js';
export { Ema } from './optim/ema.js';
export { createOptimizer } from './optim/optimizer.js';
export type {
  CommonOptimizerOptions,
  Learning,
  OptimizerChoice,
  OptimizerEntry,
  ScheduledOptimizer,
} from './optim/optimizer-entry.js';
export { type DecayGroup, type ParameterGroupsOptions, parameterGroups } from './optim/parameter-groups.js';
export { registerOptimizer } from './optim/registry.js';
export { SAM } from './optim/sam.js';
export type { Place, ScheduleConfig, ScheduleSpan } from './optim/schedule-config.js';
export type { PublishedSchedule, ScheduleEntry, ScheduleTime } from './optim/schedule-entry.js';
export { registerSchedule } from './optim/schedule-registry.js';
export { learningRate } from './optim/schedules.js';
export { type LoadedPlugin, loadPlugin } from './plugin.js';
export { RandomStream, stream } from './random/stream.js';
export { checkRecipe, loadRecipe, recipeNames } from './recipe/load.js';
export type { Recipe } from './recipe/schema.js';
export type { RegistryEntry } from './registry.js';
export { makeReport, type Report } from './report/report.js';
export { type ReportRun, readRuns } from './report/report-run.js';
export { type EpochRecord, type Reporter, silentReporter } from './runs/reporter.js';
export { type FinalEvaluation, type RunConfig, RunFolder } from './runs/run-folder.js';
export { type LadderStudy, type Rung, type RungResult, runLadder } from './studies/ladder/study.js';
export { type OodStudy, runOodStudy } from './studies/ood/study.js';
export { registerTask } from './tasks/registry.js';
export type { LossParts, Pass, PreparedBatch, Task, TaskBatch } from './tasks/task.js';
export type { TaskContext, TaskEntry } from './tasks/task-entry.js';
export {
  type TrainOptions,
  type TrainResult,
  type TrainTaskOptions,
  trainAll,
  trainStudent,
  trainTask,
  trainTeacher,
  trainVit,
} from './training/train.js';
