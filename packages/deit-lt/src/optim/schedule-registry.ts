/** All schedules of the learning rate by the names that recipes use. A new one is a file that declares its entry, and a line here. */
import type { z } from 'zod';
import { Registry } from '../registry.js';
import { scheduleKeys } from './schedule-config.js';
import { cosineEntry, oneCycleEntry } from './schedule-cosine.js';
import { type ScheduleEntry, scheduleEntry } from './schedule-entry.js';
import { constantEntry, stepEntry } from './schedule-step.js';

export const scheduleRegistry = new Registry<ScheduleEntry>('schedule', {
  sharedOptions: 'same schema',
  reserved: [...Object.keys(scheduleKeys.before), ...Object.keys(scheduleKeys.after)],
});

for (const entry of [cosineEntry, stepEntry, oneCycleEntry, constantEntry]) scheduleRegistry.add(entry);

/**
 * Adds a schedule, so that recipes can name it in `teacher.schedule` and `student.schedule`. Throws `UserError` (PLUGIN) for an
 * entry that lacks something or whose options have a key that all schedules have, and for a name that is taken.
 */
export function registerSchedule<O extends z.ZodObject>(entry: ScheduleEntry<O>): void {
  scheduleRegistry.add(scheduleEntry(entry));
}
