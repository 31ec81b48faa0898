/**
 * The student's task (DeiT-LT, section 3): `(1 − α)·L_CLS(true labels) + α·L_DIST(teacher's labels)` on strongly
 * augmented and mixed images, of which the teacher sees the same pixels. From the epoch of deferred re-weighting on,
 * the DIST loss counts rare classes more. Without a teacher it is the plain ViT's task.
 */
import * as torch from '@deit-lt/torch';
import { mixBatch } from '../augment/mixup.js';
import { balancedSoftmax } from '../losses/balanced-softmax.js';
import { classWeights } from '../losses/class-weights.js';
import { crossEntropy } from '../losses/cross-entropy.js';
import { type DistillationLoss, distillation } from '../losses/distillation.js';
import { logitAdjustment } from '../losses/logit-adjustment.js';
import type { Loss } from '../losses/loss.js';
import type { ImageModel, ModelOutput } from '../models/model.js';
import type { StudentRecipe } from '../recipe/schema.js';
import type { OutputLogits } from './evaluate.js';
import { isReweighted } from './schedules.js';
import type { LossParts, PreparedBatch, Task, TaskBatch } from './task.js';

/** A batch of which the images are mixed already. */
export interface MixedTaskBatch {
  /** `[B, 3, S, S]`: what student and teacher see. */
  readonly images: torch.Tensor;
  /** `[B, C]`, or labels `[B]`: what CLS learns. */
  readonly targets: torch.Tensor;
  /** From 0. */
  readonly epoch: number;
}

export interface StudentTaskOptions {
  readonly model: ImageModel;
  /** From the student's batch to the teacher's logits; absent for a plain ViT. */
  readonly teacher?: (images: torch.Tensor) => torch.Tensor;
  readonly recipe: Pick<StudentRecipe, 'distillation' | 'drw' | 'mixing' | 'labelSmoothing' | 'clsLoss' | 'clsTau'>;
  readonly trainCounts: Int32Array;
}

export class StudentTask implements Task {
  readonly kind: 'student' | 'vit';
  readonly model: ImageModel;
  readonly drwEpoch: number | null;
  readonly #options: StudentTaskOptions;
  readonly #base: Loss;
  readonly #distillation: DistillationLoss;
  readonly #reweighted: DistillationLoss;

  constructor(options: StudentTaskOptions) {
    const { model, teacher, recipe, trainCounts } = options;
    this.kind = teacher === undefined ? 'vit' : 'student';
    this.model = model;
    this.drwEpoch = recipe.drw.epoch;
    this.#options = options;
    this.#base = clsLoss(recipe, trainCounts);
    const common = { ...recipe.distillation, base: this.#base };
    this.#distillation = distillation(common);
    this.#reweighted = distillation({ ...common, weights: classWeights(trainCounts, recipe.drw.beta) });
  }

  prepare({ images, labels, epoch, random }: TaskBatch): PreparedBatch {
    const { recipe, trainCounts } = this.#options;
    const mixing = mixingOf(recipe, isReweighted(epoch, this.drwEpoch));
    const mixed = mixBatch(images, labels, { numClasses: trainCounts.length, ...mixing, random });
    return this.prepareMixed({ ...mixed, epoch });
  }

  /** As `prepare`, of a batch that needs no more mixing. */
  prepareMixed({ images, targets, epoch }: MixedTaskBatch): PreparedBatch {
    const { teacher } = this.#options;
    const inDrw = isReweighted(epoch, this.drwEpoch);
    const guess = teacher && torch.noGrad(() => teacher(images));
    return { loss: () => this.#loss(this.model.call(images), targets, guess, inDrw) };
  }

  #loss(output: ModelOutput, targets: torch.Tensor, guess: torch.Tensor | undefined, inDrw: boolean): LossParts {
    if (!Array.isArray(output)) return { loss: this.#base(output, targets), parts: {} };
    const [cls, dist] = output;
    const learn = inDrw ? this.#reweighted : this.#distillation;
    const { loss, ...parts } = learn({ cls, dist }, targets, guess ?? null);
    return { loss, parts };
  }

  logits(images: torch.Tensor): OutputLogits {
    const output = this.model.call(images);
    return Array.isArray(output) ? studentOutputs(output[0], output[1]) : { avg: output };
  }
}

/** CLS, DIST, and the prediction: the mean of their logits. */
export function studentOutputs(cls: torch.Tensor, dist: torch.Tensor): OutputLogits {
  return { cls, dist, avg: cls.float().add(dist.float()).div(2) };
}

/** In the published phase of re-weighting, mixing and label smoothing are off. */
function mixingOf({ mixing, labelSmoothing }: StudentTaskOptions['recipe'], inDrw: boolean) {
  const on = !inDrw || mixing.inDrw;
  return {
    mixupAlpha: mixing.mixup,
    cutmixAlpha: mixing.cutmix,
    probability: on ? mixing.probability : 0,
    switchProbability: mixing.switchProbability,
    smoothing: on ? labelSmoothing : 0,
  };
}

/** What CLS learns the true labels by. */
function clsLoss({ clsLoss: name, clsTau: tau }: StudentTaskOptions['recipe'], trainCounts: Int32Array): Loss {
  switch (name) {
    case 'cross-entropy':
      return crossEntropy();
    case 'balanced-softmax':
      return balancedSoftmax(trainCounts);
    case 'logit-adjustment':
      return logitAdjustment(trainCounts, { tau });
  }
}
