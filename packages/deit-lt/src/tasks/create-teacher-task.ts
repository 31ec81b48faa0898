/** The task that a recipe's teacher is trained by: one network and a loss, or what the loss needs beside it. */
import type * as torch from '@deit-lt/torch';
import type { ByClass } from '../by-class.js';
import { totalEpochs } from '../optim/schedules.js';
import type { TeacherRecipe } from '../recipe/schema.js';
import { GlmcTask } from './glmc-task.js';
import { modelOf } from './model-of.js';
import { PacoTask } from './paco-task.js';
import type { Task } from './task.js';
import { TeacherTask } from './teacher-task.js';

export interface CreateTeacherTaskOptions {
  /** On its device. */
  readonly model: torch.nn.Module<[torch.Tensor], torch.Tensor>;
  readonly recipe: TeacherRecipe;
  readonly trainCounts: ByClass<number>;
  readonly device: string;
}

/** Throws `UserError` for a model that is not fit for the loss (RECIPE), or for classes without images (DATA_CLASSES). */
export function createTeacherTask(options: CreateTeacherTaskOptions): Task {
  const { recipe, trainCounts, device } = options;
  switch (recipe.loss.name) {
    case 'paco': {
      const another = () => modelOf('teacher', recipe, trainCounts.length).to(device);
      const keyNetwork = recipe.paco.variant === 'gpaco' ? null : another();
      return new PacoTask({ ...options, recipe: recipe.paco, keyNetwork });
    }
    case 'glmc':
      return new GlmcTask({ ...options, recipe: recipe.glmc, epochs: totalEpochs(recipe.schedule, recipe.epochs) });
    default:
      return new TeacherTask(options);
  }
}
