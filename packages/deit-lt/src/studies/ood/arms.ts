/**
 * The arms of the study of out-of-distribution distillation (table 1 of the DeiT-LT paper, arXiv 2404.02900): teachers that
 * learned from weakly or strongly augmented images, each with students on weak, strong, and strong and mixed ones.
 */
import { UserError } from '../../errors.js';
import type { Recipe } from '../../recipe/schema.js';

/** `weak`: what the recipe's teacher sees; `strong`: what its student sees; `mixed`: that, and Mixup and CutMix. */
export type Style = 'weak' | 'strong' | 'mixed';

export const teacherStyles = ['weak', 'strong'] as const satisfies readonly Style[];
export const studentStyles = ['weak', 'strong', 'mixed'] as const satisfies readonly Style[];
export type TeacherStyle = (typeof teacherStyles)[number];

/** The recipe with a teacher of this style; `weak` is the recipe itself. */
export function withTeacher(recipe: Recipe, style: TeacherStyle): Recipe {
  const { teacher, student } = recipe;
  return style === 'weak' ? recipe : { ...recipe, teacher: { ...teacher, augment: student.augment } };
}

/** `recipe` with a student of this style; `weak` is the augmentation of the teacher of `original`. */
export function withStudent(recipe: Recipe, style: Style, original: Recipe): Recipe {
  const { student } = recipe;
  const augment = style === 'weak' ? original.teacher.augment : student.augment;
  const mixing = style === 'mixed' ? student.mixing : { ...student.mixing, probability: 0 };
  return { ...recipe, student: { ...student, augment, mixing } };
}

/** Throws UserError RECIPE for a recipe in which the styles do not differ, or whose teacher does not see the student's images. */
export function checkStudy({ teacher, student }: Recipe): void {
  const { mixing, multiCrop, distillation } = student;
  const wrong = [
    ...(teacher.external ? ['it does not train its teacher (teacher.external)'] : []),
    ...(distillation.type === 'none' ? ['nothing is distilled (student.distillation.type: none)'] : []),
    ...(distillation.teacherAugment !== null
      ? ['the teacher has images of its own (student.distillation.teacherAugment)']
      : []),
    ...(multiCrop !== null ? ['images have several views (student.multiCrop)'] : []),
    ...(mixing.probability === 0 || (mixing.mixup === 0 && mixing.cutmix === 0 && mixing.cutmixMinMax === null)
      ? ['no images are mixed (student.mixing)']
      : []),
    ...(JSON.stringify(teacher.augment) === JSON.stringify(student.augment)
      ? ['teacher and student have the same augmentation']
      : []),
  ];
  if (wrong.length > 0) throw new UserError('RECIPE', `"study ood" cannot use this recipe: ${wrong.join('; ')}.`);
}
