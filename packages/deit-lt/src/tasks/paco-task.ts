/**
 * The task of a PaCo teacher: one softmax over classes, the other images of the batch in two views, and a queue of earlier
 * images. J. Cui et al., "Parametric contrastive learning", ICCV 2021, arXiv 2107.12028; its generalisation without a
 * momentum encoder, GPaCo, TPAMI 2023, arXiv 2209.12400.
 *
 * With SAM the batch goes through the network twice, and both passes are of the same loss: the key encoder moves once,
 * by the weights that are learned and not by the ones nearby, the keys are computed once, the queue is the one from
 * before the batch, and the batch enters it once. So SAM's gradient is that of one function at two places, and key
 * encoder and queue are the same with and without it but for the weights.
 *
 * In a training in shards each shard is one of the published cards: its images are compared with each other and the queue,
 * the images of the key encoder are shuffled among all shards, and the keys of all shards enter the one queue, in their order.
 */
import * as torch from '@deit-lt/torch';
import type { ByClass } from '../by-class.js';
import type { OutputLogits } from '../evaluation/evaluate.js';
import { type PacoLoss, paco } from '../losses/paco.js';
import { Paco, type PacoOutput } from '../models/paco.js';
import type { QueueContent } from '../models/paco-queue.js';
import { lerpAll_ } from '../optim/tensor-lists.js';
import { Upload } from '../upload.js';
import { drawShuffle, inParts, type ShuffledOptions, shuffledInShards } from './batch-parts.js';
import { type PacoRecipe, pacoOptions } from './paco-options.js';
import type { LossParts, PreparedBatch, PreparedShards, ShardedBatch, Task, TaskBatch } from './task.js';
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

/** The batch of one shard of this process. */
interface Compared {
  readonly views: readonly [query: torch.Tensor, key: torch.Tensor];
  /** Labels of the batch, `[B]`. */
  readonly labels: torch.Tensor;
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

  prepare(batch: TaskBatch): PreparedBatch {
    const { batches, afterFirstPass } = this.prepareShards(oneShard(batch));
    let isFirst = true;
    return {
      loss: (pass) => {
        const loss = batches[0]!.loss(pass);
        if (isFirst) afterFirstPass?.();
        isFirst = false;
        return loss;
      },
    };
  }

  prepareShards(sharded: ShardedBatch): PreparedShards {
    const { variant, batchNormParts } = this.#options.recipe;
    const { own, shards, random } = sharded;
    const { images, labels } = own[0]!.batch;
    const upload = new Upload(images.device);
    const sent = own.map(({ batch }) => upload.indices(batch.labels));
    const parts = shards * batchNormParts;
    const shuffle = variant === 'gpaco' ? null : drawShuffle(shards * labels.length, { parts, random }, upload);
    upload.send();
    const compared = own.map(({ batch }, i): Compared => ({ views: viewsOf(batch), labels: sent[i]!() }));
    const queue = this.companion.queue.read();
    return variant === 'gpaco'
      ? this.#bothLearn(sharded, compared, queue)
      : this.#queriesLearn(sharded, compared, { queue, shuffle });
  }

  /** PaCo: anchors are the queries; keys come from the momentum encoder, before either pass. */
  #queriesLearn(
    sharded: ShardedBatch,
    compared: readonly Compared[],
    { queue, shuffle }: { queue: QueueContent; shuffle: ShuffledOptions['shuffle'] },
  ): PreparedShards {
    const { batchNormParts: parts, momentum } = this.#options.recipe;
    const { queries, keys } = this.companion.pairs();
    torch.tidy(() => torch.noGrad(() => lerpAll_(keys, queries, 1 - momentum)));
    const views = compared.map(({ views: [, key] }) => key);
    const made = torch.tidy(() =>
      torch.noGrad(() => shuffledInShards(sharded, views, { parts, shuffle }, (images) => this.companion.keys(images))),
    );
    this.#push(sharded, made, compared);
    const batches = compared.map(({ views: [query], labels }, i) => ({
      loss: () => {
        const { embeddings, logits } = this.#look(query);
        const own = made[sharded.own[i]!.shard]!;
        return this.#lossOf({ embeddings: [embeddings, own], logits: [logits], labels, queue });
      },
    }));
    return { batches };
  }

  /** GPaCo: anchors are both views, by one network; what the first pass makes of the second view enters the queue. */
  #bothLearn(sharded: ShardedBatch, compared: readonly Compared[], queue: QueueContent): PreparedShards {
    const made: (torch.Tensor | undefined)[] = compared.map(() => undefined);
    const batches = compared.map(({ views, labels }, i) => ({
      loss: () => {
        const [query, key] = views.map((images) => this.#look(images)) as [PacoOutput, PacoOutput];
        made[i] ??= key.embeddings.detach();
        return this.#lossOf({
          embeddings: [query.embeddings, key.embeddings],
          logits: [query.logits, key.logits],
          labels,
          queue,
        });
      },
    }));
    const afterFirstPass = (): void => this.#push(sharded, sharded.gather(made.map((keys) => keys!)), compared);
    return { batches, afterFirstPass };
  }

  /** Puts the keys of all shards into the queue, in the order of the shards. */
  #push({ gather }: ShardedBatch, made: readonly torch.Tensor[], compared: readonly Compared[]): void {
    torch.tidy(() => {
      const labels = gather(compared.map((each) => each.labels));
      this.companion.queue.push(torch.cat(made, 0), torch.cat(labels, 0));
    });
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

function viewsOf({ images, more }: TaskBatch): Compared['views'] {
  const view = more?.[0];
  if (view === undefined) throw new Error('internal: PaCo needs two views of a batch');
  return [images, view];
}

/** A batch that is all of its update. */
function oneShard(batch: TaskBatch): ShardedBatch {
  return {
    shards: 1,
    own: [{ shard: 0, batch }],
    random: batch.random,
    run: (_, body) => body(),
    gather: (tensors) => [...tensors],
  };
}

/** The registry's entry for `paco`. */
export const pacoEntry = taskEntry({
  name: 'paco',
  options: pacoOptions,
  balances: true,
  learnsFeatures: true,
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
