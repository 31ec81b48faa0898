/** The models that are analysed: runs of one epoch on a few drawn images, with as many test images as asked for. */
import path from 'node:path';
import type { Dataset } from '#deit-lt/data/dataset.js';
import { drawShapes } from '#deit-lt/data/shapes/index.js';
import { loadRecipe } from '#deit-lt/recipe/load.js';
import { trainStudent, trainTeacher } from '#deit-lt/training/train.js';

interface Case {
  readonly what: string;
  readonly kind: 'teacher' | 'student';
  readonly recipe: string;
  readonly settings: readonly string[];
  /** Takes long for each image. */
  readonly large: boolean;
}

const one = ['teacher.epochs=1', 'student.epochs=1', 'data.imbalance=1', 'evaluation.every=1'];
const small = { recipe: 'cifar10-lt-cpu', settings: one, large: false };

export const cases = {
  teacher: { what: 'teacher, ResNet-32 at 32', kind: 'teacher', ...small },
  student: { what: 'student of `cifar10-lt-cpu`: width 128, 6 blocks, 66 tokens', kind: 'student', ...small },
  'deit-tiny-224': {
    what: 'DeiT-Ti at 224: width 192, 12 blocks, 198 tokens',
    kind: 'student',
    recipe: 'default',
    settings: [...one, 'student.model.name=deit_tiny_distilled_patch16_224', 'student.imageSize=224'],
    large: true,
  },
} as const satisfies Record<string, Case>;
export type CaseName = keyof typeof cases;
export const caseNames = Object.keys(cases) as CaseName[];

export function isCase(name: string): name is CaseName {
  return name in cases;
}

/** Trains the model of a case into `folder`, and its teacher beside it. */
export async function makeRun(
  name: CaseName,
  folder: string,
  testImages: number,
): Promise<{ folder: string; dataset: Dataset }> {
  const dataset = drawShapes({ trainPerClass: 13, testPerClass: Math.round(testImages / 10) });
  const { kind, recipe: recipeName, settings } = cases[name];
  const recipe = loadRecipe(recipeName, { settings });
  const teacher = path.join(folder, 'teacher');
  await trainTeacher({ dataset, recipe, folder: teacher });
  if (kind === 'teacher') return { folder: teacher, dataset };
  const student = path.join(folder, 'student');
  await trainStudent({ dataset, recipe, folder: student, teacher });
  return { folder: student, dataset };
}
