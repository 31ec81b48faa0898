/**
 * The task of a GLMC teacher: each image is mixed with one of a second batch, by Mixup in one view (global) and by
 * CutMix in another (local). F. Du et al., "Global and local mixture consistency cumulative learning", CVPR 2023, arXiv
 * 2305.08661; with SAM as in val-iisc/Saddle-LongTail: only the second pass includes the consistency; the first climbs
 * along the classifiers' gradient.
 */
import type * as torch from '@deit-lt/torch';
import { cutmixBox, cutmixOf, type Mix, mixTargets, planMixImages } from '../augment/mixup.js';
import type { ByClass } from '../by-class.js';
import { createSampler } from '../data/samplers/registry.js';
import type { Sampler } from '../data/samplers/sampler.js';
import type { OutputLogits } from '../evaluation/evaluate.js';
import { type GlmcLoss, glmc } from '../losses/glmc.js';
import { Glmc } from '../models/glmc.js';
import type { RandomStream } from '../random/stream.js';
import { Upload } from '../upload.js';
import { type GlmcRecipe, glmcOptions } from './glmc-options.js';
import type { LossParts, Pass, PreparedBatch, Task, TaskBatch } from './task.js';
import { taskEntry } from './task-entry.js';

export interface GlmcTaskOptions {
  /** The network with the balanced classifier, which predicts. */
  readonly model: torch.nn.Module<[torch.Tensor], torch.Tensor>;
  readonly recipe: GlmcRecipe;
  /** Epochs of the whole training, over which the weight moves to the balanced head. */
  readonly epochs: number;
  readonly trainCounts: ByClass<number>;
  readonly device: string;
}

/** Mixed images `[B, 3, S, S]` and their targets `[B, C]`. */
interface Mixture {
  readonly images: torch.Tensor;
  readonly targets: torch.Tensor;
}

export class GlmcTask implements Task {
  readonly kind = 'teacher';
  readonly model: torch.nn.Module<[torch.Tensor], torch.Tensor>;
  readonly companion: Glmc;
  /** The balanced head takes over by and by. */
  readonly drwEpoch = null;
  readonly #options: GlmcTaskOptions;
  readonly #loss: GlmcLoss;

  /** Throws `UserError` for a network that is not fit for it (RECIPE) and a class without images (DATA_CLASSES). */
  constructor(options: GlmcTaskOptions) {
    const { model, recipe, trainCounts, device } = options;
    this.model = model;
    this.#options = options;
    this.partners = createSampler('class-balanced', { power: recipe.partnerPower - 1 });
    this.companion = new Glmc(model, { dim: recipe.embedding, device });
    this.#loss = glmc(trainCounts, recipe);
  }

  /** The published sampler weighs images, ours classes, which have n of them. */
  readonly partners: Sampler;

  prepare({ images, more, partners, labels, epoch, random }: TaskBatch): PreparedBatch {
    const { recipe, epochs, trainCounts } = this.#options;
    const views = [images, more?.[0]] as const;
    const others = [partners?.images, partners?.more[0]] as const;
    const mixes = drawGlmcMixes({ side: images.size(3), random, recipe });
    const upload = new Upload(images.device);
    const plans = mixes.map((mix, v) => {
      const [view, other] = [views[v], others[v]];
      if (view === undefined || other === undefined || partners === undefined)
        throw new Error('internal: GLMC needs two views of a batch and of its partners');
      const options = { numClasses: trainCounts.length, partners: partners.labels };
      const targets = upload.tensor(mixTargets(labels, [mix], options));
      const mixed = planMixImages([mix], upload);
      return (): Mixture => ({ images: mixed(view, other), targets: targets() });
    });
    upload.send();
    const mixtures = plans.map((plan) => plan());
    const share = 1 - (epoch / epochs) ** 2;
    return { loss: (pass = 'step') => this.#lossOf(mixtures, share, pass) };
  }

  #lossOf(mixtures: readonly Mixture[], share: number, pass: Pass): LossParts {
    const [global, local] = mixtures.map(({ images, targets }) => ({ ...this.companion.call(images), targets }));
    const { loss, ...parts } = this.#loss(global!, local!, { share, consistent: pass === 'step' });
    return { loss, parts };
  }

  logits(images: torch.Tensor): OutputLogits {
    return { avg: this.model.call(images) };
  }
}

export interface GlmcMixOptions {
  /** Side of the images in pixels. */
  readonly side: number;
  readonly random: RandomStream;
  readonly recipe: Pick<GlmcRecipe, 'mixAlpha' | 'correctLambda'>;
}

/** One λ for both mixtures of a batch. */
export function drawGlmcMixes({ side, random, recipe }: GlmcMixOptions): readonly [mixup: Mix, cutmix: Mix] {
  const { mixAlpha, correctLambda } = recipe;
  const lambda = random.beta(mixAlpha, mixAlpha);
  const centerY = random.int(side);
  const box = cutmixBox(side, side, lambda, centerY, random.int(side));
  return [{ kind: 'mixup', lambda }, correctLambda ? cutmixOf(box, side, side) : { kind: 'cutmix', lambda, box }];
}

/** The registry's entry for `glmc`. */
export const glmcEntry = taskEntry({
  name: 'glmc',
  options: glmcOptions,
  balances: true,
  learnsFeatures: true,
  views: (_, first) => [first],
  small: (options) => ({ ...options, embedding: Math.min(options.embedding, 16) }),
  create: (context, recipe) => new GlmcTask({ ...context, recipe }),
});
