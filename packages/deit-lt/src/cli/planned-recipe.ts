/** Plans the training of the user's own data for the commands that train, and for `plan` and `inspect`. */
import { classCounts, type Dataset } from '../data/dataset.js';
import { type DatasetDescription, describeDataset } from '../data/describe.js';
import { UserError } from '../errors.js';
import { durationWord, roughDuration } from '../format.js';
import { limitsFor } from '../planning/limit-recipe.js';
import { noMeasurements, type PlannedTraining, planTraining } from '../planning/plan-training.js';
import type { TrainingKind } from '../recipe/training-kind.js';
import { type ChosenRecipe, chooseRecipe, settingsOf } from './choose-recipe.js';
import type { CliContext } from './context.js';
import type { Options } from './option-table.js';
import { planText } from './plan-text.js';
import { withTail } from './tail.js';

/** A plan, and the figures of the data that it is for. */
export interface Planned extends PlannedTraining {
  readonly data: DatasetDescription;
}

export interface PlanOptions {
  /** The trainings that share the time. */
  readonly trains: readonly TrainingKind[];
  /** Default true. */
  readonly measures?: boolean;
  /** Whether the trainings begin at once: the measurement then counts as a part of `--time`. Default true. */
  readonly startsAtOnce?: boolean;
}

/** The trainings of a command. */
export function trainsOfCommand(command: string, { vit = false }: Options): readonly TrainingKind[] {
  if (command === 'teacher' || command === 'student' || command === 'vit') return [command];
  return vit ? ['teacher', 'vit', 'student'] : ['teacher', 'student'];
}

/** The speeds of this command's data: trainings that differ in their seed alone have one plan. */
const measured = noMeasurements();

const measuring = 'measuring the speed of this machine';

/** Plans the training of `dataset`, with the long tail that the options make. Throws what `planTraining` throws. */
export async function planData(
  dataset: Dataset,
  options: Options,
  context: Pick<CliContext, 'signal' | 'reporter'>,
  { trains, measures = true, startsAtOnce = true }: PlanOptions,
): Promise<Planned> {
  const { signal } = context;
  const data = await describeDataset(withTail(dataset, options), { signal });
  const { time, goal = 'accuracy' } = options;
  if (measures) (await context.reporter()).progress(measuring, 0, undefined);
  const how = { measures, measured, startsAtOnce, signal };
  const request = { seconds: time ?? null, goal, trains, settings: settingsOf(options), ...how };
  return { data, ...(await planTraining(dataset, data, request)) };
}

/** A recipe for a training, and what the user reads before it starts. */
export interface ReadyRecipe extends ChosenRecipe {
  readonly lines: readonly string[];
  /** Whether it was planned for these data. */
  readonly isPlanned: boolean;
}

export interface ReadyOptions extends PlanOptions {
  readonly recipeByDefault?: string | undefined;
  /** The limits of time of a run that is resumed, as `--set` has them: nothing is measured for `--time`. */
  readonly kept?: readonly string[] | undefined;
}

/**
 * Returns the recipe of a training: that of `--recipe`, the one that is made for the data, or a plan; with `--time` its trainings
 * have limits, or keep those of the run that is resumed. Throws UserError RECIPE and USAGE.
 */
export async function readyRecipe(
  dataset: Dataset,
  options: Options,
  context: CliContext,
  { trains, recipeByDefault, kept }: ReadyOptions,
): Promise<ReadyRecipe> {
  const { set = [] } = options;
  const chosen = chooseRecipe({ ...options, set: [...(kept ?? []), ...set] }, dataset, recipeByDefault);
  if (chosen === undefined) {
    if (options.from !== undefined) throw recipeMissing();
    const planned = await planData(dataset, options, context, { trains });
    const { recipe, base } = planned;
    const lines = planText(planned.plan, planned.data, { ...context, settings: settingsOf(options) }).split('\n');
    return { name: 'planned', recipe, base, lines, isPlanned: true };
  }
  const lines = chosen.note === undefined ? [] : [chosen.note];
  if (options.time === undefined || kept !== undefined) return { ...chosen, lines, isPlanned: false };
  return {
    ...(await limited(chosen, dataset, options, { context, trains, recipeByDefault, lines })),
    isPlanned: false,
  };
}

/** A plan chooses networks, and weights are for one network. */
function recipeMissing(): UserError {
  return new UserError(
    'USAGE',
    '--from: a plan starts from random weights. Name the recipe whose networks the weights are for: --recipe finetune-photographs for pretrained weights (docs/pretrained.md), or that of the run.',
  );
}

interface LimitGiven extends PlanOptions {
  readonly context: CliContext;
  readonly recipeByDefault: string | undefined;
  readonly lines: readonly string[];
}

/** Divides `--time` among the trainings of a recipe that was not planned for it. */
async function limited(
  chosen: ChosenRecipe,
  dataset: Dataset,
  options: Options,
  { context, trains, recipeByDefault, lines }: LimitGiven,
): Promise<Omit<ReadyRecipe, 'isPlanned'>> {
  const { time = 0, set = [] } = options;
  const images = trainedImages(dataset, chosen);
  (await context.reporter()).progress(measuring, 0, undefined);
  const { settings, wholeSeconds } = await limitsFor(chosen.recipe, dataset, {
    seconds: time,
    trains,
    images,
    signal: context.signal,
  });
  const withLimits = chooseRecipe({ ...options, set: [...settings, ...set] }, dataset, recipeByDefault)!;
  const note =
    wholeSeconds <= time
      ? `--time ${durationWord(time)}: the recipe takes about ${roughDuration(wholeSeconds)}, evaluations not counted`
      : `--time ${durationWord(time)}: the recipe would take about ${roughDuration(wholeSeconds)}, so it has fewer epochs; learning rate and re-weighting are fitted to them`;
  return { ...withLimits, lines: [...lines, note] };
}

/** Training images of an epoch, with the long tail that the recipe makes. */
function trainedImages(dataset: Dataset, { recipe }: ChosenRecipe): number {
  const { imbalance, imbalanceType, limit, validation } = recipe.data;
  const { train, classNames } = withTail(dataset, { ...(imbalance !== null && { imbalance, imbalanceType }) });
  const all = classCounts(train.labels, classNames.length).reduce((sum, each) => sum + each, 0);
  return Math.max(1, Math.min(limit ?? all, Math.round(all * (1 - validation))));
}
