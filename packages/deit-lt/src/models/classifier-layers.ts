/** Finds the layers of a network that give logits, and their inputs, for methods that change only the classifier. */
import type * as torch from '@deit-lt/torch';
import type { CosineLinear } from './cosine-linear.js';
import { type ImageModel, isFeatureNet } from './model.js';
import { VisionTransformer } from './vit.js';

export type ClassifierLayer = torch.nn.Linear | CosineLinear;

/** One layer, or those of CLS and DIST. Throws RangeError for a network of which it is not known. */
export function classifierLayers(model: ImageModel): ClassifierLayer[] {
  if (model instanceof VisionTransformer) return model.headDist === null ? [model.head] : [model.head, model.headDist];
  if (isFeatureNet(model)) return [model.classifier];
  throw unknown();
}

/** The features of `images` `[B, 3, S, S]` that each of the `classifierLayers` receives, `[B, D]` each. */
export function classifierInputs(model: ImageModel, images: torch.Tensor): torch.Tensor[] {
  if (model instanceof VisionTransformer) {
    const features = model.prefixFeatures(images);
    return classifierLayers(model).map((_, token) => features.select(1, token));
  }
  if (isFeatureNet(model)) return [model.features(images)];
  throw unknown();
}

/** The names that the layers' parameters have in the state dict. */
export function classifierNames(model: ImageModel): Set<string> {
  const layers: readonly torch.nn.AnyModule[] = classifierLayers(model);
  const own = new Set<torch.Tensor>(layers.flatMap((layer) => layer.parameters()));
  return new Set(model.namedParameters().flatMap(([name, parameter]) => (own.has(parameter) ? [name] : [])));
}

function unknown(): RangeError {
  return new RangeError('classifierLayers: expected a Vision Transformer or a network with features and a classifier');
}
