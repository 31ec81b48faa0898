/** An entry of the registry of schedules: its name, its options, and its learning rate over a training. */
import type { z } from 'zod';
import type { RegistryEntry } from '../registry.js';
import type { Place, ScheduleConfig, ScheduleSpan } from './schedule-config.js';

/** A time after the warm-up. */
export interface ScheduleTime {
  /** Epochs from the beginning of the training, with a fraction when the schedule changes with every update. */
  readonly time: number;
  /** The part of the way from the end of the warm-up to the last epoch, 0…1. */
  readonly share: number;
}

/** One entry of the registry of schedules; recipes name it in `teacher.schedule` and `student.schedule`. */
export interface ScheduleEntry<O extends z.ZodObject = z.ZodObject> extends RegistryEntry<O> {
  /** Returns the function that gives the learning rate after the warm-up; `span.lr` is the one that the warm-up reaches. */
  create(options: z.output<O>, span: ScheduleSpan): (at: ScheduleTime) => number;
  /** Names of options that are epochs, or lists of them: values between 0 and 1 are shares of the training. Default none. */
  readonly epochOptions?: readonly (keyof z.output<O> & string)[];
  /** Returns the epochs that are trained after the last one of the recipe. Default 0. */
  cooldown?(options: z.output<O>): number;
  /** Forms of the published code, with their own warm-up, by `stepping`. Default: as with `stepping: epoch`. */
  readonly published?: Partial<Record<'published' | 'published-paco', PublishedSchedule<z.output<O>>>>;
}

/** Returns the learning rate of the published code at a place of the loop. */
export type PublishedSchedule<O> = (
  options: O & Pick<ScheduleConfig, 'warmupEpochs' | 'warmupLr'>,
  span: ScheduleSpan,
  place: Place,
) => number;

/** `entry` with the types of its own options checked. */
export function scheduleEntry<O extends z.ZodObject>(entry: ScheduleEntry<O>): ScheduleEntry {
  return entry as unknown as ScheduleEntry;
}
