/**
 * Makes the augmentation of the images that a network is trained on: one view, several of multi-crop, or more for the
 * teacher or its task.
 */
import { type AugmentConfig, buildPipeline, type ResolvedAugmentConfig, windowNames } from '../augment/registry.js';
import type { Pipeline } from '../augment/transform.js';
import type { StudentRecipe, TeacherRecipe, TrainingRecipe } from '../recipe/schema.js';
import { taskRegistry } from './registry.js';

type Seen = Pick<TrainingRecipe, 'imageSize' | 'mean' | 'std' | 'filter'>;
type Part = Seen & Pick<TrainingRecipe, 'augment'>;
type AnyPart = Part &
  Partial<Pick<StudentRecipe, 'multiCrop' | 'distillation'>> &
  Partial<{
    readonly loss: TeacherRecipe['loss'];
  }>;

/**
 * Returns the pipeline of a part of a recipe. With `multiCrop` the first view is a global one and the further views are
 * the other global ones, then the local ones; with `distillation.teacherAugment` the further view is for `teacher`, in
 * its size and normalisation; with a task in a teacher's `loss` they are those that it wants (PaCo's keys, GLMC's
 * second mixture). Throws `UserError` (`RECIPE`) for augmentations that do not go together.
 */
export function trainingPipeline(part: AnyPart, teacher?: Seen): Pipeline {
  const { multiCrop, distillation, loss } = part;
  if (multiCrop) return multiCropPipeline(part, multiCrop);
  const more = loss && taskRegistry.get(loss.name)?.views?.(loss, part.augment);
  if (more !== undefined) return pipelineWithViews(part, more);
  const own = view(part.augment, part);
  const teacherAugment = teacher && distillation?.teacherAugment;
  return teacherAugment ? { ...own, more: [view(teacherAugment, teacher)] } : own;
}

function view(augment: AugmentConfig, { imageSize: size, mean, std, filter }: Seen): Pipeline {
  return buildPipeline(augment, { size, mean, std, filter });
}

function multiCropPipeline(part: Part, given: NonNullable<StudentRecipe['multiCrop']>): Pipeline {
  const { global, local, globalScale, localSize, localScale } = given;
  const large = view(croppedTo(part.augment, globalScale), part);
  const small = view(croppedTo(part.augment, localScale), { ...part, imageSize: localSize });
  const others = [...new Array<Pipeline>(global - 1).fill(large), ...new Array<Pipeline>(local).fill(small)];
  return { ...large, more: others };
}

/** Returns the pipeline of a teacher with the augmentations `views` of further views of each image. */
export function pipelineWithViews(part: Part, views: readonly AugmentConfig[]): Pipeline {
  const own = view(part.augment, part);
  return views.length === 0 ? own : { ...own, more: views.map((augment) => view(augment, part)) };
}

/** The same augmentations of random resized crops of another area, whatever chose the window before. */
function croppedTo(augment: ResolvedAugmentConfig, scale: [number, number]): AugmentConfig {
  const { randomResizedCrop } = augment;
  const others = Object.fromEntries(windowNames.map((name) => [name, false]));
  return { ...augment, ...others, randomResizedCrop: { ...(randomResizedCrop || {}), scale } };
}
