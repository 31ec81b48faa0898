/** The task that a recipe's teacher is trained by: one network and a loss, or a task of the registry. */
import type * as torch from '@deit-lt/torch';
import type { ByClass } from '../by-class.js';
import { totalEpochs } from '../optim/schedules.js';
import type { TeacherRecipe } from '../recipe/schema.js';
import { modelOf } from './model-of.js';
import { taskRegistry } from './registry.js';
import type { Task } from './task.js';
import { TeacherTask } from './teacher-task.js';

export interface CreateTeacherTaskOptions {
  /** The network, on its device. */
  readonly model: torch.nn.Module<[torch.Tensor], torch.Tensor>;
  readonly recipe: TeacherRecipe;
  readonly trainCounts: ByClass<number>;
  readonly device: string;
}

/**
 * Throws `UserError` for a model that is not fit for the loss (RECIPE), or for classes without images (DATA_CLASSES).
 */
export function createTeacherTask(options: CreateTeacherTaskOptions): Task {
  const { recipe, trainCounts, device } = options;
  const { name, ...own } = recipe.loss;
  const entry = taskRegistry.get(name);
  if (entry === undefined) return new TeacherTask(options);
  const epochs = totalEpochs(recipe.schedule, recipe.epochs);
  const another = () => modelOf('teacher', recipe, trainCounts.length).to(device);
  return entry.create({ ...options, another, epochs, drw: recipe.drw }, own);
}
