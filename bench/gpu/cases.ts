/** The training steps that are compared on a card; with DEVICE=cpu they are tiny, only to try whether everything runs. */
import { loadRecipe } from '#deit-lt/recipe/load.js';
import type { Recipe } from '#deit-lt/recipe/schema.js';

export interface GpuCase {
  readonly what: string;
  readonly kind: 'teacher' | 'student';
  readonly classes: number;
  /** Recipe settings of both precisions. */
  readonly settings: readonly string[];
}

const tiny = process.env.DEVICE === 'cpu';

/** Side and batch: small numbers on the CPU. */
const sized = (part: string, side: number, batch: number): string[] => [
  `${part}.imageSize=${tiny ? 32 : side}`,
  `${part}.batchSize=${tiny ? 8 : batch}`,
];

/** A distilled ViT with patches of 16 and a ResNet-50 as its teacher, as for ImageNet-LT; without random depth on either side. */
function student(what: string, embedDim: number, numHeads: number): GpuCase {
  const shape = tiny ? [8, 32, 2, 2] : [16, embedDim, 12, numHeads];
  const [patchSize, dim, depth, heads] = shape;
  return {
    what: `${what}, student's step at 224`,
    kind: 'student',
    classes: tiny ? 10 : 1000,
    settings: [
      ...sized('student', 224, 64),
      ...sized('teacher', 224, 64),
      `teacher.model.name=${tiny ? 'resnet18' : 'resnet50'}`,
      ...['student.model.name=deit', `student.model.patchSize=${patchSize}`, `student.model.embedDim=${dim}`],
      ...[`student.model.depth=${depth}`, `student.model.numHeads=${heads}`, 'student.model.dropPathRate=0'],
      ...['student.accumulation=1', 'student.mixing.probability=1', 'student.ema=0.9999'],
    ],
  };
}

function teacher(what: string, name: string, side: number, batch: number, classes: number): GpuCase {
  const settings = [...sized('teacher', side, batch), `teacher.model.name=${tiny ? 'resnet18' : name}`];
  return { what, kind: 'teacher', classes: tiny ? 10 : classes, settings };
}

export const gpuCases: Readonly<Record<string, GpuCase>> = {
  small: student('DeiT-S/16', 384, 6),
  base: student('DeiT-B/16', 768, 12),
  resnet32: teacher('ResNet-32, teacher at 32', 'resnet32', 32, 128, 10),
  resnet50: teacher('ResNet-50, teacher at 224', 'resnet50', 224, 64, 1000),
};

/** The recipe of a case; `sam: false` without SAM. */
export function recipeOf({ settings }: GpuCase, { precision, sam }: { precision: string; sam: boolean }): Recipe {
  const device = tiny ? 'cpu' : 'cuda';
  const more = [`device=${device}`, `precision=${precision}`, ...(sam ? [] : ['teacher.sam.rho=0'])];
  return loadRecipe('default', { settings: [...settings, ...more] });
}
