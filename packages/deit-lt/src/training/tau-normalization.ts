/**
 * τ-normalisation of a trained model, into a run folder of its own. τ is chosen on the validation images that the
 * training set aside, never on test images.
 */
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import { compareClassNames } from '../classifier/class-names.js';
import { type Classifier, openClassifier } from '../classifier/classifier.js';
import type { Dataset } from '../data/dataset.js';
import { prepareData, type TrainingData } from '../data/prepare-data.js';
import { UserError } from '../errors.js';
import { type EvaluationResult, evaluate } from '../evaluation/evaluate.js';
import { type ClassifierLayer, classifierLayers } from '../models/classifier-layers.js';
import { CosineLinear } from '../models/cosine-linear.js';
import { tauNormalized } from '../models/tau-normalize.js';
import { sha256Of } from '../runs/files.js';
import { PredictionRecorder } from '../runs/predictions.js';
import { type Reporter, silentReporter } from '../runs/reporter.js';
import { type RunConfig, RunFolder } from '../runs/run-folder.js';
import { saveEvaluation } from '../runs/save-evaluation.js';
import { readWeights, saveWeights } from '../runs/training-state.js';
import { scoreTaus, type TauScore } from './tau-search.js';

export interface TauOptions {
  /** The data that the model was trained on; validation images are taken from them as in its training. */
  readonly dataset: Dataset;
  /** A run folder or checkpoint. */
  readonly run: string;
  /** The new run folder. */
  readonly folder: string;
  /** Default: the best of `taus` on the validation images, by the mean of the per-class accuracies. */
  readonly tau?: number;
  readonly reporter?: Reporter;
  readonly signal?: AbortSignal;
  /** Words of the command line, for config.json. */
  readonly command?: readonly string[];
}

export interface TauResult {
  readonly folder: string;
  readonly tau: number;
  /** Scores of all values of τ that were tried; empty when τ was given. */
  readonly scores: readonly TauScore[];
  /** Result of the unchanged model on the test images … */
  readonly before: EvaluationResult | undefined;
  /** … and of the normalised one; undefined when there are none. */
  readonly evaluation: EvaluationResult | undefined;
}

/**
 * Divides the weight vector of each class by a power of its L2 norm, leaves the bias out, as published, and writes the
 * model, its figures and predictions into `folder`. Throws UserError RECIPE when τ must be chosen and no images were
 * set aside, CHECKPOINT for a classifier without norms, RUN_FOLDER for other data and for a folder that is not empty.
 */
export async function normalizeRun(options: TauOptions): Promise<TauResult> {
  using classifier = await openClassifier(options.run);
  const { config } = torch.tidy(() => readWeights(classifier.file));
  const layers = linearLayers(classifier);
  const data = prepareData(options.dataset, config.recipe);
  try {
    requireSameData(data, config, classifier.file);
    requireModelOrder(data, classifier);
    return await normalizeWith({ options, classifier, config, layers, data });
  } finally {
    for (const split of [data.train, data.validation, data.test]) await split?.source[Symbol.asyncDispose]();
  }
}

interface Opened {
  readonly options: TauOptions;
  readonly classifier: Classifier;
  readonly config: RunConfig;
  readonly layers: readonly torch.nn.Linear[];
  readonly data: TrainingData;
}

async function normalizeWith(opened: Opened): Promise<TauResult> {
  const { options, classifier, layers } = opened;
  const scores = options.tau === undefined ? await tryAll(opened) : [];
  const tau = options.tau ?? scores.reduce((best, score) => (score.balanced > best.balanced ? score : best)).tau;
  const run = new RunFolder(path.resolve(options.folder));
  const config = configOf(opened, tau);
  run.begin(config, false);
  const before = await measure(opened);
  for (const layer of layers) normalizeLayer(layer, tau);
  torch.tidy(() => saveWeights(run.checkpoint('best'), classifier.model.stateDict(), config, classifier.epoch));
  const evaluation = await measure(opened, run);
  return { folder: run.folder, tau, scores, before, evaluation };
}

function normalizeLayer({ weight, bias }: torch.nn.Linear, tau: number): void {
  torch.tidy(() =>
    torch.noGrad(() => {
      weight.copy_(tauNormalized(weight, tau));
      bias?.zero_();
    }),
  );
}

/** Throws UserError CHECKPOINT for cosine classifiers, whose weight vectors all have norm 1. */
function linearLayers({ model, file }: Classifier): torch.nn.Linear[] {
  const layers = classifierLayers(model);
  const isLinear = (layer: ClassifierLayer): layer is torch.nn.Linear => !(layer instanceof CosineLinear);
  if (layers.every(isLinear)) return layers;
  throw new UserError(
    'CHECKPOINT',
    `${file} has a cosine classifier, whose weight vectors all have length 1 already. Use a model with a linear classifier.`,
  );
}

function requireSameData({ fingerprint, name }: TrainingData, config: RunConfig, file: string): void {
  if (fingerprint !== config.data.fingerprint)
    throw new UserError(
      'RUN_FOLDER',
      `${name} has other training images than ${file} was trained on, so its validation images are not known. Give the --data and --split of that training.`,
    );
}

/** Labels are numbered as in the training, so classes of other names, or in another order, are of other data. */
function requireModelOrder({ classNames }: TrainingData, classifier: Classifier): void {
  if (classifier.namesKnown && compareClassNames(classifier.classNames, classNames, classifier.file) !== null)
    throw new UserError(
      'DATA_CLASSES',
      `the classes of ${classifier.file} are in another order than those of the data. Give the --data of its training.`,
    );
}

function tryAll({
  options: { reporter = silentReporter, signal },
  classifier,
  config,
  data,
}: Opened): Promise<TauScore[]> {
  if (data.validation === undefined)
    throw new UserError(
      'RECIPE',
      `τ is chosen on validation images, and the training of ${classifier.file} set none aside (data.validation is 0). Give --tau, or train with --set data.validation=0.1.`,
    );
  return scoreTaus(classifier, data.validation, {
    groups: data.groups,
    batchSize: config.recipe.evaluation.batchSize,
    onProgress: (done, total) => reporter.progress('evaluating validation images', done, total),
    ...(signal && { signal }),
  });
}

/** Evaluates on the test images; `run` stores the result. */
async function measure(opened: Opened, run?: RunFolder): Promise<EvaluationResult | undefined> {
  const { options, classifier, config, data } = opened;
  const { reporter = silentReporter, signal } = options;
  const { test, groups, name, classNames } = data;
  if (test === undefined) return undefined;
  const recorder = new PredictionRecorder();
  const evaluation = await evaluate({
    ...test,
    groups,
    outputClasses: classNames,
    pipeline: classifier.pipeline,
    batchSize: config.recipe.evaluation.batchSize,
    device: classifier.placement.device,
    logits: (images) => classifier.logits(images),
    keep: recorder.keep,
    onProgress: (done, total) => reporter.progress('evaluating test images', done, total),
    ...(signal && { signal }),
  });
  const epoch = classifier.epoch ?? 0;
  if (run) saveEvaluation(run, { split: 'test', epoch, data: name, images: test, evaluation, recorder });
  return evaluation;
}

function configOf({ options: { run, command = [] }, classifier, config }: Opened, tau: number): RunConfig {
  const sha256 = sha256Of(classifier.file);
  const from = { path: path.resolve(run), sha256, ...(config.from && { from: config.from }) };
  return { ...config, from, tau, command, started: new Date().toISOString() };
}
