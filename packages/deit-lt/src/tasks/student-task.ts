/**
 * The student's task (DeiT-LT, section 3): `(1 − α)·L_CLS(true labels) + α·L_DIST(teacher's labels)` on strongly
 * augmented and mixed images, of which the teacher sees the same pixels. From the epoch of deferred re-weighting on,
 * the DIST loss counts rare classes more. Without a teacher it is the plain ViT's task.
 */

import * as torch from '@deit-lt/torch';
import { type MixBatchOptions, type MixedBatch, planMixBatch, planMixImages } from '../augment/mixup.js';
import { planTransMix } from '../augment/trans-mix.js';
import type { ByClass } from '../by-class.js';
import { UserError } from '../errors.js';
import type { EvaluationOutputs, OutputLogits } from '../evaluation/evaluate.js';
import { classWeights } from '../losses/class-weights.js';
import { type DistillationLoss, distillation } from '../losses/distillation.js';
import { logPrior } from '../losses/logit-adjustment.js';
import type { Loss } from '../losses/loss.js';
import { createLoss } from '../losses/registry.js';
import { cosineSimilarity } from '../models/expert-cosine.js';
import { type ImageModel, isFeatureNet, type ModelOutput } from '../models/model.js';
import { VisionTransformer } from '../models/vit.js';
import { isReweighted } from '../optim/schedules.js';
import type { StudentRecipe } from '../recipe/schema.js';
import { suggestedCommand } from '../suggested-command.js';
import { Upload } from '../upload.js';
import { mixingIn } from './mixing.js';
import { requireLogits } from './model-output.js';
import type { LossParts, PreparedBatch, Task, TaskBatch } from './task.js';
import { joinBatches, joinBySize, joinOutputs, repeatLabels, scaledMixes } from './views.js';

/** Images and targets of one size. */
interface MixedView {
  readonly images: torch.Tensor;
  readonly targets: torch.Tensor;
  /** TransMix: the targets by what CLS attends to, `[B, patches]`, in their place. */
  readonly targetsFor?: (attention: torch.Tensor) => torch.Tensor;
}

/** How a view is mixed; `mix` does it after the upload. */
interface MixPlan {
  readonly mixes: MixedBatch['mixes'];
  readonly mix: () => MixedView;
}

/** A batch of which the images are mixed already. */
export interface MixedTaskBatch extends MixedView {
  /** `[B, 3, S, S]`: what student and teacher see. */
  readonly images: torch.Tensor;
  /** `[B, C]`, or labels `[B]`: what CLS learns. */
  readonly targets: torch.Tensor;
  /** The epoch, from 0. */
  readonly epoch: number;
}

export interface StudentTaskOptions {
  readonly model: ImageModel;
  /** Returns the teacher's logits for the student's batch; absent for a plain ViT. */
  readonly teacher?: (images: torch.Tensor) => torch.Tensor;
  /** The batch's further view is the teacher's, who sees nothing else. Default false. */
  readonly teacherView?: boolean;
  readonly recipe: Pick<
    StudentRecipe,
    'distillation' | 'drw' | 'mixing' | 'labelSmoothing' | 'clsLoss' | 'clsReweight'
  > &
    Partial<Pick<StudentRecipe, 'multiCrop'>>;
  readonly trainCounts: ByClass<number>;
}

export class StudentTask implements Task {
  readonly kind: 'student' | 'vit';
  readonly model: ImageModel;
  readonly drwEpoch: number | null;
  /** First epoch of the phase of re-weighting, in which images may be mixed in another way even if no loss is re-weighted. */
  readonly #phase: number | null;
  readonly #options: StudentTaskOptions;
  /** Before deferred re-weighting, and from then on. */
  readonly #losses: readonly [before: PhaseLosses, inDrw: PhaseLosses];

  constructor(options: StudentTaskOptions) {
    const { model, teacher, recipe, trainCounts } = options;
    this.kind = teacher === undefined ? 'vit' : 'student';
    this.model = model;
    this.#phase = recipe.drw.epoch;
    this.drwEpoch = reweightsLater(recipe, teacher !== undefined) ? recipe.drw.epoch : null;
    this.#options = options;
    if (teacher !== undefined && isPlain(model)) throw noDist();
    if (recipe.mixing.transMix && !(model instanceof VisionTransformer)) throw noAttention();
    this.#losses = [lossesOf(recipe, trainCounts, false), lossesOf(recipe, trainCounts, true)];
  }

  prepare({ images, more = [], labels, epoch, random }: TaskBatch): PreparedBatch {
    const { recipe, trainCounts, teacherView = false } = this.#options;
    const plan = { mixing: recipe.mixing, smoothing: recipe.labelSmoothing };
    const mixing = mixingIn(epoch, isReweighted(epoch, this.#phase), plan);
    const options = { numClasses: trainCounts.length, ...mixing, random };
    const views = joinBySize(teacherView ? [images] : [images, ...more]);
    const upload = new Upload(images.device);
    const plans = views.map((view) => this.#planMix(view.images, repeatLabels(labels, view.copies), options, upload));
    const other = teacherView ? more[0] : undefined;
    const mixOther = other && planMixImages(scaledMixes(plans[0]!.mixes, other.size(3) / images.size(3)), upload);
    upload.send();
    return this.#prepareViews(
      plans.map(({ mix }) => mix()),
      epoch,
      other && mixOther?.(other),
    );
  }

  /** Does the same as `prepare`, for a batch that needs no more mixing. */
  prepareMixed({ images, targets, epoch }: MixedTaskBatch): PreparedBatch {
    return this.#prepareViews([{ images, targets }], epoch);
  }

  /** CLS learns from all images of all views, DIST from those that the teacher sees; of one view these may be `own`. */
  #prepareViews(views: readonly MixedView[], epoch: number, own?: torch.Tensor): PreparedBatch {
    const inDrw = isReweighted(epoch, this.#phase);
    const loss = (): LossParts => this.#lossOf(views, inDrw, own);
    if (views.some(({ targetsFor }) => targetsFor !== undefined)) return { loss };
    const inputs = [...views.flatMap(({ images, targets }) => [images, targets]), ...(own === undefined ? [] : [own])];
    const lossOf = (tensors: readonly torch.Tensor[]): LossParts => {
      const given = views.map((_, i) => ({ images: tensors[2 * i]!, targets: tensors[2 * i + 1]! }));
      return this.#lossOf(given, inDrw, tensors[2 * views.length]);
    };
    return { loss, steady: { key: inDrw ? 're-weighted' : 'plain', inputs, loss: lossOf } };
  }

  /** The loss of the current weights; the teacher's logits are without gradient. */
  #lossOf(views: readonly MixedView[], inDrw: boolean, own: torch.Tensor | undefined): LossParts {
    const { teacher } = this.#options;
    const seen = own === undefined ? this.#taughtViews(views).map(({ images }) => images) : [own];
    const teacherLogits = teacher && torch.noGrad(() => joinBatches(seen.map(teacher)));
    const answers = views.map((view) => this.#answer(view));
    const targets = joinBatches(answers.map((answer) => answer.targets));
    return this.#loss(joinOutputs(answers.map(({ output }) => output)), targets, teacherLogits, inDrw);
  }

  /** Global views come first. */
  #taughtViews(views: readonly MixedView[]): readonly MixedView[] {
    const { multiCrop, distillation } = this.#options.recipe;
    return multiCrop?.teacherViews === 'global' && distillation.type !== 'none' ? views.slice(0, 1) : views;
  }

  #planMix(images: torch.Tensor, labels: Int32Array, options: MixBatchOptions, upload: Upload): MixPlan {
    const { recipe } = this.#options;
    const { numClasses, smoothing = 0, probability } = options;
    const { mixes, mix } = planMixBatch(images, labels, options, upload);
    if (probability === 0 && smoothing === 0 && weighsLabels(recipe)) {
      const targets = upload.indices(labels);
      return { mixes, mix: () => ({ ...mix(), targets: targets() }) };
    }
    if (!recipe.mixing.transMix || mixes.every(({ kind }) => kind !== 'cutmix')) return { mixes, mix };
    const [height, width] = [images.size(2), images.size(3)];
    const targetsFor = planTransMix(labels, mixes, { height, width, numClasses, smoothing }, upload);
    return { mixes, mix: () => ({ ...mix(), targetsFor }) };
  }

  /** The network's output, and what it should learn. */
  #answer({ images, targets, targetsFor }: MixedView): { output: ModelOutput; targets: torch.Tensor } {
    if (targetsFor === undefined || !(this.model instanceof VisionTransformer))
      return { output: this.model.call(images), targets };
    const { output, attention } = this.model.forwardWithAttention(images);
    return { output, targets: targetsFor(attention) };
  }

  #loss(
    output: ModelOutput,
    targets: torch.Tensor,
    teacherLogits: torch.Tensor | undefined,
    inDrw: boolean,
  ): LossParts {
    const { base, both } = this.#losses[inDrw ? 1 : 0];
    const { length } = this.#options.trainCounts;
    if (!Array.isArray(output)) {
      if (teacherLogits !== undefined) throw noDist();
      return { loss: base(requireLogits(output, 'student', length), targets), parts: {} };
    }
    const [cls, dist] = output.map((head) => requireLogits(head, 'student', length)) as [torch.Tensor, torch.Tensor];
    const taught = teacherLogits === undefined ? dist : dist.narrow(0, 0, teacherLogits.size(0));
    const { loss, ...parts } = both({ cls, dist: taught }, targets, teacherLogits ?? null);
    return { loss, parts };
  }

  /** Returns the logits, and the cosine of the experts' features, which needs no extra pass. */
  logits(images: torch.Tensor): EvaluationOutputs {
    const { model } = this;
    if (!(model instanceof VisionTransformer && model.distilled)) return outputsOf(model.call(images));
    const features = model.prefixFeatures(images); // [B, 2, D]
    const expertCosine = cosineSimilarity(features.select(1, 0).float(), features.select(1, 1).float());
    return { ...outputsOf(model.forwardHead(features)), expertCosine };
  }
}

function outputsOf(output: ModelOutput): OutputLogits {
  return Array.isArray(output) ? studentOutputs(output[0], output[1]) : { avg: output };
}

/** CLS, DIST, and the prediction: the mean of their logits. */
export function studentOutputs(cls: torch.Tensor, dist: torch.Tensor): OutputLogits {
  return { cls, dist, avg: cls.float().add(dist.float()).div(2) };
}

/** The loss of CLS, and the loss of both heads together. */
interface PhaseLosses {
  readonly base: Loss;
  readonly both: DistillationLoss;
}

/** Returns whether a loss has class weights only in the phase of re-weighting; a plain ViT has no loss of DIST. */
function reweightsLater({ distillation, clsReweight }: StudentTaskOptions['recipe'], isTaught: boolean): boolean {
  return clsReweight === 'drw' || (isTaught && distillation.type !== 'none' && distillation.reweight === 'drw');
}

/** The losses before deferred re-weighting, or from then on (`inDrw`). */
function lossesOf(recipe: StudentTaskOptions['recipe'], trainCounts: ByClass<number>, inDrw: boolean): PhaseLosses {
  const weights = classWeights(trainCounts, recipe.drw.beta);
  const by = (when: 'drw' | 'always' | 'never') => (when === 'always' || (when === 'drw' && inDrw) ? weights : null);
  const { name, ...own } = recipe.clsLoss;
  const base = createLoss(name, trainCounts, { ...own, weights: by(recipe.clsReweight) });
  const { reweight, softWeights, logitAdjustment: tau, ...options } = recipe.distillation;
  const shift = tau === 0 ? null : logPrior(trainCounts, tau);
  const both = distillation({ ...options, base, weights: by(reweight), published: softWeights === 'published', shift });
  return { base, both };
}

/**
 * Returns whether a loss of the true labels is weighted by class: labels that nothing mixes or smooths then stay
 * labels, for which weighted cross-entropy divides by the batch's weights, as published.
 */
function weighsLabels({ clsReweight, distillation: { type, reweight } }: StudentTaskOptions['recipe']): boolean {
  return clsReweight !== 'never' || (type === 'none' && reweight !== 'never');
}

/** The error of a network with one output, which cannot be distilled into. */
function isPlain(model: ImageModel): boolean {
  return model instanceof VisionTransformer ? !model.distilled : isFeatureNet(model);
}

function noDist(): UserError {
  return new UserError(
    'RECIPE',
    `student.model has no DIST token: use a distilled model, such as deit, or train without a teacher with "${suggestedCommand('vit')}".`,
  );
}

function noAttention(): UserError {
  return new UserError(
    'RECIPE',
    'student.mixing.transMix needs the attention of a transformer, such as student.model.name=deit; set it to false for other models.',
  );
}
