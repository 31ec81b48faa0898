/**
 * The teacher that a student is distilled from: opened, checked, and with its logits in the order of the data's
 * classes.
 */
import { openAnyClassifier } from '../classifier/any-classifier.js';
import { orderNotes, teacherOrder } from '../classifier/class-names.js';
import type { AnyClassifier } from '../classifier/classifier.js';
import { fastTeacher, type TeacherLogits, teacherLogits } from '../classifier/teacher-logits.js';
import type { TrainingData } from '../data/prepare-data.js';
import { UserError } from '../errors.js';
import type { Recipe } from '../recipe/schema.js';
import { sha256Of } from '../runs/files.js';
import { silentReporter } from '../runs/reporter.js';
import type { TrainOptions } from './train-options.js';

/** The teacher's logits for the student's batches, in the order of the data's classes. */
export async function teacherFor(
  teacher: string,
  { recipe, reporter = silentReporter }: TrainOptions,
  data: TrainingData,
) {
  const classifier = await openAnyClassifier(teacher, { recipe });
  try {
    checkTeacher(classifier, recipe);
    const { mapTargets } = recipe.student.distillation;
    const order = teacherOrder(mapTargets, {
      ...classifier,
      teacher: classifier.classNames,
      data: data.classNames,
      trainCounts: data.countsBefore,
    });
    const assumed = mapTargets === 'count' ? [] : orderNotes(classifier);
    for (const note of [...(classifier.notes ?? []), ...assumed]) reporter.note(note);
    const sha256 = sha256Of(classifier.file);
    const logits = teacherLogits(fastTeacher(classifier), { student: recipe.student, order });
    return { ...logits, recipe: classifier.recipe, sha256 };
  } catch (error) {
    classifier[Symbol.dispose]();
    throw error;
  }
}

/** Throws UserError CHECKPOINT for a model that is not a teacher, or that does not accept the images of the recipe. */
function checkTeacher({ kind, file, fixedSize, recipe: { imageSize } }: AnyClassifier, { student }: Recipe): void {
  if (kind !== 'teacher' && kind !== 'vit')
    throw new UserError(
      'CHECKPOINT',
      `${file} is a ${kind}, not a teacher. Give the teacher's run folder to --teacher.`,
    );
  if (fixedSize && student.distillation.teacherInput === 'same-size' && student.imageSize !== imageSize)
    throw new UserError(
      'CHECKPOINT',
      `${file} only takes images of ${imageSize} × ${imageSize}, but student.distillation.teacherInput=same-size gives it the student's images of ${student.imageSize} × ${student.imageSize}; set it to own.`,
    );
}

/**
 * Returns the teacher's logits as the student's task needs them: for the student's images, or for the teacher's own
 * view.
 */
export function teacherOf({ logits, logitsOfOwn }: TeacherLogits, { student: { distillation } }: Recipe) {
  const teacherView = (distillation.teacherAugment ?? null) !== null;
  return { teacher: teacherView ? logitsOfOwn : logits, teacherView };
}
