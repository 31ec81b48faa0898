/** The CNN teacher's task: a long-tailed loss on weakly augmented images, with deferred re-weighting. */
import * as torch from '@deit-lt/torch';
import { classWeights } from '../losses/class-weights.js';
import type { Loss } from '../losses/loss.js';
import { createLoss } from '../losses/registry.js';
import type { TeacherRecipe } from '../recipe/schema.js';
import type { OutputLogits } from './evaluate.js';
import { isReweighted } from './schedules.js';
import type { PreparedBatch, Task, TaskBatch } from './task.js';

export interface TeacherTaskOptions {
  readonly model: torch.nn.Module<[torch.Tensor], torch.Tensor>;
  readonly recipe: Pick<TeacherRecipe, 'loss' | 'drw'>;
  readonly trainCounts: Int32Array;
  readonly device: string;
}

export class TeacherTask implements Task {
  readonly kind = 'teacher';
  readonly model: torch.nn.Module<[torch.Tensor], torch.Tensor>;
  readonly drwEpoch: number | null;
  readonly #plain: Loss;
  readonly #reweighted: Loss;
  readonly #device: string;

  constructor({ model, recipe, trainCounts, device }: TeacherTaskOptions) {
    this.model = model;
    this.drwEpoch = recipe.drw.epoch;
    this.#device = device;
    const { name, ...options } = recipe.loss;
    const weights = classWeights(trainCounts, recipe.drw.beta);
    this.#plain = createLoss(name, trainCounts, options);
    this.#reweighted = createLoss(name, trainCounts, { ...options, weights });
  }

  prepare({ images, labels, epoch }: TaskBatch): PreparedBatch {
    const loss = isReweighted(epoch, this.drwEpoch) ? this.#reweighted : this.#plain;
    const targets = torch.tensor(labels, { dtype: 'int64' }).to(this.#device);
    return { loss: () => ({ loss: loss(this.model.call(images).float(), targets), parts: {} }) };
  }

  logits(images: torch.Tensor): OutputLogits {
    return { avg: this.model.call(images) };
  }
}
