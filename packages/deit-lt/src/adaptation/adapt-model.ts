/** Fits the adaptation of a trained model on labelled images that it was not trained on. */
import * as torch from '@deit-lt/torch';
import { calibrationOf } from '../analysis/calibration.js';
import { type Adaptation, type AdaptationMeasures, adaptationFormat } from '../classifier/adaptation.js';
import { excluded } from '../classifier/adapted-logits.js';
import type { AnyClassifier } from '../classifier/classifier.js';
import type { PixelSource } from '../data/pixel-source.js';
import type { LabelledSource } from '../data/prepare-data.js';
import { UserError } from '../errors.js';
import { sha256Of } from '../runs/files.js';
import type { OutputName } from '../runs/predictions.js';
import { type Reporter, silentReporter } from '../runs/reporter.js';
import { collectOutputs } from './collect-outputs.js';
import { classLimits } from './conformal.js';
import { estimatePrior } from './estimate-prior.js';
import { fitOutputs, type OutputFit } from './fit-outputs.js';
import { countsOf, imageWeights, type JudgedImages, judge, measuresOf } from './fitted-figures.js';
import { limitedTo, namedPrior, normalised, requireClasses, type TargetPrior } from './target-prior.js';
import { coverageRisk, thresholdForCost, thresholdsForPrecision } from './thresholds.js';

/** Images without labels, whose class shares are estimated. */
export interface UnlabelledImages {
  readonly source: PixelSource;
  readonly images: number;
  /** The folder or file that they were read from. */
  readonly name: string;
}

export interface AdaptOptions {
  /** The model, without an adaptation. */
  readonly classifier: AnyClassifier;
  /** Labelled images that the model was not trained on; labels by the model's classes. */
  readonly calibration: LabelledSource & { readonly name: string };
  /** Test images, to measure the adapted model. */
  readonly test?: LabelledSource | undefined;
  /** `uniform`, `training`, or a JSON file with the share of each class. Default `uniform`. */
  readonly prior?: string;
  /** Images of the place where the model is used: the shares of the classes are estimated from them. */
  readonly unlabelled?: UnlabelledImages | undefined;
  /** Names of the classes that can occur. Default: all that have a share in the prior. */
  readonly onlyClasses?: readonly string[];
  /** Share of right answers among those that are not "unknown", for each class, between 0 and 1. */
  readonly minPrecision?: number;
  /** Cost of a wrong answer where "unknown" costs 1; above 1. */
  readonly errorCost?: number;
  /** Share of the images of each class whose conformal set shall contain the class, between 0 and 1. */
  readonly coverage?: number;
  readonly reporter?: Reporter;
  readonly signal?: AbortSignal;
  /** Words of the command line, for the file. */
  readonly command?: readonly string[];
}

/**
 * Fits the weights of the outputs, the temperature and the logit adjustment with each class of `calibration` counted alike,
 * then moves the result to the prior, and derives thresholds and conformal limits. Nothing is written:
 * `writeAdaptation` does. Throws UserError ADAPTATION without calibration images of at least two classes, USAGE for
 * options that exclude each other.
 */
export async function adaptModel(options: AdaptOptions): Promise<Adaptation> {
  requireOptions(options);
  const given = options.unlabelled === undefined ? priorOf(options) : undefined;
  const { classifier, calibration, unlabelled } = options;
  const outputs = await collect(options, 'calibration', calibration.source, calibration.labels.length);
  try {
    const fit = fitOn(options, outputs);
    const prior = given ?? priorOf(options, await estimateOn(options, unlabelled!, fit));
    const bias = biasOf(classifier, fit, prior);
    const scores: Scores = { names: [...outputs.keys()], weights: fit.weights, bias };
    const judged = {
      before: judgeRaw(outputs, calibration.labels, prior),
      after: judgeWith(outputs, calibration.labels, prior, scores),
    };
    const measured = measuresBoth(judged, bias.length);
    const { curve, bins } = pictures(judged.after);
    return {
      format: adaptationFormat,
      sha256: sha256Of(classifier.file),
      classNames: [...classifier.classNames],
      outputs: scores.names,
      weights: [...fit.weights],
      adjustment: fit.adjustment,
      bias,
      prior,
      unknown: unknownRuleOf(options, judged.after, bias.length),
      conformal: conformalRuleOf(options, { outputs, scores, judged: judged.after, prior }),
      fitted: {
        data: calibration.name,
        imagesPerClass: countsOf(calibration.labels, bias.length),
        ...measured,
        bins,
        curve,
      },
      test: await testWith(options, scores, prior),
      command: [...(options.command ?? [])],
      made: new Date().toISOString(),
    };
  } finally {
    for (const logits of outputs.values()) logits.dispose();
  }
}

/** Limits are a little lower than the probability that they were taken from, which float32 gives with another last digit. */
const slack = 1 - 1e-5;

type Outputs = ReadonlyMap<OutputName, torch.Tensor>;

/** The scores before the softmax: weighted logits and a value for each class. */
interface Scores {
  readonly names: OutputName[];
  readonly weights: readonly number[];
  readonly bias: number[];
}

function requireOptions({
  calibration,
  onlyClasses = [],
  minPrecision,
  errorCost,
  prior,
  unlabelled,
  classifier,
}: AdaptOptions): void {
  if (minPrecision !== undefined && errorCost !== undefined)
    throw new UserError(
      'USAGE',
      '--min-precision and --error-cost exclude each other: both say when the answer is "unknown".',
    );
  if (prior !== undefined && unlabelled !== undefined)
    throw new UserError(
      'USAGE',
      '--prior and --prior-from exclude each other: give the shares of the classes, or images to estimate them from.',
    );
  requireClasses(onlyClasses, classifier.classNames, '--only-classes');
  if (classifier.adaptation !== undefined && classifier.kind !== 'student')
    throw new UserError(
      'ADAPTATION',
      `${classifier.file} is adapted already, and its output cannot be told from the adaptation. Adapt the model that it was exported from, or export it with --no-adaptation.`,
    );
  const classes = countsOf(calibration.labels, classifier.classNames.length).filter((images) => images > 0).length;
  if (classes < 2)
    throw new UserError(
      'ADAPTATION',
      `${calibration.name} has calibration images of ${classes} of ${classifier.classNames.length} classes, expected at least 2. The fit needs images of at least two classes: set more training images aside (data.validation), or give others by --calibration.`,
    );
}

function collect(
  { classifier, reporter = silentReporter, signal }: AdaptOptions,
  what: string,
  source: PixelSource,
  images: number,
) {
  return collectOutputs(classifier, {
    source,
    images,
    onProgress: (done, total) => reporter.progress(`classifying ${what} images`, done, total),
    ...(signal && { signal }),
  });
}

/** The share of each class in training, above 0: a class without images counts as half an image. Undefined when not known. */
function trainingShares({ trainCounts }: AnyClassifier): Float64Array | undefined {
  if (trainCounts.every((count) => count === 0)) return undefined;
  return Float64Array.from(normalised(trainCounts.map((count) => Math.max(count, 0.5))));
}

const uniformShares = (classes: number): Float64Array => new Float64Array(classes).fill(1 / classes);

function fitOn({ classifier, calibration: { labels } }: AdaptOptions, outputs: Outputs): OutputFit {
  const shares = trainingShares(classifier);
  const weights = imageWeights(labels, uniformShares(classifier.classNames.length));
  return fitOutputs({ outputs: [...outputs.values()], labels, weights, ...(shares && { shares }) });
}

/** The bias under equal shares of all classes, to which the logarithms of the prior are added. */
function uniformBias(classifier: AnyClassifier, { adjustment }: OutputFit): number[] {
  const shares = trainingShares(classifier);
  return classifier.classNames.map((_, c) => (shares ? -adjustment * Math.log(shares[c]!) : 0));
}

function biasOf(classifier: AnyClassifier, fit: OutputFit, { shares }: TargetPrior): number[] {
  const raised = uniformBias(classifier, fit).map((bias, c) =>
    shares[c]! > 0 ? bias + Math.log(shares[c]!) : excluded,
  );
  const most = Math.max(...raised);
  return raised.map((bias) => (bias <= excluded ? excluded : bias - most));
}

async function estimateOn(options: AdaptOptions, unlabelled: UnlabelledImages, fit: OutputFit): Promise<TargetPrior> {
  const outputs = await collect(options, 'unlabelled', unlabelled.source, unlabelled.images);
  try {
    const source = uniformShares(options.classifier.classNames.length);
    const scores = { names: [...outputs.keys()], weights: fit.weights, bias: uniformBias(options.classifier, fit) };
    const shares = torch.tidy(() => estimatePrior({ probabilities: probabilitiesOf(outputs, scores), source }));
    return { from: 'estimated', source: unlabelled.name, shares: normalised(shares) };
  } finally {
    for (const logits of outputs.values()) logits.dispose();
  }
}

function priorOf({ classifier, prior = 'uniform', onlyClasses }: AdaptOptions, estimated?: TargetPrior): TargetPrior {
  const found = estimated ?? namedPrior(prior, classifier);
  const limited = onlyClasses === undefined ? found : limitedTo(found, onlyClasses, classifier.classNames);
  if (limited.shares.filter((share) => share > 0).length > 1) return limited;
  throw new UserError(
    'ADAPTATION',
    'by the prior and --only-classes, a single class occurs, so there is nothing to decide. Name at least two classes.',
  );
}

function probabilitiesOf(outputs: Outputs, { names, weights, bias }: Scores): torch.Tensor {
  const terms = names.map((name, k) => outputs.get(name)!.double().mul(weights[k]!));
  const sum = terms.reduce((all, term) => all.add(term));
  return sum.add(torch.tensor(bias, { dtype: 'float64' })).softmax(1);
}

/** As trained: the mean of the outputs. */
function judgeRaw(outputs: Outputs, labels: Int32Array, prior: TargetPrior): JudgedImages {
  const weights = [...outputs.keys()].map(() => 1 / outputs.size);
  return judgeWith(outputs, labels, prior, { names: [...outputs.keys()], weights, bias: prior.shares.map(() => 0) });
}

function judgeWith(outputs: Outputs, labels: Int32Array, prior: TargetPrior, scores: Scores): JudgedImages {
  return torch.tidy(() => {
    const kept = occurringIn(outputs, labels, prior);
    return judge(probabilitiesOf(kept.outputs, scores), kept.labels, imageWeights(kept.labels, prior.shares));
  });
}

/** Leaves out images of classes that do not occur: they have no weight. */
function occurringIn(
  outputs: Outputs,
  labels: Int32Array,
  { shares }: TargetPrior,
): { outputs: Outputs; labels: Int32Array } {
  const occurs = Int32Array.from(labels.keys()).filter((i) => shares[labels[i]!]! > 0);
  if (occurs.length === 0)
    throw new UserError('ADAPTATION', 'there are no calibration images of the classes that occur by the prior.');
  const rows = torch.tensor(occurs).long();
  return {
    outputs: new Map([...outputs].map(([name, logits]) => [name, logits.indexSelect(0, rows)])),
    labels: occurs.map((i) => labels[i]!),
  };
}

function measuresBoth(
  { before, after }: { before: JudgedImages; after: JudgedImages },
  classes: number,
): { before: AdaptationMeasures; after: AdaptationMeasures } {
  return { before: measuresOf(before, classes), after: measuresOf(after, classes) };
}

function pictures(judged: JudgedImages): Pick<Adaptation['fitted'], 'curve' | 'bins'> {
  return { curve: coverageRisk(judged), bins: [...calibrationOf(judged).bins] };
}

function unknownRuleOf(
  { minPrecision, errorCost }: AdaptOptions,
  judged: JudgedImages,
  classes: number,
): Adaptation['unknown'] {
  if (minPrecision === undefined && errorCost === undefined) return null;
  const { ofClass, own } =
    minPrecision === undefined
      ? {
          ofClass: new Float64Array(classes).fill(thresholdForCost(errorCost!)),
          own: new Array<boolean>(classes).fill(false),
        }
      : thresholdsForPrecision(judged, classes, minPrecision);
  const thresholds = ofClass.map((threshold) => threshold * slack);
  const { predicted, confidence, correct, weights } = judged;
  let [accepted, wrong] = [0, 0];
  for (let i = 0; i < judged.labels.length; i++) {
    if (confidence[i]! < thresholds[predicted[i]!]!) continue;
    accepted += weights[i]!;
    wrong += weights[i]! * (1 - Number(correct[i]));
  }
  return {
    rule: minPrecision === undefined ? 'error-cost' : 'precision',
    value: minPrecision ?? errorCost!,
    thresholds: [...thresholds],
    own: [...own],
    coverage: Math.min(1, accepted),
    risk: accepted === 0 ? null : Math.min(1, wrong / accepted),
  };
}

function conformalRuleOf(
  { coverage, calibration: { labels } }: AdaptOptions,
  { outputs, scores, judged, prior }: { outputs: Outputs; scores: Scores; judged: JudgedImages; prior: TargetPrior },
): Adaptation['conformal'] {
  if (coverage === undefined) return null;
  const occurring = prior.shares.map((share) => share > 0);
  const classes = occurring.length;
  const exact = classLimits({ ofLabel: judged.ofLabel, labels: judged.labels, classes, coverage });
  const limits = exact.map((limit) => limit * slack);
  const meanSize = torch.tidy(() => {
    const included = probabilitiesOf(occurringIn(outputs, labels, prior).outputs, scores).ge(
      torch.tensor(limits, { dtype: 'float64' }),
    );
    const sizes = included
      .double()
      .mul(torch.tensor(occurring.map(Number), { dtype: 'float64' }))
      .sum([1]);
    return sizes
      .mul(torch.tensor(judged.weights, { dtype: 'float64' }))
      .sum()
      .toNumber();
  });
  return {
    coverage,
    limits: [...limits],
    always: limits.reduce((sum, limit, c) => sum + Number(limit === 0 && occurring[c]!), 0),
    meanSize,
  };
}

async function testWith(options: AdaptOptions, scores: Scores, prior: TargetPrior): Promise<Adaptation['test']> {
  const { test } = options;
  if (test === undefined || !test.labels.some((label) => prior.shares[label]! > 0)) return null;
  const outputs = await collect(options, 'test', test.source, test.labels.length);
  try {
    const judged = {
      before: judgeRaw(outputs, test.labels, prior),
      after: judgeWith(outputs, test.labels, prior, scores),
    };
    return measuresBoth(judged, scores.bias.length);
  } finally {
    for (const logits of outputs.values()) logits.dispose();
  }
}
