/** Turns the hue of images as torchvision does with Pillow's 8-bit HSV, levels and roundings included. */
import * as torch from '@deit-lt/torch';
import { deviceConstant } from '../device-constant.js';
import { type PerImage, perSample } from './levels.js';

/** A turn of `turn` circles in the 255 steps of an 8-bit hue, as torchvision truncates it. */
export function hueSteps(turn: number): number {
  return Math.trunc(turn * 255);
}

/** Turns the hue of image i of `[n, 3, H, W]` (whole levels 0…255) by `steps[i]`, as `hueSteps` gives them. */
export function hue(images: torch.Tensor, steps: PerImage): torch.Tensor {
  const { hue, saturation, value } = toHsv(images);
  const turned = hue.add_(perSample(steps, images)).remainder_(256);
  return fromHsv(turned, saturation, value);
}

/** Which of v, t, p, q each channel takes in each of the six sectors. */
const channelTable = deviceConstant(() =>
  torch.tensor([0, 1, 2, 3, 0, 2, 2, 0, 1, 2, 3, 0, 1, 2, 0, 0, 2, 3], { dtype: 'int64' }),
);

interface Hsv {
  hue: torch.Tensor;
  saturation: torch.Tensor;
  value: torch.Tensor;
}

/** Whole levels 0…255 of hue, saturation and value, each `[n, 1, H, W]`. */
function toHsv(images: torch.Tensor): Hsv {
  const [red, green, blue] = images.split(1, 1) as [torch.Tensor, torch.Tensor, torch.Tensor];
  const value = images.amax(1, true);
  const chroma = value.sub(images.amin(1, true));
  const divisor = chroma.clampMin(1); // grey: every difference is 0
  const [r, g, b] = [red, green, blue].map((channel) => value.sub(channel).div_(divisor).double()) as [
    torch.Tensor,
    torch.Tensor,
    torch.Tensor,
  ];
  const fromBlue = r.neg().add_(g).add_(4);
  const fromGreen = r.sub(b).add_(2);
  const sector = b.sub(g).where(red.eq(value), fromGreen.where(green.eq(value), fromBlue));
  // Pillow stores the sector and its sixth in single precision and computes in double.
  const turn = sector.float().double().div_(6).add_(1).remainder_(1).float();
  return {
    hue: turn.double().mul_(255).trunc_().float(),
    saturation: chroma.div(value.clampMin(1)).double().mul_(255).trunc_().float(),
    value,
  };
}

function fromHsv(hue: torch.Tensor, saturation: torch.Tensor, value: torch.Tensor): torch.Tensor {
  const sixths = hue.double().mul_(6).div_(255);
  const sector = sixths.floor();
  const fraction = sixths.sub(sector);
  const part = saturation.double().div_(255);
  const level = (loss: torch.Tensor): torch.Tensor => loss.neg_().add_(1).mul_(value).add_(0.5).floor_().float();
  const p = level(part.clone());
  const q = level(part.mul(fraction));
  const t = level(fraction.neg().add_(1).mul_(part));
  const v = value;
  const choices = torch.cat([v, t, p, q], 1); // (n, 4, H, W)
  const row = sector.long().remainder_(6).mul_(3);
  const channel = torch.arange(3, { device: hue.device }).view(1, 3, 1, 1);
  return choices.gather(1, channelTable(hue.device).take(row.add(channel)));
}
