/**
 * The modules that GLMC's training needs beside the network that it trains: a second classifier, projector and
 * predictor. F. Du et al., "Global and local mixture consistency cumulative learning", CVPR 2023, arXiv 2305.08661.
 */
import * as torch from '@deit-lt/torch';
import { classifierLogits } from './full-precision.js';
import { type LinearFeatureNet, requireLinearFeatureNet } from './linear-feature-net.js';

const { Linear, Module } = torch.nn;

/** Outputs for a batch of B images. */
export interface GlmcOutput {
  /** Logits of the second classifier, `[B, C]`. */
  readonly plain: torch.Tensor;
  /** Logits of the network's own classifier, which predicts: `[B, C]`. */
  readonly balanced: torch.Tensor;
  /** `[B, dim]`. */
  readonly projection: torch.Tensor;
  /** `[B, dim]`. */
  readonly prediction: torch.Tensor;
}

export interface GlmcModuleOptions {
  /** Width of a projection. Default 256, as for ResNet-34; published for ResNet-32: 128. */
  dim?: number;
  device?: torch.Device | undefined;
}

/**
 * Returns the outputs of both classifiers and of the linear projector and predictor on `network`'s features.
 * `network` is not part of this module, and is what remains after the training. Throws `UserError` (RECIPE) for a
 * network without pooled features and a linear classifier.
 */
export class Glmc extends Module<[images: torch.Tensor], GlmcOutput> {
  readonly plain: torch.nn.Linear;
  readonly projector: torch.nn.Linear;
  readonly predictor: torch.nn.Linear;
  readonly #network: LinearFeatureNet;

  constructor(network: torch.nn.AnyModule, { dim = 256, device }: GlmcModuleOptions = {}) {
    super();
    this.#network = requireLinearFeatureNet(network, 'glmc');
    const { numFeatures, classifier } = this.#network;
    const linear = (cIn: number, cOut: number): torch.nn.Linear => new Linear(cIn, cOut, { ...(device && { device }) });
    this.plain = linear(numFeatures, classifier.outFeatures);
    this.projector = linear(numFeatures, dim);
    this.predictor = linear(dim, dim);
  }

  forward(images: torch.Tensor): GlmcOutput {
    const features = this.#network.features(images);
    const projection = this.projector.call(features);
    return {
      plain: classifierLogits(this.plain, features),
      balanced: classifierLogits(this.#network.classifier, features),
      projection,
      prediction: this.predictor.call(projection),
    };
  }
}
