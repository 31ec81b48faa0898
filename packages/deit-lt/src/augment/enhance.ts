/**
 * Brightness, contrast, colour and sharpness as Pillow's `ImageEnhance` has them: a blend `d + f·(x − d)` of the image x
 * and a degenerate version d (black, its mean grey, grey, smoothed), clipped and truncated. The factor f is 1 for the
 * image itself, below 1 for less and above 1 for more. Images are float32 `[n, 3, H, W]` of whole levels 0…255, with one
 * factor for each of the n; results are new tensors of whole levels, the same as Pillow's.
 */
import * as torch from '@deit-lt/torch';
import { type PerImage, perSample } from './levels.js';

/** `degenerate + factors·(images − degenerate)`, clipped and truncated. */
function blend(degenerate: torch.Tensor, images: torch.Tensor, factors: PerImage): torch.Tensor {
  // Not lerp: it rounds differently from Pillow for factors from 0.5 on.
  return images.sub(degenerate).mul_(perSample(factors, images)).add_(degenerate).clamp_(0, 255).floor_();
}

/** Grey levels by ITU-R 601 in Pillow's 16-bit integers: `⌊(19595 R + 38470 G + 7471 B + 32768) / 65536⌋`, `[n, 1, H, W]`. */
export function grey(images: torch.Tensor): torch.Tensor {
  // Every sum stays below 2²⁴, so float32 is exact.
  return images
    .narrow(1, 0, 1)
    .mul(19595)
    .add_(images.narrow(1, 1, 1), { alpha: 38470 })
    .add_(images.narrow(1, 2, 1), { alpha: 7471 })
    .add_(32768)
    .div_(65536)
    .floor_();
}

/** The grey levels in all three channels. */
export function grayscale(images: torch.Tensor): torch.Tensor {
  return torch.emptyLike(images).copy_(grey(images));
}

/** Scales all levels by `factors[i]` (≥ 0). */
export function brightness(images: torch.Tensor, factors: PerImage): torch.Tensor {
  return images.mul(perSample(factors, images)).clamp_(0, 255).floor_();
}

/** Moves levels away from the image's mean grey (factor above 1) or towards it. */
export function contrast(images: torch.Tensor, factors: PerImage): torch.Tensor {
  const mean = grey(images).mean([1, 2, 3], { keepdim: true, dtype: 'float64' });
  return blend(mean.add_(0.5).floor_().float(), images, factors);
}

/** Moves colours away from grey (factor above 1) or towards it; torchvision's saturation. */
export function color(images: torch.Tensor, factors: PerImage): torch.Tensor {
  return blend(grey(images), images, factors);
}

/** Sharpens (factor above 1) or smooths; the one-pixel border stays. */
export function sharpness(images: torch.Tensor, factors: PerImage): torch.Tensor {
  const [, , height, width] = images.shape as [number, number, number, number];
  if (height < 3 || width < 3) return images.clone();
  const inner = images.narrow(2, 1, height - 2).narrow(3, 1, width - 2);
  const sums = torch.ops.aten.avg_pool2d.default(images, [3, 3], [1, 1], [0, 0], false, true, 1);
  // Pillow's SMOOTH kernel: 5 in the middle, 1 around it, over 13.
  const smooth = sums.add_(inner, { alpha: 4 }).div_(13).add_(0.5).floor_();
  const sharp = images.clone();
  sharp
    .narrow(2, 1, height - 2)
    .narrow(3, 1, width - 2)
    .copy_(blend(smooth, inner, factors));
  return sharp;
}
