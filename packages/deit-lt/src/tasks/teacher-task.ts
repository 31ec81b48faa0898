/**
 * The CNN teacher's task: a long-tailed loss on weakly augmented images, with deferred re-weighting. DeiT's teacher learns from
 * strongly augmented and mixed images, as its student does.
 */
import type * as torch from '@deit-lt/torch';
import { planMixBatch } from '../augment/mixup.js';
import type { ByClass } from '../by-class.js';
import type { OutputLogits } from '../evaluation/evaluate.js';
import { classWeights } from '../losses/class-weights.js';
import type { Loss } from '../losses/loss.js';
import { createLoss } from '../losses/registry.js';
import { isReweighted } from '../optim/schedules.js';
import type { TeacherRecipe } from '../recipe/schema.js';
import { Upload } from '../upload.js';
import { mixingIn } from './mixing.js';
import { requireLogits } from './model-output.js';
import type { LossParts, PreparedBatch, Task, TaskBatch } from './task.js';

export interface TeacherTaskOptions {
  readonly model: torch.nn.Module<[torch.Tensor], torch.Tensor>;
  readonly recipe: Pick<TeacherRecipe, 'loss' | 'drw' | 'mixing'>;
  readonly trainCounts: ByClass<number>;
  readonly device: string;
}

export class TeacherTask implements Task {
  readonly kind = 'teacher';
  readonly model: torch.nn.Module<[torch.Tensor], torch.Tensor>;
  readonly drwEpoch: number | null;
  readonly #plain: Loss;
  readonly #reweighted: Loss;
  readonly #options: TeacherTaskOptions;

  constructor(options: TeacherTaskOptions) {
    const { model, recipe, trainCounts } = options;
    this.model = model;
    this.drwEpoch = recipe.drw.epoch;
    this.#options = options;
    const { name, ...more } = recipe.loss;
    const weights = classWeights(trainCounts, recipe.drw.beta);
    this.#plain = createLoss(name, trainCounts, more);
    this.#reweighted = createLoss(name, trainCounts, { ...more, weights });
  }

  prepare(batch: TaskBatch): PreparedBatch {
    const loss = isReweighted(batch.epoch, this.drwEpoch) ? this.#reweighted : this.#plain;
    const { images, targets } = this.#mixed(batch);
    const { length } = this.#options.trainCounts;
    const lossOf = ([x, y]: readonly torch.Tensor[]): LossParts => {
      const logits = requireLogits(this.model.call(x!), 'teacher', length).float();
      return { loss: loss(logits, y!), parts: {} };
    };
    const inputs = [images, targets];
    const key = loss === this.#plain ? 'plain' : 're-weighted';
    return { loss: () => lossOf(inputs), steady: { key, inputs, loss: lossOf } };
  }

  #mixed({ images, labels, epoch, random }: TaskBatch): { images: torch.Tensor; targets: torch.Tensor } {
    const { recipe, trainCounts } = this.#options;
    const { mixing, loss } = recipe;
    const upload = new Upload(images.device);
    if (mixing === null) {
      const targets = upload.indices(labels);
      upload.send();
      return { images, targets: targets() };
    }
    const plan = { mixing, smoothing: typeof loss.labelSmoothing === 'number' ? loss.labelSmoothing : 0 };
    const options = mixingIn(epoch, isReweighted(epoch, this.drwEpoch), plan);
    const { mix } = planMixBatch(images, labels, { ...options, numClasses: trainCounts.length, random }, upload);
    upload.send();
    return mix();
  }

  logits(images: torch.Tensor): OutputLogits {
    return { avg: this.model.call(images) };
  }
}
