/** Lists of operations applied to the images of a batch, each image's own. */
import type * as torch from '@deit-lt/torch';
import { boxRadius } from './blur.js';
import { hueSteps } from './hue.js';
import { affineStep, applyNatively, isNative, levelStep, type Step } from './native.js';
import { isAffine, matrixOf, type OpChoice, type Plan } from './op-choice.js';
import { planByTensors } from './ops-tensors.js';
import { atOnce, type PlannedBatch, type PlannedTransform } from './transform.js';

export { affineOps, type OpChoice, type OpName, type Plan } from './op-choice.js';

export interface ApplyOpsOptions {
  /** Colour of what comes in from outside the image, three levels 0…255. Default black. */
  fill?: readonly number[];
}

/**
 * Applies the operations `plans[i]` to image i of `images` `[B, 3, H, W]`, whole levels 0…255, one after the other. Returns
 * `images` itself when nothing is to be done, else a new tensor, channels last.
 */
export function applyPlans(images: torch.Tensor, plans: readonly Plan[], options: ApplyOpsOptions = {}): torch.Tensor {
  return atOnce(images, (batch) => planOps(plans, batch, options));
}

/** Plans what `applyPlans` does. */
export function planOps(
  plans: readonly Plan[],
  batch: PlannedBatch,
  { fill = [0, 0, 0] }: ApplyOpsOptions = {},
): PlannedTransform {
  const given = plans.map((plan) => plan.filter(isDone));
  if (given.every((plan) => plan.length === 0)) return (images) => images;
  if (batch.upload.packs) return planByTensors(given, fill, batch);
  const steps = given.map((plan) => plan.map((choice) => stepOf(choice, batch.width, batch.height)));
  return (images) =>
    isNative(images) ? applyNatively(images, steps, fill) : planByTensors(given, fill, batch)(images);
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
