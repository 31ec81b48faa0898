/**
 * The task of a PaCo teacher: one softmax over classes, the other images of the batch in two views, and a queue of earlier
 * images. J. Cui et al., "Parametric contrastive learning", ICCV 2021, arXiv 2107.12028; its generalisation without a
 * momentum encoder, GPaCo, TPAMI 2023, arXiv 2209.12400.
 *
 * With SAM the batch goes through the network twice, and both passes are of the same loss: the key encoder moves once,
 * by the weights that are learned and not by the ones nearby, the keys are computed once, the queue is the one from
 * before the batch, and the batch enters it once. So SAM's gradient is that of one function at two places, and key
 * encoder and queue are the same with and without it but for the weights.
 */
import * as torch from '@deit-lt/torch';
import type { ByClass } from '../by-class.js';
import type { OutputLogits } from '../evaluation/evaluate.js';
import { type PacoLoss, paco } from '../losses/paco.js';
import { Paco, type PacoOutput } from '../models/paco.js';
import type { QueueContent } from '../models/paco-queue.js';
import { lerpAll_ } from '../optim/tensor-lists.js';
import { Upload } from '../upload.js';
import { drawShuffle, inParts, type Shuffle, shuffledInParts } from './batch-parts.js';
import { type PacoRecipe, pacoOptions } from './paco-options.js';
import type { LossParts, PreparedBatch, Task, TaskBatch } from './task.js';
import { taskEntry } from './task-entry.js';

export interface PacoTaskOptions {
  /** Query encoder and classifier: what predicts. */
  readonly model: torch.nn.Module<[torch.Tensor], torch.Tensor>;
  /** Another network of the same kind, with any weights; for GPaCo it is not needed. */
  readonly keyNetwork: torch.nn.AnyModule | null;
  readonly recipe: PacoRecipe;
  readonly trainCounts: ByClass<number>;
  readonly device: string;
}

/** A batch, and the queue as it was before. */
interface Compared {
  readonly views: readonly [query: torch.Tensor, key: torch.Tensor];
  /** Labels of the batch, `[B]`. */
  readonly labels: torch.Tensor;
  readonly queue: QueueContent;
}

/** Outputs of the networks for a batch. */
interface Outputs {
  /** Embeddings of both views, each `[B, dim]`. */
  readonly embeddings: readonly torch.Tensor[];
  /** Logits of the views whose images are anchors, each `[B, C]`. */
  readonly logits: readonly torch.Tensor[];
  readonly labels: torch.Tensor;
  readonly queue: QueueContent;
}

export class PacoTask implements Task {
  readonly kind = 'teacher';
  readonly model: torch.nn.Module<[torch.Tensor], torch.Tensor>;
  readonly companion: Paco;
  /** The prior of the classes is in the loss from the beginning. */
  readonly drwEpoch = null;
  readonly #options: PacoTaskOptions;
  readonly #loss: PacoLoss;

  /** Throws `UserError` (RECIPE) for a network that is not fit for it. */
  constructor(options: PacoTaskOptions) {
    const { model, keyNetwork, recipe, trainCounts, device } = options;
    const { embedding: dim, queue } = recipe;
    this.model = model;
    this.#options = options;
    this.companion = new Paco(model, recipe.variant === 'gpaco' ? null : keyNetwork, {
      dim,
      queue,
      numClasses: trainCounts.length,
      device,
    });
    this.#loss = paco(trainCounts, recipe);
  }

  prepare({ images, more, labels, random }: TaskBatch): PreparedBatch {
    const view = more?.[0];
    if (view === undefined) throw new Error('internal: PaCo needs two views of a batch');
    const { variant, batchNormParts: parts } = this.#options.recipe;
    const upload = new Upload(images.device);
    const own = upload.indices(labels);
    const shuffle = variant === 'gpaco' ? null : drawShuffle(labels.length, { parts, random }, upload);
    upload.send();
    const compared: Compared = { views: [images, view], labels: own(), queue: this.companion.queue.read() };
    return variant === 'gpaco' ? this.#bothLearn(compared) : this.#queriesLearn(compared, shuffle);
  }

  /** PaCo: anchors are the queries; keys come from the momentum encoder, before either pass. */
  #queriesLearn({ views: [query, key], labels, queue }: Compared, shuffle: Shuffle | null): PreparedBatch {
    const { batchNormParts: parts, momentum } = this.#options.recipe;
    const { queries, keys } = this.companion.pairs();
    torch.tidy(() => torch.noGrad(() => lerpAll_(keys, queries, 1 - momentum)));
    const made = shuffledInParts(key, { parts, shuffle }, (images) => this.companion.keys(images));
    this.companion.queue.push(made, labels);
    return {
      loss: () => {
        const { embeddings, logits } = this.#look(query);
        return this.#lossOf({ embeddings: [embeddings, made], logits: [logits], labels, queue });
      },
    };
  }

  /** GPaCo: anchors are both views, by one network; what the first pass makes of the second view enters the queue. */
  #bothLearn({ views, labels, queue }: Compared): PreparedBatch {
    let isFirst = true;
    return {
      loss: () => {
        const [query, key] = views.map((images) => this.#look(images)) as [PacoOutput, PacoOutput];
        if (isFirst) this.companion.queue.push(key.embeddings.detach(), labels);
        isFirst = false;
        return this.#lossOf({
          embeddings: [query.embeddings, key.embeddings],
          logits: [query.logits, key.logits],
          labels,
          queue,
        });
      },
    };
  }

  #look(images: torch.Tensor): PacoOutput {
    const outputs = inParts(images, this.#options.recipe.batchNormParts).map((part) => this.companion.call(part));
    if (outputs.length === 1) return outputs[0]!;
    return {
      embeddings: torch.cat(
        outputs.map(({ embeddings }) => embeddings),
        0,
      ),
      logits: torch.cat(
        outputs.map(({ logits }) => logits),
        0,
      ),
    };
  }

  /**
   * The mean over the anchors; with `contrastParts` each is compared with its own part of the batch and the whole
   * queue.
   */
  #lossOf({ embeddings, logits, labels, queue }: Outputs): LossParts {
    const cut = (x: torch.Tensor): torch.Tensor[] => inParts(x, this.#options.recipe.contrastParts);
    const [embeddingParts, logitParts] = [embeddings.map(cut), logits.map(cut)];
    const losses = cut(labels).map((own, part) =>
      this.#loss({
        embeddings: torch.cat([...embeddingParts.map((parts) => parts[part]!), queue.embeddings], 0),
        labels: torch.cat([own, own, queue.labels], 0),
        logits: torch.cat(
          logitParts.map((parts) => parts[part]!.float()),
          0,
        ),
      }).mul(own.size(0) / labels.size(0)),
    );
    return { loss: losses.reduce((sum, loss) => sum.add(loss)), parts: {} };
  }

  logits(images: torch.Tensor): OutputLogits {
    return { avg: this.model.call(images) };
  }
}

/** The registry's entry for `paco`. */
export const pacoEntry = taskEntry({
  name: 'paco',
  options: pacoOptions,
  balances: true,
  learnsFeatures: true,
  wholeBatch: true,
  logitScale: ({ classTemperature }) => 1 / classTemperature,
  views: ({ keyAugment }) => [keyAugment],
  small: (options) => ({
    ...options,
    queue: Math.min(options.queue, 64),
    embedding: Math.min(options.embedding, 16),
  }),
  create: ({ another, ...context }, recipe) =>
    new PacoTask({ ...context, recipe, keyNetwork: recipe.variant === 'gpaco' ? null : another() }),
});
