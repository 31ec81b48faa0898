/**
 * The operations that augmentation policies choose from, by name, and their application to batches in which every image
 * has its own operation and argument: images of the same operation are worked on together.
 */
import * as torch from '@deit-lt/torch';
import { affine, type Matrix, rotation } from './affine.js';
import { gaussianBlur } from './blur.js';
import { brightness, color, contrast, grayscale, sharpness } from './enhance.js';
import { hue } from './hue.js';
import { autocontrast, equalize, invert, posterize, solarize, solarizeAdd } from './levels.js';

/** `images` float32 `[n, 3, H, W]`, whole levels 0…255, and an argument for each: a new tensor of the same shape. */
export type PixelOp = (images: torch.Tensor, args: readonly number[]) => torch.Tensor;

/** The matrix for an image of `width` × `height`. */
export type AffineOp = (arg: number, width: number, height: number) => Matrix;

/** What the argument of each means stands at the functions; those without one ignore it. */
export const pixelOps = {
  autocontrast,
  equalize,
  invert,
  solarize,
  solarizeAdd,
  posterize,
  brightness,
  contrast,
  color,
  sharpness,
  hue,
  grayscale,
  gaussianBlur,
} satisfies Record<string, PixelOp>;

/** Arguments: degrees counter-clockwise; shear as pixels per pixel; translation as a share of the side. */
export const affineOps = {
  rotate: rotation,
  shearX: (shear) => [1, shear, 0, 0, 1, 0],
  shearY: (shear) => [1, 0, 0, shear, 1, 0],
  translateX: (share, width) => [1, 0, share * width, 0, 1, 0],
  translateY: (share, _width, height) => [1, 0, 0, 0, 1, share * height],
} satisfies Record<string, AffineOp>;

export type OpName = keyof typeof pixelOps | keyof typeof affineOps | 'identity';

/** One operation on one image. */
export interface OpChoice {
  readonly op: OpName;
  /** The operation's argument, in its own unit. */
  readonly arg: number;
}

export interface ApplyOpsOptions {
  /** Colour of what comes in from outside the image, three levels 0…255. Default black. */
  fill?: readonly number[];
}

const isAffine = (op: OpName): op is keyof typeof affineOps => op in affineOps;

/**
 * Applies `choices[i]` to image i of `images` `[B, 3, H, W]`; undefined leaves it. Every geometric operation of the batch
 * is one resampling. Returns `images` itself when nothing is to be done, else a new tensor.
 */
export function applyOps(
  images: torch.Tensor,
  choices: Choices,
  { fill = [0, 0, 0] }: ApplyOpsOptions = {},
): torch.Tensor {
  const groups = groupByOp(choices);
  const [first] = groups;
  if (first === undefined) return images;
  return torch.tidy(() => {
    if (first[1].length === images.size(0)) return applyGroup(first[0], images, choices, fill);
    const rows = pixelRows(images);
    const changed = rows.clone();
    for (const [name, members] of groups)
      changeRows_(changed, rows, members, (part) => applyGroup(name, part, pick(choices, members), fill));
    return changed.permute(0, 3, 1, 2);
  });
}

/** Applies the operations `plans[i]` to image i, one after the other; otherwise as `applyOps`. */
export function applyPlans(
  images: torch.Tensor,
  plans: readonly (readonly (OpChoice | undefined)[])[],
  options: ApplyOpsOptions = {},
): torch.Tensor {
  const turns = Math.max(0, ...plans.map((plan) => plan.length));
  return torch.tidy(() => {
    let changed = images;
    for (let turn = 0; turn < turns; turn++) {
      const choices = plans.map((plan) => plan[turn]);
      changed = applyOps(changed, choices, options);
    }
    return changed;
  });
}

/** All geometric operations are one group. */
type GroupName = keyof typeof pixelOps | 'affine';
type Choices = readonly (OpChoice | undefined)[];

/** The samples of each operation that occurs. */
function groupByOp(choices: Choices): Map<GroupName, number[]> {
  const groups = new Map<GroupName, number[]>();
  choices.forEach((choice, i) => {
    if (choice === undefined || choice.op === 'identity') return;
    const name = isAffine(choice.op) ? 'affine' : choice.op;
    const members = groups.get(name);
    if (members) members.push(i);
    else groups.set(name, [i]);
  });
  return groups;
}

const pick = (choices: Choices, members: readonly number[]): Choices => members.map((i) => choices[i]);

/** `[B, H, W, 3]`: rows of channels-last images are contiguous, so choosing and replacing samples copies blocks. */
function pixelRows(images: torch.Tensor): torch.Tensor {
  return images.permute(0, 2, 3, 1);
}

/** Puts what `change` makes of the samples `members` of `rows` in their place in `changed` (both `[B, H, W, 3]`). */
function changeRows_(
  changed: torch.Tensor,
  rows: torch.Tensor,
  members: readonly number[],
  change: (part: torch.Tensor) => torch.Tensor,
): void {
  torch.tidy(() => {
    const index = torch.tensor(BigInt64Array.from(members, BigInt)).to(rows.device);
    const part = rows.indexSelect(0, index).permute(0, 3, 1, 2);
    changed.indexCopy_(0, index, pixelRows(change(part)));
  });
}

function applyGroup(name: GroupName, images: torch.Tensor, choices: Choices, fill: readonly number[]): torch.Tensor {
  if (name !== 'affine') {
    const op: PixelOp = pixelOps[name];
    return op(
      images,
      choices.map((choice) => choice!.arg),
    );
  }
  const [, , height, width] = images.shape as [number, number, number, number];
  const matrices = choices.map((choice) => {
    const op: AffineOp = affineOps[choice!.op as keyof typeof affineOps];
    return op(choice!.arg, width, height);
  });
  return affine(images, matrices, fill);
}
