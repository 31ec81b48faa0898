/**
 * Operations that change each level of a channel by a rule or a table, as Pillow's `ImageOps` do: inversion,
 * solarising, posterising, automatic contrast, equalisation. Images are float32 `[n, 3, H, W]` of whole levels 0…255,
 * with one argument for each of the n; results are new tensors of whole levels.
 */
import * as torch from '@deit-lt/torch';

/** A number for each of n images; or the same on the device of the images, `[n, 1, 1, 1]`. */
export type PerImage = readonly number[] | torch.Tensor;

/** One number for each sample, `[n, 1, 1, 1]`, to be broadcast over images on their device. */
export function perSample(values: PerImage, images: torch.Tensor): torch.Tensor {
  if (values instanceof torch.Tensor) return values;
  return torch.tensor(Float32Array.from(values), { shape: [values.length, 1, 1, 1], device: images.device });
}

/** `255 − x`. */
export function invert(images: torch.Tensor): torch.Tensor {
  return images.neg().add_(255);
}

/** Inverts the levels from `thresholds[i]` on (0…256). */
export function solarize(images: torch.Tensor, thresholds: PerImage): torch.Tensor {
  return images.where(images.lt(perSample(thresholds, images)), invert(images));
}

/** Adds `amounts[i]` to the levels below 128, up to 255. */
export function solarizeAdd(images: torch.Tensor, amounts: PerImage): torch.Tensor {
  const added = images.add(perSample(amounts, images)).clamp_(0, 255);
  return added.where(images.lt(128), images);
}

/** The distance of the levels that stay when the highest `bits` bits (0…8) are kept. */
export const posterizeStep = (bits: number): number => 2 ** (8 - bits);

/** Keeps the multiples of `steps`, as `posterizeStep` gives them. */
export function posterize(images: torch.Tensor, steps: PerImage): torch.Tensor {
  const step = perSample(steps, images);
  return images.div(step).floor_().mul_(step); // exact: the steps are powers of two
}

/** Each level of each channel replaced by its entry in `tables` `[n · 3, 256]`. */
function lookUp(images: torch.Tensor, tables: torch.Tensor): torch.Tensor {
  return tables.reshape(-1).to('float32').take(tableIndex(images));
}

/**
 * Returns the index of each value in tables `[n · 3, 256]`, one for each channel of each image: int64 `[n, 3, H, W]`.
 */
function tableIndex(images: torch.Tensor): torch.Tensor {
  const [n, channels] = images.shape as [number, number, number, number];
  const starts = torch.arange(n * channels, { device: images.device }).mul_(256);
  return images.long().add_(starts.view(n, channels, 1, 1));
}

/** Stretches each channel so that its smallest level becomes 0 and its largest 255; a flat channel stays. */
export function autocontrast(images: torch.Tensor): torch.Tensor {
  const low = images.amin([2, 3]).view(-1, 1).double(); // (n · 3, 1)
  const spread = images.amax([2, 3]).view(-1, 1).sub(low);
  // Pillow's own order of operations in doubles: another order truncates some levels one lower.
  const scale = torch.full([1], 255, { dtype: 'float64', device: images.device }).div(spread.clampMin(1));
  const levels = torch.arange(256, { dtype: 'float64', device: images.device });
  const stretched = levels.mul(scale).sub_(low.mul(scale)).clamp_(0, 255).trunc_(); // (n · 3, 256)
  return lookUp(images, stretched.where(spread.gt(0), levels));
}

/** Spreads the levels of each channel so that their histogram becomes even (Pillow's integer rule). */
export function equalize(images: torch.Tensor): torch.Tensor {
  const [n, channels, height, width] = images.shape as [number, number, number, number];
  const index = tableIndex(images);
  const histogram = index
    .reshape(-1)
    .bincount({ minlength: n * channels * 256 })
    .view(-1, 256);
  const largest = images.amax([2, 3]).view(-1, 1).long(); // the last level that occurs
  const step = histogram
    .gather(1, largest)
    .neg_()
    .add_(height * width)
    .div_(255, { roundingMode: 'floor' });
  const below = histogram.cumsum(1).sub_(histogram);
  const whole = step.clampMin(1);
  const table = below
    .add_(whole.div(2, { roundingMode: 'floor' }))
    .div_(whole, { roundingMode: 'floor' })
    .clamp_(0, 255);
  const levels = torch.arange(256, { device: images.device });
  return table.where(step.gt(0), levels).reshape(-1).to('float32').take(index);
}
