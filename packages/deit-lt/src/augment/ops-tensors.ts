/**
 * Lists of operations applied by tensor compositions, for devices that the engine's own operator does not know: images of
 * the same operation are worked on together, turn by turn.
 */
import * as torch from '@deit-lt/torch';
import type { Upload } from '../upload.js';
import { planResampling } from './affine-tensors.js';
import { blurTaps, gaussianBlur } from './blur.js';
import { brightness, color, contrast, grayscale, sharpness } from './enhance.js';
import { hue, hueSteps } from './hue.js';
import {
  autocontrast,
  equalize,
  invert,
  type PerImage,
  posterize,
  posterizeStep,
  solarize,
  solarizeAdd,
} from './levels.js';
import { isAffine, matrixOf, type OpChoice, type PixelOpName } from './op-choice.js';
import { atOnce, type PlannedBatch } from './transform.js';

/** `[n, 3, H, W]` of whole levels 0…255 → a new tensor of the same. */
type Work = (images: torch.Tensor) => torch.Tensor;

/** Plans an operation with an argument for each image. */
type OpPlan = (args: readonly number[], upload: Upload) => Work;

/** An operation with one number for each image, which `toNumber` makes of its argument. */
function withNumber(
  op: (images: torch.Tensor, numbers: PerImage) => torch.Tensor,
  toNumber = (arg: number): number => arg,
): OpPlan {
  return (args, upload) => {
    const numbers = upload.perImage(args.map(toNumber));
    return (images) => op(images, numbers());
  };
}

const planBlur: OpPlan = (radii, upload) => {
  const rows = blurTaps(radii);
  const table = upload.numbers(Float64Array.from(rows.flat()), [rows.length, rows[0]!.length]);
  return (images) => gaussianBlur(images, table());
};

/** The operations document their argument. */
const pixelOps: Readonly<Record<PixelOpName, OpPlan>> = {
  autocontrast: () => autocontrast,
  equalize: () => equalize,
  invert: () => invert,
  solarize: withNumber(solarize),
  solarizeAdd: withNumber(solarizeAdd),
  posterize: withNumber(posterize, posterizeStep),
  brightness: withNumber(brightness),
  contrast: withNumber(contrast),
  color: withNumber(color),
  sharpness: withNumber(sharpness),
  hue: withNumber(hue, hueSteps),
  grayscale: () => grayscale,
  gaussianBlur: planBlur,
};

/** All geometric operations are one group. */
type GroupName = PixelOpName | 'affine';
type Choices = readonly (OpChoice | undefined)[];

/** Applies `plans[i]` to image i of `[B, 3, H, W]`, one operation after the other: a new tensor, channels last. */
export function applyPlansByTensors(
  images: torch.Tensor,
  plans: readonly (readonly OpChoice[])[],
  fill: readonly number[],
): torch.Tensor {
  return atOnce(images, (batch) => planByTensors(plans, fill, batch));
}

/** Plans what `applyPlansByTensors` does. */
export function planByTensors(
  plans: readonly (readonly OpChoice[])[],
  fill: readonly number[],
  batch: PlannedBatch,
): Work {
  const turns = Math.max(0, ...plans.map((plan) => plan.length));
  const groups = Array.from({ length: turns }, (_, turn) => {
    const choices = plans.map((plan) => plan[turn]);
    return [...groupByOp(choices)].map(([name, members]) => planGroup(name, members, choices, { fill, batch }));
  }).flat();
  return (images) =>
    torch.tidy(() => {
      const changed = images.clone().permute(0, 2, 3, 1).contiguous(); // samples are blocks in memory
      for (const group of groups) torch.tidy(() => group(changed));
      return changed.permute(0, 3, 1, 2);
    });
}

interface GroupOptions {
  readonly fill: readonly number[];
  readonly batch: PlannedBatch;
}

/** Plans one operation on the samples `members`; works on the samples `[B, H, W, 3]` in place. */
function planGroup(
  name: GroupName,
  members: readonly number[],
  choices: Choices,
  options: GroupOptions,
): (rows: torch.Tensor) => void {
  const index = options.batch.upload.indices(members);
  const work = planOp(
    name,
    members.map((i) => choices[i]!),
    options,
  );
  return (rows) => {
    const places = index();
    const part = rows.indexSelect(0, places).permute(0, 3, 1, 2);
    rows.indexCopy_(0, places, work(part).permute(0, 2, 3, 1));
  };
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

function planOp(name: GroupName, choices: readonly OpChoice[], { fill, batch }: GroupOptions): Work {
  if (name !== 'affine')
    return pixelOps[name](
      choices.map(({ arg }) => arg),
      batch.upload,
    );
  return planResampling(
    choices.map((choice) => matrixOf(choice, batch.width, batch.height)),
    choices.map(({ filter = 'bilinear' }) => filter),
    fill,
    batch,
  );
}
