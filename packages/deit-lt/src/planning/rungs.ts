/**
 * The table of trainings that a plan chooses from: for each kind of machine a ladder of input sizes, with the networks and the
 * number of epochs that go with each. docs/plan.md prints it.
 */
import type { Values } from '../recipe/merge.js';
import type { MachineKind } from './machine.js';

/** A network of a rung, with figures that a plan needs before anything is measured. */
export interface PlannedNetwork {
  /** The value `model` of the recipe. */
  readonly model: Values;
  /** For the reader. */
  readonly title: string;
  /** Weights in millions, without the classifier. */
  readonly millions: number;
  /** Multiplications of a forward pass of one image, in thousand millions. */
  readonly gmacs: number;
}

/** A teacher, and its loss and optimizer: `values.ts` has their values. */
export interface PlannedTeacher extends PlannedNetwork {
  readonly training: 'ldam' | 'muon';
}

export interface PlannedStudent extends PlannedNetwork {
  readonly training: 'adamw' | 'muon';
}

export interface Rung {
  readonly machine: MachineKind;
  /** Side of the input in pixels. */
  readonly size: number;
  readonly teacher: PlannedTeacher;
  readonly student: PlannedStudent;
  /** The smaller student of `--goal size` and `--goal speed`. */
  readonly small: PlannedStudent;
  /** The published recipe that is used, with its epochs; absent for those that `values.ts` makes. */
  readonly published?: { readonly recipe: string; readonly teacher: number; readonly student: number };
}

const conv = (patchSize: number, embedDim: number, depth: number, numHeads: number): Values => ({
  replace: true,
  name: 'deit',
  patchEmbed: 'conv',
  patchSize,
  embedDim,
  depth,
  numHeads,
  dropPathRate: 0,
});

const cifarNet = (layers: number, millions: number, gmacs: number): PlannedTeacher => ({
  model: { replace: true, name: `resnet${layers}`, cosine: true },
  title: `ResNet-${layers} for small images`,
  training: 'ldam',
  millions,
  gmacs,
});

/**
 * The teacher of `cifar10-lt-cpu-strong`, and a student with a faster stem than the one there: on few images it is as accurate. Their
 * multiplications include what Muon's updates take for an image of a batch of 64, a fifth for the teacher and almost half for the student.
 */
const airbench: PlannedTeacher = {
  model: { replace: true, name: 'airbench94' },
  title: 'airbench94',
  training: 'muon',
  millions: 1.97,
  gmacs: 0.14,
};
const strongStudent: PlannedStudent = {
  model: { ...conv(8, 128, 6, 2), stemChannels: [48, 96, 192, 256] },
  title: 'Vision Transformer of 6 blocks, width 128, patches of 8 × 8 pixels from a wide stem of convolutions',
  training: 'muon',
  millions: 1.88,
  gmacs: 0.09,
};

/** ResNet-18 at 224 pixels has 1.8, ResNet-50 4.1 thousand million multiplications; they go with the area. */
const resnet = (layers: 18 | 50, size: number): PlannedTeacher => ({
  model: { replace: true, name: `resnet${layers}`, cosine: true },
  title: `ResNet-${layers}`,
  training: 'ldam',
  millions: layers === 18 ? 11.2 : 23.5,
  gmacs: (layers === 18 ? 1.82 : 4.11) * (size / 224) ** 2,
});

const student = (
  [patch, width, depth, heads]: readonly [number, number, number, number],
  millions: number,
  gmacs: number,
): PlannedStudent => ({
  training: 'adamw',
  model: conv(patch, width, depth, heads),
  title: `Vision Transformer of ${depth} blocks, width ${width}, patches of ${patch} × ${patch} pixels`,
  millions,
  gmacs,
});

/** timm's DeiT with a DIST token, for 224 pixels. */
const deit = (shape: 'tiny' | 'small' | 'base', title: string, millions: number, gmacs: number): PlannedStudent => ({
  training: 'adamw',
  model: { replace: true, name: `deit_${shape}_distilled_patch16_224`, dropPathRate: 0.1 },
  title,
  millions,
  gmacs,
});

const tiny = deit('tiny', 'DeiT-Ti', 5.5, 1.3);
const small = deit('small', 'DeiT-S', 21.7, 4.6);
const base = deit('base', 'DeiT-B', 85.8, 17.6);

/** All rungs; those of a kind of machine from the smallest input to the largest. */
export const rungs: readonly Rung[] = [
  {
    machine: 'cpu',
    size: 32,
    teacher: airbench,
    student: strongStudent,
    small: student([4, 96, 4, 3], 0.51, 0.045),
  },
  {
    machine: 'cpu',
    size: 64,
    teacher: resnet(18, 64),
    student: student([8, 128, 6, 2], 1.31, 0.1),
    small: student([8, 96, 4, 3], 0.53, 0.05),
  },
  {
    machine: 'cpu',
    size: 96,
    teacher: resnet(18, 96),
    student: student([8, 128, 6, 2], 1.32, 0.24),
    small: student([16, 96, 4, 3], 0.53, 0.05),
  },
  {
    machine: 'cpu',
    size: 128,
    teacher: resnet(18, 128),
    student: student([16, 192, 6, 3], 2.93, 0.22),
    small: student([16, 96, 4, 3], 0.53, 0.06),
  },
  {
    machine: 'card',
    size: 32,
    teacher: cifarNet(32, 0.46, 0.069),
    student: student([4, 192, 9, 3], 4.2, 0.29),
    small: student([4, 128, 6, 2], 1.31, 0.095),
  },
  {
    machine: 'card',
    size: 64,
    teacher: resnet(18, 64),
    student: student([8, 192, 9, 3], 4.3, 0.31),
    small: student([8, 128, 6, 2], 1.31, 0.1),
  },
  {
    machine: 'card',
    size: 128,
    teacher: resnet(50, 128),
    student: student([16, 384, 12, 6], 22, 1.5),
    small: student([16, 192, 9, 3], 4.3, 0.31),
  },
  { machine: 'card', size: 224, teacher: resnet(50, 224), student: small, small: tiny },
  {
    machine: 'node',
    size: 32,
    teacher: cifarNet(32, 0.46, 0.069),
    student: base,
    small,
    published: { recipe: 'cifar10-lt-100', teacher: 200, student: 1200 },
  },
  {
    machine: 'node',
    size: 224,
    teacher: resnet(50, 224),
    student: base,
    small,
    published: { recipe: 'imagenet-lt', teacher: 90, student: 1400 },
  },
];

/** Returns the rungs of a kind of machine, from the smallest input to the largest. */
export function rungsOf(machine: MachineKind): readonly Rung[] {
  return rungs.filter((rung) => rung.machine === machine);
}
