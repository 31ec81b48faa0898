/**
 * The modules that PaCo's training needs beside the network that it trains: embedding head, momentum encoder, queue. J.
 * Cui et al., "Parametric contrastive learning", ICCV 2021, arXiv 2107.12028, which follows MoCo (He et al., CVPR 2020,
 * arXiv 1911.05722); without a momentum encoder: "Generalized parametric contrastive learning", arXiv 2209.12400.
 */
import * as torch from '@deit-lt/torch';
import { classifierLogits } from './full-precision.js';
import { type LinearFeatureNet, requireLinearFeatureNet } from './linear-feature-net.js';
import { EmbeddingHead } from './paco-head.js';
import { EmbeddingQueue } from './paco-queue.js';

const { Module } = torch.nn;

/** Outputs for a batch of B images of one view. */
export interface PacoOutput {
  /** Unit vectors, `[B, dim]`. */
  readonly embeddings: torch.Tensor;
  /** Logits of the classifier, `[B, C]`. */
  readonly logits: torch.Tensor;
}

export interface PacoModuleOptions {
  /** Width of an embedding. Default 32, as for CIFAR. */
  dim?: number;
  /** Embeddings in the queue. Default 1024, as for CIFAR. */
  queue?: number;
  numClasses: number;
  device?: torch.Device | undefined;
}

/**
 * Images of the query view → embeddings and logits, by `network` and a head. `keyNetwork` is a network of the same
 * kind, which becomes a copy that follows slowly and learns nothing by itself; with null (GPaCo) there is no key
 * encoder, and the head has no batch norm. `network` is not part of this module, and remains after the training; its
 * classifier is initialised again.
 *
 * Throws `UserError` (RECIPE) for a network without pooled features and a linear classifier.
 */
export class Paco extends Module<[images: torch.Tensor], PacoOutput> {
  readonly head: EmbeddingHead;
  readonly keyEncoder: LinearFeatureNet | null;
  readonly keyHead: EmbeddingHead | null;
  readonly queue: EmbeddingQueue;
  readonly #network: LinearFeatureNet;

  constructor(
    network: torch.nn.AnyModule,
    keyNetwork: torch.nn.AnyModule | null,
    { dim = 32, queue = 1024, numClasses, device }: PacoModuleOptions,
  ) {
    super();
    this.#network = requireLinearFeatureNet(network, 'paco');
    this.#network.classifier.resetParameters(); // as published: uniform, smaller than the CIFAR ResNets draw theirs
    const batchNorm = keyNetwork !== null;
    const head = (): EmbeddingHead => new EmbeddingHead(this.#network.numFeatures, dim, { batchNorm, device });
    this.head = head();
    this.keyEncoder = keyNetwork === null ? null : requireLinearFeatureNet(keyNetwork, 'paco');
    this.keyHead = keyNetwork === null ? null : head();
    this.queue = new EmbeddingQueue({ size: queue, dim, numClasses, device });
    this.#copyIntoKeys();
  }

  /** Query weights, and the key weights that follow them, in the same order. Empty without a key encoder. */
  pairs(): { readonly queries: torch.Tensor[]; readonly keys: torch.Tensor[] } {
    if (this.keyEncoder === null || this.keyHead === null) return { queries: [], keys: [] };
    return {
      queries: [...this.#network.parameters(), ...this.head.parameters()],
      keys: [...this.keyEncoder.parameters(), ...this.keyHead.parameters()],
    };
  }

  forward(images: torch.Tensor): PacoOutput {
    const features = this.#network.features(images);
    return { embeddings: this.head.call(features), logits: classifierLogits(this.#network.classifier, features) };
  }

  /** Embeddings `[B, dim]` of the key view, without gradients. */
  keys(images: torch.Tensor): torch.Tensor {
    const { keyEncoder, keyHead } = this;
    if (keyEncoder === null || keyHead === null) throw new Error('internal: GPaCo has no key encoder');
    return torch.tidy(() => torch.noGrad(() => keyHead.call(keyEncoder.features(images))));
  }

  #copyIntoKeys(): void {
    this.keyEncoder?.loadStateDict(this.#network.stateDict());
    this.keyHead?.loadStateDict(this.head.stateDict());
    this.keyEncoder?.requiresGrad_(false);
    this.keyHead?.requiresGrad_(false);
  }
}
