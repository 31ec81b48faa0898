/** The task that a recipe's teacher is trained by: one network and a loss, or a task of the registry. */
import type * as torch from '@deit-lt/torch';
import type { ByClass } from '../by-class.js';
import { UserError } from '../errors.js';
import { placeOn } from '../models/place-on.js';
import { totalEpochs } from '../optim/schedules.js';
import type { TeacherRecipe } from '../recipe/schema.js';
import { modelOf } from './model-of.js';
import { taskRegistry } from './registry.js';
import type { Task } from './task.js';
import type { TaskContext } from './task-entry.js';
import { TeacherTask } from './teacher-task.js';

export interface CreateTeacherTaskOptions {
  /** The network, on its device. */
  readonly model: torch.nn.Module<[torch.Tensor], torch.Tensor>;
  readonly recipe: TeacherRecipe;
  readonly trainCounts: ByClass<number>;
  readonly device: string;
}

/**
 * Throws `UserError` for a model that is not fit for the loss (RECIPE), for classes without images (DATA_CLASSES), and for a
 * task of a plugin that cannot be trained (PLUGIN).
 */
export function createTeacherTask(options: CreateTeacherTaskOptions): Task {
  const { name, ...own } = options.recipe.loss;
  const entry = taskRegistry.get(name);
  if (entry === undefined) return new TeacherTask(options);
  return createOwnTask(options, { name, create: (context) => entry.create(context, own) });
}

/** A task by name, and how it is made. */
export interface OwnTask {
  readonly name: string;
  readonly create: (context: TaskContext) => Task;
}

/** Makes a task of the network and the data of a teacher's training. Throws `UserError` (PLUGIN) for one that cannot be trained. */
export function createOwnTask(options: CreateTeacherTaskOptions, { name, create }: OwnTask): Task {
  const { recipe, model, trainCounts, device } = options;
  const epochs = totalEpochs(recipe.schedule, recipe.epochs);
  const another = () => placeOn(modelOf('teacher', recipe, trainCounts.length), device);
  const task: Partial<Task> | undefined = create({ model, trainCounts, device, another, epochs, drw: recipe.drw });
  const unusable = (why: string): UserError => new UserError('PLUGIN', `the task "${name}" cannot be used: ${why}.`);
  if (task?.kind !== 'teacher') throw unusable('create must return a task whose kind is "teacher"');
  if (task.model !== model) throw unusable('its model must be the model of the context, which is trained and saved');
  for (const method of ['prepare', 'logits'] as const)
    if (typeof task[method] !== 'function') throw unusable(`it has no function ${method}`);
  return task as Task;
}
