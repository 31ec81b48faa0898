/** How many epochs a plan gives to teacher and student, and the time that they take. */
import type { TrainingKind } from '../recipe/training-kind.js';
import type { PartSpeeds } from './speed.js';

/** Epochs of teacher and student. */
export interface EpochPair {
  readonly teacher: number;
  readonly student: number;
}

/** The student's epochs for each of the teacher's: 16 and 50 in `quickstart`, 24 and 50 in `cifar10-lt-cpu-conv`. */
const studentPerTeacher = 2.5;
/** A teacher's training has about this many images in all: 24 epochs of CIFAR-10-LT in `cifar10-lt-cpu`. */
const usualImages = 300_000;
/** Limits of the teacher's usual epochs. */
const [fewest, mostUsual] = [24, 100];
/** Fewer of the teacher's than this end far below what the same networks reach. */
export const leastUseful = 12;
/** The fewest that are planned at all: the learning rate rises and falls once. */
export const leastPossible = 2;

/** Returns the student's epochs for those of the teacher. */
export function pairOf(teacher: number): EpochPair {
  return { teacher, student: Math.max(1, Math.round(studentPerTeacher * teacher)) };
}

/** Returns the usual number of the teacher's epochs for `images` training images: smaller sets are repeated more often. */
export function usualEpochs(images: number): number {
  return Math.min(mostUsual, Math.max(fewest, Math.round(usualImages / images)));
}

/** The first of the teacher's epochs with SAM: from half of them on. In short trainings SAM from the beginning delays learning. */
export function samEpoch(teacher: number): number {
  return Math.ceil(teacher / 2);
}

export interface TimedTraining {
  /** Training images of an epoch. */
  readonly images: number;
  /** Images of an evaluation. */
  readonly evaluated: number;
  readonly speeds: PartSpeeds;
  /** Seconds to decode all of the large files once, before there are copies of them. Default 0. */
  readonly firstRead?: number;
  /** Whether the teacher's second half has SAM. */
  readonly sam: boolean;
  /** The trainings that share the time. */
  readonly trains: readonly TrainingKind[];
}

/** Seconds of each training of a plan, and of all that are wanted. */
export interface PlanSeconds extends Readonly<Record<TrainingKind, number>> {
  readonly total: number;
}

/** An evaluation has only forward passes. */
const evaluationFactor = 2.5;
/** Part of the student's time that evaluations may take. */
const evaluationShare = 0.02;
/** Evaluations of the student on the way: at least and at most, but never more than it has epochs. */
const [leastEvaluations, mostEvaluations] = [5, 50];
/** Seconds to make networks, read the first batches and write files. */
export const startSeconds = 3;
/** Part of the time that goes to checkpoints and to what else the program does. */
const overhead = 1.04;

/** Returns the epochs between two evaluations: few where evaluations are cheap, so that the accuracy can be followed. */
export function evaluationEvery(
  { student }: EpochPair,
  { images, evaluated }: Pick<TimedTraining, 'images' | 'evaluated'>,
): number {
  const cheap = Math.ceil(evaluated / (evaluationFactor * images) / evaluationShare);
  const fewest = Math.max(1, Math.round(student / leastEvaluations));
  return Math.min(fewest, Math.max(1, cheap, Math.round(student / mostEvaluations)));
}

/** Returns the seconds of a training of `epochs`. */
export function secondsOf(epochs: EpochPair, training: TimedTraining): PlanSeconds {
  const { images, evaluated, speeds, firstRead = 0, sam, trains } = training;
  const { teacher, student } = epochs;
  const every = evaluationEvery(epochs, training);
  const plain = sam ? samEpoch(teacher) : teacher;
  const part = (count: number, seconds: number, speed: number): number => {
    const evaluations = Math.ceil(count / every) + 1; // at the end also that of the result
    return overhead * seconds + (evaluations * evaluated) / (evaluationFactor * speed) + startSeconds;
  };
  const steps = images * (plain / speeds.teacher + (teacher - plain) / speeds.teacherSam);
  const own = part(teacher, steps, speeds.teacher);
  const second = part(student, (images * student) / speeds.student, speeds.student);
  const each = { teacher: own, student: second, vit: second }; // a plain ViT saves the teacher's forward pass, and no more
  const first = trains[0]!;
  const all = { ...each, [first]: each[first] + firstRead };
  return { ...all, total: trains.reduce((sum, kind) => sum + all[kind], 0) };
}

/** Returns the largest number of the teacher's epochs, up to `most`, whose plan takes at most `seconds`; 0 if none does. */
export function epochsWithin(seconds: number, most: number, training: TimedTraining): number {
  let [low, high] = [0, most];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (secondsOf(pairOf(middle), training).total <= seconds) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The most epochs of the student for each of the teacher's, where the teacher's next epoch does not fit. */
const mostPerTeacher = 3.5;

/** Returns the epochs for those of the teacher, with so many more of the student as still fit into `seconds`. */
export function fillingPair(seconds: number, teacher: number, training: TimedTraining): EpochPair {
  const pair = pairOf(teacher);
  const learners = training.trains.filter((kind) => kind !== 'teacher').length;
  if (learners === 0) return pair;
  const perEpoch = (overhead * learners * training.images) / training.speeds.student;
  const more = Math.max(0, Math.floor((seconds - secondsOf(pair, training).total) / perEpoch));
  let student = Math.max(pair.student, Math.min(pair.student + more, Math.floor(mostPerTeacher * teacher)));
  while (student > pair.student && secondsOf({ teacher, student }, training).total > seconds) student--; // evaluations
  return { teacher, student };
}
