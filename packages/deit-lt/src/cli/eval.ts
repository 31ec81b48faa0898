/** `deit-lt eval`: accuracies of a trained model on test images. */
import type { Dataset, ImageSplit } from '../data/dataset.js';
import { openPixels } from '../data/open-pixels.js';
import { UserError } from '../errors.js';
import { compareClassNames } from '../training/class-names.js';
import { type Classifier, openClassifier } from '../training/classifier.js';
import { type EvaluationResult, evaluate } from '../training/evaluate.js';
import type { MetricsResult } from '../training/metrics.js';
import { required } from './choose-recipe.js';
import type { CliContext, CommandInput } from './context.js';
import { openData } from './open-data.js';
import { outputRows, resultsTable, resultsTitle } from './results-table.js';

const batchSize = 256;

export async function run({ args, options, context }: CommandInput): Promise<undefined> {
  const data = required(options.data, '--data is missing: the images to measure on');
  const { which, weights } = options;
  using classifier = await openClassifier(args[0]!, { ...(which && { which }), ...(weights && { weights }) });
  const dataset = await openData(data, options, context);
  const result = await evaluateOn(dataset, classifier, context);
  if (options.json === true) context.printJson(resultJson(result, classifier));
  else context.print(resultText(result, classifier));
}

async function evaluateOn(dataset: Dataset, classifier: Classifier, context: CliContext): Promise<EvaluationResult> {
  const test = testOf(dataset);
  const order = compareClassNames(classifier.classNames, dataset.classNames, classifier.file);
  const reporter = await context.reporter();
  await using source = openPixels(test.images);
  return evaluate({
    source,
    labels: order === null ? test.labels : test.labels.map((label) => order[label]!),
    groups: classifier.groups,
    pipeline: classifier.pipeline,
    batchSize,
    device: classifier.placement.device,
    logits: (xs) => classifier.logits(xs),
    onProgress: (done, total) => reporter.progress('evaluating test images', done, total),
    signal: context.signal,
  });
}

function testOf({ name, test }: Dataset): ImageSplit {
  if (test === undefined)
    throw new UserError(
      'DATA_LAYOUT',
      `${name} has no test images. Add a test folder, or give the --split with which the model was trained: it sets the same images aside.`,
    );
  return test;
}

/** The prediction is `avg`; models with one output have no `cls` and `dist`. Per cent; null where no images are. */
function resultJson({ avg, cls, dist }: EvaluationResult, { classNames, file, kind, epoch }: Classifier): object {
  return {
    checkpoint: file,
    kind,
    epoch: epoch + 1,
    images: avg.images,
    classes: classNames,
    ...(cls && { cls: figures(cls) }),
    ...(dist && { dist: figures(dist) }),
    avg: figures(avg),
  };
}

function figures({ overall, head, mid, tail, top5, balanced, perClass }: MetricsResult): object {
  return { overall, head, mid, tail, top5, balanced, perClass };
}

function resultText(result: EvaluationResult, { kind, file, epoch }: Classifier): string {
  const name = kind === 'vit' ? 'plain ViT' : kind;
  const title = `${resultsTitle(result.avg.images, 'test')}: ${file}, epoch ${epoch + 1}`;
  return `${title}\n\n${resultsTable(outputRows(result, name))}`;
}
