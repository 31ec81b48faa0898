/**
 * Points in time of a recipe: whole numbers are epochs, numbers between 0 and 1 are shares of the training, so that
 * `--set student.epochs=90` keeps a recipe's shape. A loaded recipe has epochs only.
 */
import type { ScheduleConfig } from '../optim/schedule-config.js';
import { scheduleRegistry } from '../optim/schedule-registry.js';
import type { Recipe, TrainingRecipe } from './schema.js';

/** `0.25` of 24 epochs is 6; numbers of 1 and more, and 0, are epochs already. */
export function toEpoch(value: number, epochs: number): number {
  return value > 0 && value < 1 ? Math.round(value * epochs) : value;
}

/** `schedule` with `change` applied to the length of its warm-up and to its options that are epochs. */
export function mapEpochs(schedule: ScheduleConfig, change: (epoch: number) => number): ScheduleConfig {
  const { epochOptions = [] } = scheduleRegistry.find(schedule.name);
  const changed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(changed);
    return typeof value === 'number' ? change(value) : value;
  };
  const own = epochOptions.filter((option) => option in schedule).map((option) => [option, changed(schedule[option])]);
  return { ...schedule, warmupEpochs: change(schedule.warmupEpochs), ...Object.fromEntries(own) };
}

/** The recipe with every share of a training as epochs. */
export function resolveEpochs(recipe: Recipe): Recipe {
  const { teacher, student } = recipe;
  return {
    ...recipe,
    teacher: { ...resolvePart(teacher), mixing: teacher.mixing && resolveMixing(teacher.mixing, teacher) },
    student: { ...resolvePart(student), mixing: resolveMixing(student.mixing, student) },
  };
}

function resolveMixing<M extends { untilEpoch: number | null }>(mixing: M, { epochs }: { epochs: number }): M {
  const { untilEpoch } = mixing;
  return { ...mixing, untilEpoch: untilEpoch === null ? null : toEpoch(untilEpoch, epochs) };
}

function resolvePart<P extends TrainingRecipe>(part: P): P {
  const at = (value: number): number => toEpoch(value, part.epochs);
  const { schedule, drw } = part;
  return {
    ...part,
    schedule: mapEpochs(schedule, at),
    drw: { ...drw, epoch: drw.epoch === null ? null : at(drw.epoch) },
  };
}
