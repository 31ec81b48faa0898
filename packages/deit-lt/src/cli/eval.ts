/** `deit-lt eval`: accuracies of a trained model on test images. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { byClass } from '../by-class.js';
import { modelOrder, orderNotes } from '../classifier/class-names.js';
import type { AnyClassifier } from '../classifier/classifier.js';
import { modelGroups } from '../classifier/model-groups.js';
import type { Dataset, ImageSplit } from '../data/dataset.js';
import { fingerprint } from '../data/fingerprint.js';
import { openPixels } from '../data/open-pixels.js';
import { splitsOf } from '../data/splits.js';
import { UserError } from '../errors.js';
import { intervalsByClass, talliesIn } from '../evaluation/class-figures.js';
import { type EvaluationResult, evaluate } from '../evaluation/evaluate.js';
import type { MetricsResult } from '../evaluation/metrics.js';
import { trainingName } from '../recipe/training-kind.js';
import { PredictionRecorder } from '../runs/predictions.js';
import { isRunFolder, RunFolder, readRunConfig } from '../runs/run-folder.js';
import { saveEvaluation } from '../runs/save-evaluation.js';
import { suggestedCommand } from '../suggested-command.js';
import { visible } from '../text/visible.js';
import { ruleWords } from './adaptation-text.js';
import { required } from './choose-recipe.js';
import type { CommandInput } from './command-spec.js';
import type { CliContext } from './context.js';
import { openData } from './open-data.js';
import { openAnyModel } from './open-model.js';
import { outputRows, resultsText, resultsTitle } from './results-table.js';
import { weightsLines } from './weights-line.js';

const batchSize = 256;

export async function run({ args, options, context }: CommandInput): Promise<undefined> {
  const data = required(options.data, '--data is missing: the data set to evaluate on');
  const { which, weights, save = false } = options;
  if (save && (which === 'last' || weights !== undefined))
    throw new UserError('USAGE', '--save stores the accuracy of the best checkpoint: leave out --which and --weights.');
  using classifier = await openAnyModel(args[0]!, options);
  for (const line of weightsLines(classifier, options)) context.note(line);
  const run = save ? runOf(classifier) : undefined;
  const { background } = classifier;
  const dataset = await openData(data, options, context, { evaluation: true, background });
  if (options.split !== undefined) for (const note of changedNote(classifier, dataset)) context.note(note);
  const { result, save: keep } = await evaluateOn(dataset, classifier, context);
  if (run !== undefined) {
    keep(run);
    context.note(`saved in ${run.folder}, for "${suggestedCommand('compare')}"`);
  }
  if (options.json === true) context.printJson(resultJson(result, classifier));
  else context.print(resultText(result, classifier));
}

/**
 * `--split` sets the same images aside as the training only while the folder has the same images: in a changed one, test images may have
 * been trained on.
 */
function changedNote({ file, classNames }: AnyClassifier, dataset: Dataset): string[] {
  const run = path.dirname(path.dirname(path.resolve(file)));
  if (!isRunFolder(run) || !sameNames(dataset.classNames, classNames)) return [];
  const { recipe, data } = readRunConfig(run);
  if (data.fingerprint === '' || fingerprint(splitsOf(dataset, recipe).train) === data.fingerprint) return [];
  return [
    `These are not the images that ${run} was trained on, or not its --split: images were added, removed or renamed since. Some of the test images may have been trained on, so the accuracy may be too high.`,
  ];
}

const sameNames = (a: readonly string[], b: readonly string[]): boolean => `${[...a].sort()}` === `${[...b].sort()}`;

/** The run folder that the checkpoint is the best of. Throws UserError USAGE for a file elsewhere. */
function runOf({ file }: AnyClassifier): RunFolder {
  const run = new RunFolder(path.dirname(path.dirname(path.resolve(file))));
  if (path.resolve(file) === run.checkpoint('best') && existsSync(run.configFile)) return run;
  throw new UserError('USAGE', `--save needs the best checkpoint of a run folder; ${file} is not one.`);
}

interface Evaluated {
  readonly result: EvaluationResult;
  /** Keeps it in a run folder. */
  readonly save: (run: RunFolder) => void;
}

async function evaluateOn(dataset: Dataset, classifier: AnyClassifier, context: CliContext): Promise<Evaluated> {
  const test = testOf(dataset);
  const testAlone = dataset.train.labels.length === 0;
  const order = modelOrder(classifier, dataset.classNames, { partial: testAlone });
  for (const note of [...(classifier.notes ?? []), ...orderNotes(classifier), ...adaptedNote(classifier)])
    context.note(note);
  const { labels, classNames } = order.labels({ labels: test.labels, classNames: dataset.classNames });
  const reporter = await context.reporter();
  const recorder = new PredictionRecorder();
  const counted = classifier.trainCounts.some((count) => count > 0);
  await using source = openPixels(test.images);
  const measured = await evaluate({
    source,
    labels,
    classNames,
    groups: testAlone ? byClass(order.to, classifier.groups) : modelGroups(classifier, dataset, order),
    outputClasses: order.to,
    pipeline: classifier.pipeline,
    batchSize,
    device: classifier.placement.device,
    logits: (xs) => classifier.logits(xs),
    keep: recorder.keep,
    onProgress: (done, total) => reporter.progress('evaluating test images', done, total),
    signal: context.signal,
  });
  const result = counted || !testAlone ? measured : withoutGroups(measured);
  for (const note of testAlone ? testAloneNotes(result, classifier, counted) : []) context.note(note);
  const images = { labels, classNames, nameOf: test.images.nameOf };
  const of = { split: 'test', epoch: classifier.epoch ?? 0, data: dataset.name, images } as const;
  return { result, save: (run) => saveEvaluation(run, { ...of, evaluation: result, recorder }) };
}

/** The figures of the prediction are then not those of the model as it was trained. */
function adaptedNote({ adaptation, file }: AnyClassifier): string[] {
  return adaptation === undefined
    ? []
    : [`${file} has an adaptation in it (${ruleWords(adaptation)}): the prediction is measured with it.`];
}

function testOf({ name, test }: Dataset): ImageSplit {
  if (test === undefined)
    throw new UserError(
      'DATA_LAYOUT',
      `${name} has no test images. Add a test folder, give the --split with which the model was trained (it sets the same images aside), or name a folder that has only class folders, to evaluate all images in it.`,
    );
  return test;
}

/** Nobody knows which classes are head, mid and tail. */
function withoutGroups({ avg, cls, dist, ...rest }: EvaluationResult): EvaluationResult {
  const without = (metrics: MetricsResult): MetricsResult => ({ ...metrics, head: null, mid: null, tail: null });
  return { ...rest, avg: without(avg), ...(cls && { cls: without(cls) }), ...(dist && { dist: without(dist) }) };
}

function testAloneNotes({ avg }: EvaluationResult, { classNames }: AnyClassifier, counted: boolean): string[] {
  const missing = classNames.filter((_, c) => avg.perClass[c] === null);
  const shown = missing.slice(0, 8).join(', ') + (missing.length > 8 ? ', …' : '');
  return [
    ...(missing.length > 0
      ? [`no images of ${missing.length} of the model's ${classNames.length} classes: ${shown}`]
      : []),
    ...(counted
      ? []
      : [
          'there are no figures for head, mid and tail: neither the model nor the data have numbers of training images',
        ]),
  ];
}

/** The prediction is `avg`; models with one output have no `cls` and `dist`. Accuracies in %, with 95 % intervals; null if there are no images. */
function resultJson(
  { avg, cls, dist, classNames, groups }: EvaluationResult,
  { file, kind, epoch, model, placement }: AnyClassifier,
): object {
  return {
    checkpoint: file,
    kind,
    epoch: epoch === null ? null : epoch + 1,
    ...(model && { precision: placement.precision }),
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

function resultText(result: EvaluationResult, { kind, recipe, file, epoch }: AnyClassifier): string {
  const name = trainingName(kind, recipe.model.name);
  const after = epoch === null ? '' : `, epoch ${epoch + 1}`;
  const title = visible(`${resultsTitle(result.avg.images, 'test')}: ${file}${after}`);
  return resultsText(title, outputRows(result, name), 'test');
}
