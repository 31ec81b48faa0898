/** `deit-lt eval`: accuracies of a trained model on test images. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { modelOrder, orderNotes } from '../classifier/class-names.js';
import type { AnyClassifier } from '../classifier/classifier.js';
import { modelGroups } from '../classifier/model-groups.js';
import type { Dataset, ImageSplit } from '../data/dataset.js';
import { openPixels } from '../data/open-pixels.js';
import { UserError } from '../errors.js';
import { intervalsByClass, talliesIn } from '../evaluation/class-figures.js';
import { type EvaluationResult, evaluate } from '../evaluation/evaluate.js';
import type { MetricsResult } from '../evaluation/metrics.js';
import { PredictionRecorder } from '../runs/predictions.js';
import { RunFolder } from '../runs/run-folder.js';
import { saveEvaluation } from '../runs/save-evaluation.js';
import { required } from './choose-recipe.js';
import type { CommandInput } from './command-spec.js';
import type { CliContext } from './context.js';
import { openData } from './open-data.js';
import { openAnyModel } from './open-model.js';
import { outputRows, resultsText, resultsTitle } from './results-table.js';

const batchSize = 256;

export async function run({ args, options, context }: CommandInput): Promise<undefined> {
  const data = required(options.data, '--data is missing: the images to measure on');
  const { which, weights, save = false } = options;
  if (save && (which === 'last' || weights !== undefined))
    throw new UserError('USAGE', '--save keeps the figures of the best checkpoint: leave out --which and --weights.');
  using classifier = await openAnyModel(args[0]!, options);
  const run = save ? runOf(classifier) : undefined;
  const dataset = await openData(data, options, context);
  const { result, save: keep } = await evaluateOn(dataset, classifier, context);
  if (run !== undefined) {
    keep(run);
    context.note(`kept in ${run.folder}, for "deit-lt compare"`);
  }
  if (options.json === true) context.printJson(resultJson(result, classifier));
  else context.print(resultText(result, classifier));
}

/** The run folder that the checkpoint is the best of. Throws UserError USAGE for a file elsewhere. */
function runOf({ file }: AnyClassifier): RunFolder {
  const run = new RunFolder(path.dirname(path.dirname(path.resolve(file))));
  if (path.resolve(file) === run.checkpoint('best') && existsSync(run.configFile)) return run;
  throw new UserError('USAGE', `--save needs the best checkpoint of a run folder; ${file} is none.`);
}

interface Evaluated {
  readonly result: EvaluationResult;
  /** Keeps it in a run folder. */
  readonly save: (run: RunFolder) => void;
}

async function evaluateOn(dataset: Dataset, classifier: AnyClassifier, context: CliContext): Promise<Evaluated> {
  const test = testOf(dataset);
  const order = modelOrder(classifier, dataset.classNames);
  for (const note of [...(classifier.notes ?? []), ...orderNotes(classifier)]) context.note(note);
  const { labels, classNames } = order.labels({ labels: test.labels, classNames: dataset.classNames });
  const reporter = await context.reporter();
  const recorder = new PredictionRecorder();
  await using source = openPixels(test.images);
  const result = await evaluate({
    source,
    labels,
    classNames,
    groups: modelGroups(classifier, dataset, order),
    outputClasses: order.to,
    pipeline: classifier.pipeline,
    batchSize,
    device: classifier.placement.device,
    logits: (xs) => classifier.logits(xs),
    keep: recorder.keep,
    onProgress: (done, total) => reporter.progress('evaluating test images', done, total),
    signal: context.signal,
  });
  const images = { labels, classNames, nameOf: test.images.nameOf };
  const of = { split: 'test', epoch: classifier.epoch ?? 0, data: dataset.name, images } as const;
  return { result, save: (run) => saveEvaluation(run, { ...of, evaluation: result, recorder }) };
}

function testOf({ name, test }: Dataset): ImageSplit {
  if (test === undefined)
    throw new UserError(
      'DATA_LAYOUT',
      `${name} has no test images. Add a test folder, or give the --split with which the model was trained: it sets the same images aside.`,
    );
  return test;
}

/** The prediction is `avg`; models with one output have no `cls` and `dist`. Per cent, with 95 % intervals; null where no images are. */
function resultJson(
  { avg, cls, dist, classNames, groups }: EvaluationResult,
  { file, kind, epoch }: AnyClassifier,
): object {
  return {
    checkpoint: file,
    kind,
    epoch: epoch === null ? null : epoch + 1,
    images: avg.images,
    classes: classNames,
    groups,
    imagesPerClass: avg.imagesPerClass,
    ...(avg.few && { few: avg.few }),
    ...(cls && { cls: figures(cls, classNames) }),
    ...(dist && { dist: figures(dist, classNames) }),
    avg: figures(avg, classNames),
  };
}

function figures(metrics: MetricsResult, classNames: readonly string[] = []): object {
  const { balanced, overall, head, mid, tail, top5, perClass, intervals } = metrics;
  const tallies = talliesIn(metrics, classNames);
  const perClassIntervals = tallies && intervalsByClass(tallies);
  return { balanced, overall, head, mid, tail, top5, intervals, perClass, perClassIntervals };
}

function resultText(result: EvaluationResult, { kind, file, epoch }: AnyClassifier): string {
  const name = kind === 'vit' ? 'plain ViT' : kind;
  const after = epoch === null ? '' : `, epoch ${epoch + 1}`;
  const title = `${resultsTitle(result.avg.images, 'test')}: ${file}${after}`;
  return resultsText(title, outputRows(result, name), 'test');
}
