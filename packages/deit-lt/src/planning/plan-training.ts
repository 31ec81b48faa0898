/** Plans a training on this machine: measures the speed of the networks that the plan chooses, until the choice stands. */
import type { Dataset } from '../data/dataset.js';
import type { DatasetDescription } from '../data/describe.js';
import { placementOf } from '../recipe/device.js';
import { completeRecipe } from '../recipe/load.js';
import type { Recipe } from '../recipe/schema.js';
import { partName } from '../recipe/training-kind.js';
import { modelOf } from '../tasks/model-of.js';
import { measureTrainingSpeed } from '../training/measure-speed.js';
import { thisMachine } from './machine.js';
import { type PlanRequest, planFor, type TrainingPlan, trainsOf } from './plan.js';
import { type MeasuredSpeeds, samFactor } from './speed.js';

/** The speeds that were measured, and the seconds that it took. */
export interface Measurements {
  readonly speeds: Map<string, MeasuredSpeeds>;
  seconds: number;
}

/** Returns measurements to which a plan adds its own. */
export function noMeasurements(): Measurements {
  return { speeds: new Map(), seconds: 0 };
}

export interface PlanTrainingOptions extends Omit<PlanRequest, 'measuringSeconds'> {
  /** Settings of the user, as `--set` has them. */
  readonly settings?: readonly string[];
  /** Whether speeds are measured; else they are estimated. Default true. */
  readonly measures?: boolean;
  /** Seconds for the measurement of each part. Default 2, or a sixth of `mostSeconds` if that is less. */
  readonly probeSeconds?: number;
  /** Seconds after which nothing more is measured, and the measurement at hand ends soon. Default `measuringSeconds`. */
  readonly mostSeconds?: number;
  /** Measurements made already, to which those of this plan are added: plans for the same data are then equal. */
  readonly measured?: Measurements;
  /** Whether the trainings begin at once, so that they have the time that is left after the measurements. Default true. */
  readonly startsAtOnce?: boolean;
  /** Measures the speeds of a recipe. Default: `measureTrainingSpeed`. */
  readonly measure?: typeof measureTrainingSpeed;
  readonly signal?: AbortSignal | undefined;
}

/** A plan and its recipe, with the user's settings. */
export interface PlannedTraining {
  readonly plan: TrainingPlan;
  readonly recipe: Recipe;
  /** The recipe before the settings. */
  readonly base: Recipe;
}

/** Measurements change the choices at most so often. */
const mostRounds = 4;

/** Bounds of the time that is measured, in seconds, and its part of the time of the trainings. */
const measuring = { least: 5, most: 30, part: 0.1 } as const;

/** Returns the seconds that are measured for trainings of `seconds` in all; null: of any time. */
export function measuringSeconds(seconds: number | null): number {
  if (seconds === null) return measuring.most;
  return Math.min(measuring.most, Math.max(measuring.least, measuring.part * seconds));
}

/**
 * Plans a training on `dataset`, whose figures are in `data`. Throws UserError USAGE when the time is too short, RECIPE for
 * settings that cannot be trained, and the signal's reason.
 */
export async function planTraining(
  dataset: Dataset,
  data: DatasetDescription,
  options: PlanTrainingOptions,
): Promise<PlannedTraining> {
  const { settings = [], measures = true, measured = noMeasurements(), startsAtOnce = true, ...request } = options;
  const given = completeRecipe({}, { settings: earlySettings(settings), where: 'plan' });
  const machine = thisMachine(given);
  const probe = probeOf(options);
  for (let round = 0; ; round++) {
    const isLast = !measures || round >= mostRounds || (round > 0 && performance.now() >= probe.until);
    const asked = {
      ...request,
      limit: given.data.limit,
      ...(startsAtOnce && measured.seconds > 0 && { measuringSeconds: measured.seconds }),
    };
    const plan = planFor(data, machine, asked, { measured: measured.speeds, refusesByEstimate: isLast });
    const recipe = recipeOf(plan, settings);
    if (settings.length > 0) checkNetworks(recipe, data, plan);
    if (isLast || plan.isMeasured) return { plan, recipe, base: recipeOf(plan, []) };
    const began = performance.now();
    measured.speeds.set(plan.speedKey, await measuredSpeeds(recipe, dataset, probe));
    measured.seconds += (performance.now() - began) / 1000;
  }
}

/** Throws UserError RECIPE for settings whose networks cannot be made, by the keys of the recipe. */
function checkNetworks(recipe: Recipe, { classes }: DatasetDescription, { request }: TrainingPlan): void {
  for (const kind of trainsOf(request))
    modelOf(kind, recipe[partName(kind)], classes.length, { device: 'meta' }).dispose();
}

interface Probe extends Required<Pick<PlanTrainingOptions, 'probeSeconds' | 'measure'>> {
  /** A time of `performance.now()`. */
  readonly until: number;
  readonly signal?: AbortSignal | undefined;
}

function probeOf({ seconds, mostSeconds, probeSeconds, measure, signal }: PlanTrainingOptions): Probe {
  const most = mostSeconds ?? measuringSeconds(seconds);
  return {
    probeSeconds: probeSeconds ?? Math.min(2, most / 6), // two rounds of three measurements
    measure: measure ?? measureTrainingSpeed,
    until: performance.now() + 1000 * most,
    signal,
  };
}

/** Settings that a plan depends on: where the training runs, and on how many images. */
function earlySettings(settings: readonly string[]): string[] {
  return settings.filter((setting) => /^\s*(device|precision|data\.limit)\s*=/.test(setting));
}

function recipeOf({ values }: TrainingPlan, settings: readonly string[]): Recipe {
  return completeRecipe({ ...values }, { settings, where: 'the planned recipe' });
}

async function measuredSpeeds(
  recipe: Recipe,
  dataset: Dataset,
  { probeSeconds, measure, until, signal }: Probe,
): Promise<MeasuredSpeeds> {
  const options = { seconds: probeSeconds, until, signal, withoutSam: recipe.teacher.sam.rho > 0 };
  const speed = await measure(recipe, dataset, options);
  const isOnProcessor = placementOf(recipe).device === 'cpu'; // its memory holds the program, too
  const { teacherImagesPerSecond: climbing, teacherPlainImagesPerSecond: plain } = speed;
  return {
    teacher: plain ?? climbing,
    teacherSam: plain === undefined ? climbing / samFactor : climbing,
    student: speed.imagesPerSecond,
    memoryBytes: isOnProcessor ? Math.max(process.memoryUsage.rss(), speed.memoryBytes) : speed.memoryBytes,
  };
}
