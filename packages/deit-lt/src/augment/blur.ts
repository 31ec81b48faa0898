/**
 * Gaussian blur as Pillow approximates it: three box blurs along x, then three along y, whose outermost taps count in
 * part (Gwosdek et al. 2011), each rounded to whole levels; the border is repeated.
 */
import * as torch from '@deit-lt/torch';

const passes = 3;

/** Half width of the box, with its fraction, whose repetition has the standard deviation `radius`; in single precision, as Pillow. */
export function boxRadius(radius: number): number {
  const f = Math.fround;
  const single = f(radius);
  const sigma2 = f(f(single * single) / passes);
  const length = f(Math.sqrt(12 * sigma2 + 1));
  const whole = Math.floor((length - 1) / 2);
  const part = f(
    f((2 * whole + 1) * f(whole * (whole + 1) - f(3 * sigma2))) / f(6 * f(sigma2 - (whole + 1) * (whole + 1))),
  );
  return f(whole + part);
}

/** Weights of the taps −R … R for a box of half width `box`, as multiples of 2⁻²⁴. */
function tapWeights(box: number, reach: number): number[] {
  const whole = Math.floor(box);
  const inner = Math.trunc(Math.fround(2 ** 24 / Math.fround(2 * box + 1)));
  const outer = Math.floor((2 ** 24 - (2 * whole + 1) * inner) / 2);
  return Array.from({ length: 2 * reach + 1 }, (_, k) => {
    const distance = Math.abs(k - reach);
    return (distance <= whole ? inner : distance === whole + 1 ? outer : 0) / 2 ** 24;
  });
}

/** The weights of the taps for each of `radii`, standard deviations in pixels (≥ 0); all rows have the same length. */
export function blurTaps(radii: readonly number[]): number[][] {
  const boxes = radii.map(boxRadius);
  const reach = Math.floor(Math.max(...boxes)) + 1;
  return boxes.map((box) => tapWeights(box, reach));
}

/** Blurs image i of `[n, 3, H, W]` (levels 0…255) by row i of `table`: `blurTaps` in float64, on the device of the images. */
export function gaussianBlur(images: torch.Tensor, table: torch.Tensor): torch.Tensor {
  const taps = table.view(table.size(0), table.size(1), 1, 1, 1).unbind(1); // each (n, 1, 1, 1)
  // In doubles every sum is exact, as Pillow's integers are. Single precision would not do: with weights near 1/6 and
  // 2/3 a sixth of the sums lie so near a half that rounding errors would decide.
  let blurred = images.double();
  for (const dim of [3, 2]) for (let i = 0; i < passes; i++) blurred = boxBlur(blurred, taps, dim);
  return blurred.float();
}

/** One pass along `dim`: `Σₖ tapₖ · x(· + k − R)` over the repeated border, rounded. */
function boxBlur(images: torch.Tensor, taps: readonly torch.Tensor[], dim: number): torch.Tensor {
  const length = images.size(dim);
  const reach = (taps.length - 1) / 2;
  const places = torch.arange(-reach, length + reach, { device: images.device }).clamp_(0, length - 1);
  const padded = images.indexSelect(dim, places);
  const sum = padded.narrow(dim, 0, length).mul(taps[0]!);
  for (let k = 1; k < taps.length; k++) sum.addcmul_(padded.narrow(dim, k, length), taps[k]!);
  return sum.add_(0.5).floor_();
}
