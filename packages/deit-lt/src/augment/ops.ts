/** Lists of operations applied to the images of a batch, each image's own. */
import type * as torch from '@deit-lt/torch';
import { boxRadius } from './blur.js';
import { hueSteps } from './hue.js';
import { affineStep, applyNatively, isNative, levelStep, type Step } from './native.js';
import { isAffine, matrixOf, type OpChoice, type Plan } from './op-choice.js';
import { applyPlansByTensors } from './ops-tensors.js';

export { affineOps, type OpChoice, type OpName, type Plan } from './op-choice.js';

export interface ApplyOpsOptions {
  /** Colour of what comes in from outside the image, three levels 0…255. Default black. */
  fill?: readonly number[];
}

/**
 * Applies `choices[i]` to image i of `images` `[B, 3, H, W]`, whole levels 0…255; undefined leaves it. Returns `images`
 * itself when nothing is to be done, else a new tensor, channels last.
 */
export function applyOps(
  images: torch.Tensor,
  choices: readonly (OpChoice | undefined)[],
  options: ApplyOpsOptions = {},
): torch.Tensor {
  return applyPlans(
    images,
    choices.map((choice) => [choice]),
    options,
  );
}

/** Applies the operations `plans[i]` to image i, one after the other; otherwise as `applyOps`. */
export function applyPlans(
  images: torch.Tensor,
  plans: readonly Plan[],
  { fill = [0, 0, 0] }: ApplyOpsOptions = {},
): torch.Tensor {
  const given = plans.map((plan) => plan.filter(isDone));
  if (given.every((plan) => plan.length === 0)) return images;
  if (!isNative(images)) return applyPlansByTensors(images, given, fill);
  const [, , height, width] = images.shape as [number, number, number, number];
  return applyNatively(
    images,
    given.map((plan) => plan.map((choice) => stepOf(choice, width, height))),
    fill,
  );
}

function isDone(choice: OpChoice | undefined): choice is OpChoice {
  return choice !== undefined && choice.op !== 'identity';
}

function stepOf(choice: OpChoice, width: number, height: number): Step {
  const { op, arg, filter = 'bilinear' } = choice;
  if (isAffine(op)) return affineStep(matrixOf(choice, width, height), filter);
  if (op === 'identity') throw new Error('internal: identity has no step');
  if (op === 'hue') return levelStep('hue', hueSteps(arg));
  if (op === 'gaussianBlur') return levelStep('boxBlur', boxRadius(arg));
  return levelStep(op, arg);
}
