/** Plans a training on this machine: measures the speed of the networks that the plan chooses, until the choice stands. */
import type { Dataset } from '../data/dataset.js';
import type { DatasetDescription } from '../data/describe.js';
import { completeRecipe } from '../recipe/load.js';
import type { Recipe } from '../recipe/schema.js';
import { measureTrainingSpeed } from '../training/measure-speed.js';
import { type Machine, thisMachine } from './machine.js';
import { type PlanRequest, planFor, type TrainingPlan } from './plan.js';
import { type MeasuredSpeeds, samFactor } from './speed.js';

export interface PlanTrainingOptions extends PlanRequest {
  /** Settings of the user, as `--set` has them. */
  readonly settings?: readonly string[];
  /** Whether speeds are measured; else they are estimated. Default true. */
  readonly measures?: boolean;
  /** Seconds for the measurement of each part. Default 2. */
  readonly probeSeconds?: number;
  readonly signal?: AbortSignal | undefined;
}

/** A plan and its recipe, with the user's settings. */
export interface PlannedTraining {
  readonly plan: TrainingPlan;
  readonly recipe: Recipe;
  /** The recipe before the settings. */
  readonly base: Recipe;
}

/** Choices change at most so often by what is measured. */
const mostRounds = 4;

/**
 * Plans a training on `dataset`, whose figures are in `data`. Throws UserError USAGE when the time is too short, RECIPE for
 * settings that cannot be trained, and the signal's reason.
 */
export async function planTraining(
  dataset: Dataset,
  data: DatasetDescription,
  { settings = [], measures = true, probeSeconds = 2, signal, ...request }: PlanTrainingOptions,
): Promise<PlannedTraining> {
  const machine = thisMachine(completeRecipe({}, { settings: placementSettings(settings), where: 'plan' }));
  const measured = new Map<string, MeasuredSpeeds>();
  for (let round = 0; ; round++) {
    const plan = planOf({ data, machine, request, measured, mayBeShort: measures });
    const recipe = recipeOf(plan, settings);
    if (!measures || plan.isMeasured || round >= mostRounds) return { plan, recipe, base: recipeOf(plan, []) };
    measured.set(plan.speedKey, await measuredSpeeds(recipe, dataset, { probeSeconds, signal }));
  }
}

interface PlanGiven {
  readonly data: DatasetDescription;
  readonly machine: Machine;
  readonly request: PlanRequest;
  readonly measured: ReadonlyMap<string, MeasuredSpeeds>;
  /** Whether an estimate may say that the time is too short: then the smallest training is measured. */
  readonly mayBeShort: boolean;
}

/** An estimate alone must not refuse a time: without a measurement, the plan is that of as much time as it needs. */
function planOf({ data, machine, request, measured, mayBeShort }: PlanGiven): TrainingPlan {
  try {
    return planFor(data, machine, request, measured);
  } catch (error) {
    if (!mayBeShort || measured.size > 0) throw error;
    return { ...planFor(data, machine, { ...request, seconds: longEnough }), isMeasured: false };
  }
}

const longEnough = 600;

/** Settings that decide where the training runs. */
function placementSettings(settings: readonly string[]): string[] {
  return settings.filter((setting) => /^\s*(device|precision)\s*=/.test(setting));
}

function recipeOf({ values }: TrainingPlan, settings: readonly string[]): Recipe {
  return completeRecipe({ ...values }, { settings, where: 'the planned recipe' });
}

async function measuredSpeeds(
  recipe: Recipe,
  dataset: Dataset,
  { probeSeconds, signal }: { readonly probeSeconds: number; readonly signal: AbortSignal | undefined },
): Promise<MeasuredSpeeds> {
  const options = { seconds: probeSeconds, signal, withoutSam: recipe.teacher.sam.rho > 0 };
  const speed = await measureTrainingSpeed(recipe, dataset, options);
  const { teacherImagesPerSecond: climbing, teacherPlainImagesPerSecond: plain } = speed;
  return {
    teacher: plain ?? climbing,
    teacherSam: plain === undefined ? climbing / samFactor : climbing,
    student: speed.imagesPerSecond,
    memoryBytes: speed.memoryBytes,
  };
}
