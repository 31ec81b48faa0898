/** `deit-lt inspect`: what is in a data set and what it would cost to train on it. */
import type { LabelErrors } from '../analysis/label-errors.js';
import type { Dataset } from '../data/dataset.js';
import { makeLongTail } from '../data/long-tail.js';
import { writeFileAtomic } from '../runs/files.js';
import { backgroundOfOptions } from './background.js';
import { type ChosenRecipe, checkEarly, chooseRecipe } from './choose-recipe.js';
import { classRows } from './class-rows.js';
import type { CommandInput } from './command-spec.js';
import type { CliContext } from './context.js';
import { type Inspection, inspectDataset, inspectionJson, inspectionText, inspectionTitle } from './inspection.js';
import { openData } from './open-data.js';
import type { Options } from './option-table.js';
import type { TrainingTime, TrainingTimeOptions } from './training-speed.js';

export async function run({ args: [data], options, context }: CommandInput): Promise<undefined> {
  checkEarly(options);
  const whole = await openData(data!, options, context, { background: backgroundOfOptions(options) });
  const dataset = withTail(whole, options);
  const chosen = recipeFor(whole, options);
  const found = await inspectDataset(dataset, { groups: chosen.recipe.data.groups, signal: context.signal });
  const training =
    options.speed === false
      ? undefined
      : await timeFor(chosen, whole, { images: dataset.train.labels.length, signal: context.signal });
  const labelErrors =
    options.model === undefined ? undefined : await labelErrorsOf(options.model, dataset, options, context);
  const inspection: Inspection = { ...found, training, labelErrors };
  if (options.svg !== undefined) {
    await writeSvg(options.svg, inspection);
    context.note(`histogram written to ${options.svg}`);
  }
  if (options.json === true) context.printJson(inspectionJson(inspection));
  else context.print(inspectionText(inspection, context));
}

async function labelErrorsOf(
  model: string,
  dataset: Dataset,
  { plugin: _, set: __, ...options }: Options,
  context: CliContext,
): Promise<LabelErrors> {
  const [{ findLabelErrors }, { openAnyModel }] = await Promise.all([
    import('../analysis/label-errors.js'),
    import('./open-model.js'),
  ]);
  using classifier = await openAnyModel(model, options);
  const reporter = await context.reporter();
  return await findLabelErrors(classifier, dataset, {
    onProgress: (done, total) => reporter.progress('classifying images', done, total),
    signal: context.signal,
  });
}

function withTail(dataset: Dataset, { imbalance, imbalanceType }: Options): Dataset {
  if (imbalance === undefined) return dataset;
  return makeLongTail(dataset, { ratio: imbalance, ...(imbalanceType && { type: imbalanceType }) });
}

/** The recipe that would train on what is shown: its long tail counts only when it was requested. */
function recipeFor(dataset: Dataset, options: Options): ChosenRecipe {
  const set = [`data.imbalance=${options.imbalance ?? 'null'}`, ...(options.set ?? [])];
  return chooseRecipe({ ...options, set }, dataset);
}

async function timeFor(
  chosen: ChosenRecipe,
  dataset: Dataset,
  options: Pick<TrainingTimeOptions, 'images' | 'signal'>,
): Promise<TrainingTime> {
  const { trainingTime } = await import('./training-speed.js');
  return trainingTime(chosen, dataset, options);
}

async function writeSvg(file: string, { description, groups }: Inspection): Promise<void> {
  const { histogramSvg } = await import('./histogram-svg.js');
  writeFileAtomic(file, histogramSvg(classRows(description.classes, groups.of), inspectionTitle(description)));
}
