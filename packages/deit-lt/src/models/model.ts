/** The interface of every network of the registry: its input and output, its options, its entry. */
import type * as torch from '@deit-lt/torch';
import type { z } from 'zod';
import type { RegistryEntry } from '../registry.js';
import type { CosineLinear } from './cosine-linear.js';

/** Logits `[B, numClasses]`; of a distilled model those of both heads. */
export type ModelOutput = torch.Tensor | [cls: torch.Tensor, dist: torch.Tensor];

/** Takes normalised images `[B, inChans, H, W]`. */
export type ImageModel = torch.nn.Module<[images: torch.Tensor], ModelOutput>;

/** A CNN: its pooled features, and the classifier on them. */
export interface FeatureNet extends torch.nn.Module {
  /** Width of the features. */
  readonly numFeatures: number;
  /** Not a child of its own, but one of the network's. */
  readonly classifier: torch.nn.Linear | CosineLinear;
  /**
   * Returns the input of the classifier, before any normalisation: images `[B, inChans, H, W]` → `[B, numFeatures]`.
   */
  features(images: torch.Tensor): torch.Tensor;
}

/** Returns whether a model is a `FeatureNet`. */
export function isFeatureNet(model: torch.nn.AnyModule): model is FeatureNet {
  return 'features' in model && 'classifier' in model && 'numFeatures' in model;
}

/** A part of a network, or a network, that computes weights from training images before the first update. */
export interface InitializedFromImages {
  /** Takes the network's input: normalised images `[B, inChans, H, W]`, on the device of the network. */
  initializeFrom(images: torch.Tensor): void;
}

/** Returns whether a module is an `InitializedFromImages`. */
export function isInitializedFromImages(
  module: torch.nn.AnyModule,
): module is torch.nn.AnyModule & InitializedFromImages {
  return 'initializeFrom' in module && typeof module.initializeFrom === 'function';
}

/** Options of every model. */
export interface CommonModelOptions {
  numClasses: number;
  /**
   * Side of the square input in pixels, or height and width. Default: the model's own (224 for those named so, else
   * 32).
   */
  imageSize?: number | readonly [height: number, width: number];
  /** Channels of the input. Default 3. */
  inChans?: number;
  /** Device of the parameters. Default the CPU. */
  device?: torch.Device;
}

/** Options of the built-in models; each model lists those that it has. */
export interface ModelOptions extends CommonModelOptions {
  /** Side of a patch in pixels. Default 4. */
  patchSize?: number;
  /** Transformers: how images become tokens. Default linear, one product for each patch. */
  patchEmbed?: 'linear' | 'conv' | 'airbench';
  /** Transformers with patchEmbed conv: channels of each convolution; airbench: of each group of two. Default as in `VisionTransformerOptions`. */
  stemChannels?: readonly number[] | null;
  /** Width of a token. Default 192. */
  embedDim?: number;
  /** Number of blocks. Default 12. */
  depth?: number;
  /** Default: 64 numbers to a head. */
  numHeads?: number;
  /** Width of an MLP's middle layer over `embedDim`. Default 4. */
  mlpRatio?: number;
  /** Dropout of tokens and of both branches of a block. Default 0. */
  dropRate?: number;
  /** Dropout of attention weights. Default 0. */
  attnDropRate?: number;
  /** Drop path of the last block; that of the first is 0. Default 0. */
  dropPathRate?: number;
  /** Transformers: whether every block has `dropPathRate`. Default false, true for DeiT-III. */
  constantDropPath?: boolean;
  /** Transformers: what the factors of LayerScale begin at; null is without. Default null, 1e-4 for DeiT-III. */
  initValues?: number | null;
  /** ResNets for small images: channels of the first stage. Default 16, of ResNet-18 and 34 64. */
  width?: number;
  /** ResNets: a classifier with normalised features and weights. Default false. */
  cosine?: boolean;
}

/** One entry of the registry; recipes name it in `teacher.model` and `student.model`. */
export interface ModelEntry<O extends z.ZodObject = z.ZodObject> extends RegistryEntry<O> {
  /**
   * Makes the network, of images `[B, inChans, H, W]` to logits `[B, numClasses]`, or to those of CLS and DIST.
   * Parameters are drawn from the default generator.
   */
  create(options: CommonModelOptions & z.output<O>): ImageModel;
}

/** An entry of a family, which has its name beside it. */
export type ModelOfFamily = Omit<ModelEntry, 'name'>;
