/** The speed of a training on a machine: an estimate from the arithmetic, until it is measured. */
import type { Machine } from './machine.js';
import type { PlannedNetwork } from './rungs.js';

/** Training images per second. */
export interface PartSpeeds {
  readonly teacher: number;
  /** The teacher's epochs with SAM, which has two passes for each batch. */
  readonly teacherSam: number;
  /** The student's, with the teacher's forward pass. */
  readonly student: number;
}

export interface MeasuredSpeeds extends PartSpeeds {
  /** Most bytes that tensors took. */
  readonly memoryBytes: number;
}

/**
 * Thousand million multiplications per second and core (or card) that small networks reach, decoding left out. Of 2 cores of
 * an AMD EPYC (Zen 5); those of a card are an assumption, because this project has not been measured on one.
 */
const gmacsPerSecond = { float32: 35, float16: 35, bfloat16: 80, card: 15_000 } as const;
/** From so many cores on, these networks and batches get no faster. */
const mostCores = 16;
/** Seconds to decode a pixel of a file on one core. */
const decodePixel = 12e-9;
/** Forward and backward pass together cost three forward passes. */
const passes = 3;
/** A batch with SAM, against one without it. */
export const samFactor = 1.9;

/** The images of an estimate: their pixels, and whether files are decoded in each epoch. */
export interface DecodedImages {
  readonly pixels: number;
  readonly inMemory: boolean;
}

/** Returns the seconds to decode `images` files once. */
export function decodingSeconds(images: number, pixels: number, { cores }: Pick<Machine, 'cores'>): number {
  return (images * pixels * decodePixel) / cores;
}

/** Returns the estimate of the speeds of two networks. */
export function estimatedSpeeds(
  machine: Pick<Machine, 'device' | 'cores' | 'threads' | 'precision'>,
  { teacher, student }: { readonly teacher: PlannedNetwork; readonly student: PlannedNetwork },
  { pixels, inMemory }: DecodedImages,
): PartSpeeds {
  const cores = Math.min(machine.cores, machine.threads, mostCores);
  const rate =
    machine.device === 'cpu'
      ? cores * gmacsPerSecond[machine.precision === 'bfloat16' ? 'bfloat16' : 'float32']
      : gmacsPerSecond.card;
  const decoding = inMemory ? 0 : (pixels * decodePixel) / machine.cores;
  const perImage = (gmacs: number): number => {
    const computing = gmacs / rate;
    return machine.device === 'cpu' ? computing + decoding : Math.max(computing, decoding);
  };
  return {
    teacher: 1 / perImage(passes * teacher.gmacs),
    teacherSam: 1 / perImage(passes * samFactor * teacher.gmacs),
    student: 1 / perImage(passes * student.gmacs + teacher.gmacs),
  };
}

/** Returns `estimate` corrected by measurements of other networks on the same machine: by the mean of the factors. */
export function corrected(
  estimate: PartSpeeds,
  known: readonly { readonly estimated: PartSpeeds; readonly measured: PartSpeeds }[],
): PartSpeeds {
  if (known.length === 0) return estimate;
  const factor = (part: keyof PartSpeeds): number =>
    Math.exp(
      known.reduce((sum, { estimated, measured }) => sum + Math.log(measured[part] / estimated[part]), 0) /
        known.length,
    );
  return {
    teacher: estimate.teacher * factor('teacher'),
    teacherSam: estimate.teacherSam * factor('teacherSam'),
    student: estimate.student * factor('student'),
  };
}
