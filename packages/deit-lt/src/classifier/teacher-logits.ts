/** The teacher's logits for the student's batch, which is converted as the teacher expects it. */
import * as torch from '@deit-lt/torch';
import { type ClassMap, requireSameOrder } from '../by-class.js';
import { canFold, fastInference } from '../models/fold-batch-norm.js';
import type { StudentRecipe, TrainingRecipe } from '../recipe/schema.js';
import type { AnyClassifier } from './classifier.js';

/** The parts of an `AnyClassifier` that a teacher needs. */
export interface TeacherNetwork extends Pick<AnyClassifier, 'logits' | 'classNames' | typeof Symbol.dispose> {
  readonly recipe: Pick<TrainingRecipe, 'imageSize' | 'mean' | 'std'>;
  readonly placement: Pick<AnyClassifier['placement'], 'device'>;
}

export interface TeacherLogitsOptions {
  readonly student: Pick<StudentRecipe, 'mean' | 'std'> & {
    readonly distillation: Pick<StudentRecipe['distillation'], 'teacherInput'>;
  };
  /** The teacher's class of each class of the data. */
  readonly order: ClassMap;
}

/** Logits `[B, C]` in the order of the data's classes. */
export interface TeacherLogits extends Disposable {
  /** The data's. */
  readonly classNames: readonly string[];
  /**
   * Returns the logits for the student's normalised batch `[B, 3, S, S]`, whose size may differ from batch to batch.
   */
  logits(images: torch.Tensor): torch.Tensor;
  /** Returns the logits for a batch that was made for the teacher, in its own size and normalisation. */
  logitsOfOwn(images: torch.Tensor): torch.Tensor;
}

/**
 * `own`: the batch gets the teacher's normalisation and, with antialiasing, its size. `same-size`: the normalisation
 * alone, for teachers that pool over any size. `published`: it keeps the student's normalisation and is shrunk by bicubic
 * interpolation without antialiasing, as the published code does. Throws an `internal:` error for an order of another teacher.
 */
export function teacherLogits(teacher: TeacherNetwork, { student, order }: TeacherLogitsOptions): TeacherLogits {
  requireSameOrder(teacher.classNames, order.to, 'the teacher and the map to its classes');
  const { teacherInput } = student.distillation;
  const isPublished = teacherInput === 'published';
  const { imageSize } = teacher.recipe;
  const device = teacher.placement.device;
  const { scale, shift } = torch.tidy(() => renormalisation(student, teacher.recipe, device));
  const index = order.index && torch.keep(torch.tensor(order.index, { dtype: 'int64' }).to(device));
  const changes =
    !isPublished &&
    !(
      student.mean.every((m, i) => m === teacher.recipe.mean[i]) &&
      student.std.every((s, i) => s === teacher.recipe.std[i])
    );
  const logitsOfOwn = (images: torch.Tensor): torch.Tensor =>
    torch.tidy(() => {
      const logits = teacher.logits(images).avg;
      return index === null ? logits : logits.indexSelect(1, index);
    });
  return {
    classNames: order.from,
    logitsOfOwn,
    logits: (images) =>
      torch.tidy(() => {
        const fits = teacherInput === 'same-size' || images.size(3) === imageSize;
        const sized = fits ? images : resize(images, imageSize, !isPublished);
        return logitsOfOwn(changes ? sized.mul(scale).add(shift) : sized);
      }),
    [Symbol.dispose]: () => {
      for (const tensor of [scale, shift, index]) tensor?.dispose();
      teacher[Symbol.dispose]();
    },
  };
}

/** `x·σ_s/σ_t + (μ_s − μ_t)/σ_t` turns one normalisation into the other; `[1, 3, 1, 1]`. */
function renormalisation(
  student: Pick<StudentRecipe, 'mean' | 'std'>,
  teacher: Pick<StudentRecipe, 'mean' | 'std'>,
  device: string,
): { scale: torch.Tensor; shift: torch.Tensor } {
  const perChannel = (of: (channel: number) => number): torch.Tensor =>
    torch.keep(torch.tensor([0, 1, 2].map(of)).view([1, 3, 1, 1]).to(device));
  return {
    scale: perChannel((i) => student.std[i]! / teacher.std[i]!),
    shift: perChannel((i) => (student.mean[i]! - teacher.mean[i]!) / teacher.std[i]!),
  };
}

function resize(images: torch.Tensor, size: number, antialias: boolean): torch.Tensor {
  return torch.nn.functional.interpolate(images, { size, mode: 'bicubic', antialias });
}

/** The same teacher with batch norm folded into its convolutions, where that is known how: a tenth less time. */
export function fastTeacher(teacher: AnyClassifier): TeacherNetwork {
  const { model } = teacher;
  if (model === undefined || !canFold(model)) return teacher;
  const fast = fastInference(model, { dtype: teacher.placement.precision });
  const { recipe, placement, classNames } = teacher;
  const dispose = (): void => {
    fast.dispose();
    teacher[Symbol.dispose]();
  };
  return { recipe, placement, classNames, logits: (images) => ({ avg: fast(images) }), [Symbol.dispose]: dispose };
}
