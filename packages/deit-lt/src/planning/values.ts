/** The recipe of a plan: the values that differ from those of the recipe that it extends. */
import type { Values } from '../recipe/merge.js';
import { type EpochPair, samEpoch } from './epochs.js';
import type { Machine } from './machine.js';
import type { PlannedStudent, Rung } from './rungs.js';

/** How much the training images are changed at random. */
export type Strength = 'mild' | 'moderate' | 'strong';

export interface PlannedValues {
  readonly rung: Rung;
  readonly student: PlannedStudent;
  readonly epochs: EpochPair;
  /** Training images of an epoch. */
  readonly images: number;
  readonly batch: number;
  readonly strength: Strength;
  /** Epochs between two evaluations. */
  readonly every: number;
  /** Share of each class that is set aside to measure the accuracy. */
  readonly validation: number;
  /** Seconds that each training may take; null: any. */
  readonly limits: { readonly teacher: number | null; readonly student: number | null };
  readonly machine: Pick<Machine, 'device'>;
  readonly description: string;
}

/** From so many epochs of the student on, and so many images, stronger changes of the images pay. */
const moderateFrom = { epochs: 100, images: 3000 };

/** Returns the strength of the augmentation for a student's training. In few epochs most batches should be plain. */
export function strengthFor(device: Machine['device'], studentEpochs: number, images: number): Strength {
  if (studentEpochs < moderateFrom.epochs || images < moderateFrom.images) return 'mild';
  return device === 'cpu' ? 'moderate' : 'strong';
}

const crops: Readonly<Record<Strength, readonly [number, number]>> = {
  mild: [0.5, 1],
  moderate: [0.3, 1],
  strong: [0.08, 1],
};
const mixed: Readonly<Record<Strength, number>> = { mild: 0.2, moderate: 0.5, strong: 1 };
const colours = { brightness: 0.3, contrast: 0.3, saturation: 0.3 };

/** Returns the crop and the share of mixed batches of a strength, for the reader. */
export function strengthFacts(strength: Strength): { readonly crop: number; readonly mixed: number } {
  return { crop: crops[strength][0], mixed: mixed[strength] };
}

const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Returns the values of a plan that is made from the table. */
export function plannedValues(plan: PlannedValues): Values {
  const { rung, every, validation, description } = plan;
  return {
    description,
    extends: rung.published?.recipe ?? 'default',
    data: rung.published === undefined ? { validation } : { imbalance: null, groups: 'auto', validation },
    ...(rung.published === undefined ? ownParts(plan) : publishedParts(plan)),
    evaluation: { every, batchSize: 128, select: 'last' },
  };
}

function ownParts(plan: PlannedValues): Values {
  return { teacher: teacherValues(plan), student: studentValues(plan) };
}

/** The published values, whose epochs fit into the time as they are. */
function publishedParts({ limits, student }: PlannedValues): Values {
  return { teacher: { timeLimit: limits.teacher }, student: { timeLimit: limits.student, model: student.model } };
}

function teacherValues(plan: PlannedValues): Values {
  const { rung, epochs, batch, limits } = plan;
  return {
    model: rung.teacher.model,
    imageSize: rung.size,
    ...imageNet,
    epochs: epochs.teacher,
    timeLimit: limits.teacher,
    batchSize: batch,
    schedule: { name: 'one-cycle', warmupEpochs: 0.15, stepping: 'update' },
    ...(rung.teacher.training === 'muon' ? balancedTeacher(plan) : ldamTeacher(plan)),
  };
}

/** As `cifar10-lt-cpu-strong`, whose batches have 250 images: the rate follows the root of the batch. */
function balancedTeacher({ rung, batch, strength }: PlannedValues): Values {
  return {
    loss: 'balanced-softmax',
    drw: { epoch: null },
    sam: { rho: 0 },
    optimizer: {
      name: 'muon',
      lr: rounded(0.1 * Math.sqrt(batch / 250)),
      momentum: 0.6,
      nesterov: true,
      nsSteps: 3,
      unitRows: true,
      weightDecay: 0,
      rest: 'sgd',
      vectorRatio: 2,
      classifierRatio: 20,
    },
    augment: {
      replace: true,
      randomResizedCrop: { scale: [teacherCrop(strength), 1] },
      flip: true,
      autoAugment: { policy: 'cifar10' },
      cutout: { length: rung.size / 4 },
    },
  };
}

function ldamTeacher({ rung, epochs, batch, strength, machine }: PlannedValues): Values {
  const shortTraining = machine.device === 'cpu';
  return {
    loss: { scale: shortTraining ? 15 : 30 },
    optimizer: { lr: (0.1 * batch) / 64, nesterov: true, weightDecay: 5.0e-4 },
    sam: {
      rho: 0.1,
      schedule: 'step',
      steps: [
        [0, 0],
        [Math.max(1, samEpoch(epochs.teacher)), 0.1],
      ],
    },
    drw: { epoch: 0.7 },
    augment: {
      replace: true,
      randomResizedCrop: { scale: [teacherCrop(strength), 1] },
      flip: true,
      ...(rung.size > 32 && { colorJitter: colours }),
    },
  };
}

/** Weaker than the student's: the teacher sees the images nearly as they are. */
const teacherCrop = (strength: Strength): number => Math.max(0.3, crops[strength][0]);

/** Three digits, for a recipe that people read. */
const rounded = (rate: number): number => Number(rate.toPrecision(3));

/** Updates below which the student has the learning rate of `quickstart`, which has 3,900; else that of `cifar10-lt-cpu`. */
const fewUpdates = 5000;

function rateFor(epochs: number, images: number, batch: number): number {
  return (epochs * images) / batch < fewUpdates ? 2.0e-3 : 1.0e-3;
}

function studentValues(plan: PlannedValues): Values {
  const { rung, student, epochs, batch, strength, limits } = plan;
  // A teacher that was not re-weighted gives labels with a long tail, though a shorter one than the images have.
  const balanced = rung.teacher.training === 'muon' ? { reweight: 'never', logitAdjustment: 0.5 } : {};
  return {
    model: student.model,
    imageSize: rung.size,
    ...imageNet,
    epochs: epochs.student,
    timeLimit: limits.student,
    batchSize: batch,
    accumulation: 1,
    sampler: 'shuffle',
    distillation: { teacherInput: 'same-size', ...balanced },
    ema: null,
    weights: 'raw',
    optimizer: studentOptimizer(plan),
    schedule: { warmupEpochs: 0.06 },
    clsLoss: 'balanced-softmax',
    mixing: { probability: mixed[strength] },
    drw: { epoch: 0.76, beta: 0.99 },
    augment: {
      randomResizedCrop: { scale: crops[strength] },
      ...(strength !== 'strong' && { randAugment: false, randomErasing: false, colorJitter: colours }),
    },
  };
}

/** Muon as in `cifar10-lt-cpu-strong`, whose batches have 128 images. */
function studentOptimizer({ rung, student, epochs, images, batch, machine }: PlannedValues): Values {
  if (student.training === 'muon') {
    const lr = rounded(0.014 * Math.sqrt(batch / 128));
    return { name: 'muon', lr, weightDecay: 0.02, momentum: 0.95, vectorRatio: 0.1, classifierRatio: 0.1 };
  }
  const published = machine.device !== 'cpu' && rung.size === 224;
  return published ? { lr: 5.0e-4, lrPer: 512 } : { lr: rateFor(epochs.student, images, batch), lrPer: null };
}
