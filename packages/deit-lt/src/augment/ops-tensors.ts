/**
 * Lists of operations applied by tensor compositions, for devices that the engine's own operator does not know: images of
 * the same operation are worked on together, turn by turn.
 */
import * as torch from '@deit-lt/torch';
import { resampleByTensors } from './affine-tensors.js';
import { gaussianBlur } from './blur.js';
import { brightness, color, contrast, grayscale, sharpness } from './enhance.js';
import { hue } from './hue.js';
import { autocontrast, equalize, invert, posterize, solarize, solarizeAdd } from './levels.js';
import { isAffine, matrixOf, type OpChoice, type PixelOpName } from './op-choice.js';

/** `images` float32 `[n, 3, H, W]`, whole levels 0…255, and an argument for each: a new tensor of the same shape. */
export type PixelOp = (images: torch.Tensor, args: readonly number[]) => torch.Tensor;

/** The functions document their argument; operations without an argument ignore it. */
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
} satisfies Record<PixelOpName, PixelOp>;

/** All geometric operations are one group. */
type GroupName = PixelOpName | 'affine';
type Choices = readonly (OpChoice | undefined)[];

/** Applies `plans[i]` to image i of `[B, 3, H, W]`, one operation after the other: a new tensor, channels last. */
export function applyPlansByTensors(
  images: torch.Tensor,
  plans: readonly (readonly OpChoice[])[],
  fill: readonly number[],
): torch.Tensor {
  const turns = Math.max(0, ...plans.map((plan) => plan.length));
  return torch.tidy(() => {
    const changed = images.clone().permute(0, 2, 3, 1).contiguous(); // samples are blocks in memory
    for (let turn = 0; turn < turns; turn++)
      applyTurn_(
        changed,
        plans.map((plan) => plan[turn]),
        fill,
      );
    return changed.permute(0, 3, 1, 2);
  });
}

function applyTurn_(rows: torch.Tensor, choices: Choices, fill: readonly number[]): void {
  for (const [name, members] of groupByOp(choices))
    torch.tidy(() => {
      const index = torch.tensor(BigInt64Array.from(members, BigInt), { device: rows.device });
      const part = rows.indexSelect(0, index).permute(0, 3, 1, 2);
      const of = members.map((i) => choices[i]!);
      rows.indexCopy_(0, index, applyGroup(name, part, of, fill).permute(0, 2, 3, 1));
    });
}

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

function applyGroup(
  name: GroupName,
  images: torch.Tensor,
  choices: readonly OpChoice[],
  fill: readonly number[],
): torch.Tensor {
  if (name !== 'affine') {
    const op: PixelOp = pixelOps[name];
    return op(
      images,
      choices.map(({ arg }) => arg),
    );
  }
  const [, , height, width] = images.shape as [number, number, number, number];
  return resampleByTensors(
    images,
    choices.map((choice) => matrixOf(choice, width, height)),
    choices.map(({ filter = 'bilinear' }) => filter),
    fill,
  );
}
