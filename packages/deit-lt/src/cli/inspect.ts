/** `deit-lt inspect`: what is in a data set and what it would cost to train on it. */
import type { LabelErrors } from '../analysis/label-errors.js';
import type { Dataset } from '../data/dataset.js';
import type { GroupKind } from '../data/groups.js';
import type { NearDuplicates } from '../data/near-duplicates/near-duplicates.js';
import { loadRecipe } from '../recipe/load.js';
import { writeFileAtomic } from '../runs/files.js';
import { backgroundOfOptions } from './background.js';
import { type ChosenRecipe, checkEarly, chooseRecipe, settingsOf } from './choose-recipe.js';
import { classRows } from './class-rows.js';
import type { CommandInput } from './command-spec.js';
import type { CliContext } from './context.js';
import { type Inspection, inspectDataset, inspectionJson, inspectionText, inspectionTitle } from './inspection.js';
import { openData } from './open-data.js';
import type { Options } from './option-table.js';
import { withTail } from './tail.js';
import type { TrainingPart, TrainingTime } from './training-speed.js';
import { requireWritablePlace } from './writable-place.js';

export async function run({ args: [data], options, context }: CommandInput): Promise<undefined> {
  checkEarly(options);
  if (options.svg !== undefined) requireWritablePlace(options.svg);
  const whole = await openData(data!, options, context, { background: backgroundOfOptions(options) });
  const dataset = withTail(whole, options);
  const chosen = recipeFor(whole, options);
  const groups = chosen?.recipe.data.groups ?? groupsOfSettings(options);
  const found = await inspectDataset(dataset, { groups, signal: context.signal });
  const nearDuplicates = await nearDuplicatesOf(dataset, options, context);
  const training = options.speed === false ? undefined : await timeOf(chosen, { whole, dataset, options, context });
  const labelErrors =
    options.model === undefined ? undefined : await labelErrorsOf(options.model, dataset, options, context);
  const inspection: Inspection = { ...found, nearDuplicates, training, labelErrors };
  if (options.svg !== undefined) {
    await writeSvg(options.svg, inspection);
    context.note(`histogram written to ${options.svg}`);
  }
  if (options.json === true) context.printJson(inspectionJson(inspection));
  else context.print(inspectionText(inspection, context));
}

/** Files that are decoded without an option: a minute or two. */
const mostFiles = 100_000;

/** Without an option files of one's own are compared, but not known data sets, which are in memory. Undefined where there is no test split. */
async function nearDuplicatesOf(
  dataset: Dataset,
  { nearDuplicates: wanted }: Options,
  context: CliContext,
): Promise<NearDuplicates | 'not compared' | undefined> {
  const { train, test } = dataset;
  if (test === undefined) return undefined;
  const files = [train, test].reduce((sum, { images }) => sum + (images.kind === 'files' ? images.length : 0), 0);
  if (wanted === 'no' || (wanted === undefined && (files === 0 || files > mostFiles))) return 'not compared';
  const { findNearDuplicates } = await import('../data/near-duplicates/near-duplicates.js');
  const reporter = await context.reporter();
  return await findNearDuplicates(dataset, {
    onProgress: (done, total) => reporter.progress('comparing images', done, total),
    signal: context.signal,
  });
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

/**
 * The recipe that would train on what is shown: its long tail counts only when it was requested. Undefined for data for which a
 * training is planned.
 */
function recipeFor(dataset: Dataset, options: Options): ChosenRecipe | undefined {
  const set = [`data.imbalance=${options.imbalance ?? 'null'}`, ...(options.set ?? [])];
  return chooseRecipe({ ...options, set }, dataset);
}

/** The rule for groups of a plan, which has no other than the user's. */
function groupsOfSettings(options: Options): GroupKind {
  return loadRecipe('default', { settings: settingsOf(options).filter((setting) => /^\s*data\b/.test(setting)) }).data
    .groups;
}

interface Timed {
  readonly whole: Dataset;
  /** With the long tail that was requested. */
  readonly dataset: Dataset;
  readonly options: Options;
  readonly context: CliContext;
}

/** The time of the recipe, or of the plan. */
async function timeOf(
  chosen: ChosenRecipe | undefined,
  { whole, dataset, options, context }: Timed,
): Promise<TrainingTime> {
  if (chosen !== undefined) {
    const { trainingTime } = await import('./training-speed.js');
    return trainingTime(chosen, whole, { images: dataset.train.labels.length, signal: context.signal });
  }
  const { planData } = await import('./planned-recipe.js');
  const { plan } = await planData(whole, options, context, { trains: ['teacher', 'student'] });
  const part = (name: 'teacher' | 'student'): TrainingPart => ({
    imagesPerSecond: plan.speeds[name],
    epochs: plan.epochs[name],
    seconds: plan.seconds[name],
  });
  return { recipe: 'that "deit-lt plan" shows', teacher: part('teacher'), student: part('student') };
}

async function writeSvg(file: string, { description, groups }: Inspection): Promise<void> {
  const { histogramSvg } = await import('./histogram-svg.js');
  writeFileAtomic(file, histogramSvg(classRows(description.classes, groups.of), inspectionTitle(description)));
}
