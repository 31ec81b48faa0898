/**
 * The end of a network in float32, also under autocast: the pooling before the classifier, and the classifier. A bfloat16
 * logit has two to three digits, so two classes of 2,000 images are often exactly equal, and the lower number would win;
 * and losses would learn from rounded logits. It is the same in training and in evaluation. The product is small beside
 * the rest of a network.
 */
import * as torch from '@deit-lt/torch';

/** Runs `fn` without automatic casts on the device of `like`. */
export function withoutAutocast<R>(like: torch.Tensor, fn: () => R): R {
  return torch.autocast(like.isCuda ? 'cuda' : 'cpu', { enabled: false }, fn);
}

/** A linear or cosine classifier. */
interface Classifying {
  readonly weight: torch.Tensor;
  call(features: torch.Tensor): torch.Tensor;
}

/** The logits of `features` `[B, D]` by a classifier, in the type of its weight: `[B, C]`. */
export function classifierLogits(layer: Classifying, features: torch.Tensor): torch.Tensor {
  return withoutAutocast(features, () => layer.call(features.to(layer.weight.dtype)));
}

/** The mean over the pixels, `[B, C, H, W]` → `[B, C]`; of half precision in float32. */
export function pooled(xs: torch.Tensor): torch.Tensor {
  const isHalf = xs.dtype === 'bfloat16' || xs.dtype === 'float16';
  return xs.mean([2, 3], isHalf ? { dtype: 'float32' } : {});
}
