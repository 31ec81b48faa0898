/** All tasks that a teacher's recipe can name in place of a loss. A new one is a file that declares its entry, and a line here. */
import type { z } from 'zod';
import { teacherLossNames } from '../losses/registry.js';
import { Registry } from '../registry.js';
import { glmcEntry } from './glmc-task.js';
import { pacoEntry } from './paco-task.js';
import { type TaskEntry, taskEntry } from './task-entry.js';

export const taskRegistry = new Registry<TaskEntry>('task', { taken: teacherLossNames });

for (const entry of [pacoEntry, glmcEntry]) taskRegistry.add(entry);

/**
 * Adds a task, so that recipes can name it in `teacher.loss`. Throws `UserError` (PLUGIN) for an entry that lacks something,
 * and for a name that a task or a loss has.
 */
export function registerTask<O extends z.ZodObject>(entry: TaskEntry<O>): void {
  taskRegistry.add(taskEntry(entry));
}
