/**
 * Plans a training for a data set, a machine and a time, by the rules in `rungs.ts` and below. A pure function of what is given:
 * `plan-training.ts` measures the machine and repeats it with the measurements.
 */

import { copiesFit } from '../data/cache/copies-room.js';
import { factorFor } from '../data/decode/shrink.js';
import type { DatasetDescription } from '../data/describe.js';
import { groupsOf } from '../data/groups.js';
import { setAside } from '../data/set-aside.js';
import { UserError } from '../errors.js';
import { duration, durationWord, roughDuration } from '../format.js';
import type { Values } from '../recipe/merge.js';
import type { TrainingKind } from '../recipe/training-kind.js';
import {
  type EpochPair,
  epochsWithin,
  evaluationEvery,
  fillingPair,
  leastPossible,
  leastUseful,
  type PlanSeconds,
  pairOf,
  secondsOf,
  startSeconds,
  type TimedTraining,
  usualEpochs,
} from './epochs.js';
import { kindOf, type Machine, type MachineKind } from './machine.js';
import { type PlannedNetwork, type PlannedStudent, type Rung, rungsOf } from './rungs.js';
import { corrected, decodingSeconds, estimatedSpeeds, type MeasuredSpeeds, type PartSpeeds } from './speed.js';
import { plannedValues, type Strength, strengthFor } from './values.js';
import { type PlanWarning, warningsOf } from './warnings.js';

export const goals = ['accuracy', 'size', 'speed'] as const;
/** The aim of the plan: accuracy, a small model file, or fast predictions. */
export type Goal = (typeof goals)[number];

export interface PlanRequest {
  /** Seconds that the trainings may take in all; null: the user did not say. */
  readonly seconds: number | null;
  /** Seconds of them that went to measurements. Default 0. */
  readonly measuringSeconds?: number;
  readonly goal: Goal;
  /** The trainings that share the time. Default: teacher and student. */
  readonly trains?: readonly TrainingKind[];
  /** At most so many training images are used (`data.limit`); null: all. Default null. */
  readonly limit?: number | null;
}

/** Returns the trainings that share the time. */
export function trainsOf({ trains = ['teacher', 'student'] }: PlanRequest): readonly TrainingKind[] {
  return trains;
}

/** Returns the seconds of the user that are left for the trainings; null: the user did not say. */
export function trainingSeconds({ seconds, measuringSeconds = 0 }: PlanRequest): number | null {
  return seconds === null ? null : Math.max(0, seconds - measuringSeconds);
}

/** The measured speeds of rungs by `speedKey`. */
export type Measured = ReadonlyMap<string, MeasuredSpeeds>;

export interface TrainingPlan {
  readonly machine: Machine;
  readonly request: PlanRequest;
  readonly rung: Rung;
  readonly student: PlannedStudent;
  readonly speedKey: string;
  readonly epochs: EpochPair;
  /** The teacher's epochs that are usual for so many images. */
  readonly usualEpochs: number;
  readonly batch: number;
  readonly strength: Strength;
  /** Training images of an epoch. */
  readonly images: number;
  /** Share of each training class that is set aside to measure the accuracy. */
  readonly validation: number;
  readonly speeds: PartSpeeds;
  /** Bytes that the training takes. */
  readonly memoryBytes: number;
  /** Whether speed and memory were measured; else they are estimates. */
  readonly isMeasured: boolean;
  /** Whether the estimate follows the measured speed of other networks. */
  readonly isCorrected: boolean;
  readonly seconds: PlanSeconds;
  /** Seconds of the usual number of epochs. */
  readonly usualSeconds: number;
  /** The time that the plan was made for: the user's without that of measurements, or the usual one of such a machine. */
  readonly budget: number;
  /** Why this input size. */
  readonly why: string;
  readonly warnings: readonly PlanWarning[];
  /** The values that the recipe changes of the one that it extends. */
  readonly values: Values;
}

/** The time for which a plan is made when the user gives none. */
const usualTimes = { cpu: 3600, card: 8 * 3600, node: 90 * 24 * 3600 } as const;
/** A plan fills at most this part of the time: the rest is for what was measured too fast. */
const filled = 0.92;
/** Images are enlarged at most by this factor. */
const mostEnlarged = 1.5;
/** Share of each class that is set aside when there are no test images. */
const keptAside = 0.1;
/** An input size is chosen when at least this part of the usual epochs fits into the time, and `leastUseful` of them. */
const leastShare = 1 / 4;
/** More of the usual epochs than this bring little. */
const mostShare = 1.5;

/** The speeds that are known, and what an estimate may decide. */
export interface PlanKnowledge {
  readonly measured?: Measured;
  /** Whether an estimate may refuse a time as too short; a measurement always may. Default true. */
  readonly refusesByEstimate?: boolean;
}

/**
 * Returns the plan for `data` on `machine`. Throws UserError USAGE when not even the smallest training of the table fits into
 * the time.
 */
export function planFor(
  data: DatasetDescription,
  machine: Machine,
  request: PlanRequest,
  { measured = new Map(), refusesByEstimate = true }: PlanKnowledge = {},
): TrainingPlan {
  const kind = kindOf(machine);
  const budget = trainingSeconds(request) ?? usualTimes[kind];
  const given = { data, machine, request, budget, measured };
  const candidates = candidatesFor(kind, given);
  const found = candidates.findLastIndex(({ fitting, usual }) => fitting >= leastEpochs(usual));
  const chosen = candidates[Math.max(0, request.goal === 'speed' ? found - 1 : found)]!;
  const isTooShort = chosen.epochs.teacher < leastPossible;
  if (isTooShort && (refusesByEstimate || chosen.measured !== undefined)) throw tooLittleTime(chosen, data, request);
  const planned = isTooShort ? { ...chosen, epochs: pairOf(leastPossible) } : chosen;
  return completed(planned, {
    data,
    machine,
    request,
    budget,
    larger: candidates[Math.max(0, found) + 1],
    isSmallest: found <= 0,
  });
}

interface Circumstances {
  readonly data: DatasetDescription;
  readonly machine: Machine;
  readonly request: PlanRequest;
  readonly budget: number;
}

interface Candidate {
  readonly rung: Rung;
  readonly student: PlannedStudent;
  readonly speedKey: string;
  readonly speeds: PartSpeeds;
  readonly measured: MeasuredSpeeds | undefined;
  /** Whether speeds of any network were measured. */
  readonly isCorrected: boolean;
  readonly batch: number;
  readonly timed: TimedTraining;
  readonly usual: number;
  /** The teacher's epochs that fit into the time. */
  readonly fitting: number;
  readonly epochs: EpochPair;
}

/** Several cards get the published recipe, when all of its epochs fit into the time; else they get the plan of one card. */
function candidatesFor(kind: MachineKind, given: Circumstances & { readonly measured: Measured }): Candidate[] {
  const { data, request } = given;
  if (kind === 'node' && data.trainImages < fewestPublished) return candidatesFor('card', given);
  if (kind !== 'node') return suitable(rungsOf(kind), data).map((rung) => candidateOf(rung, given));
  const whole = candidateOf(publishedRung(data), given);
  return request.seconds === null || wholeFits(whole, given.budget) ? [whole] : candidatesFor('card', given);
}

/** The published recipes are for networks that fewer images cannot train. */
const fewestPublished = 10_000;

function wholeFits({ rung: { published }, timed }: Candidate, budget: number): boolean {
  return published !== undefined && secondsOf(published, timed).total <= filled * budget;
}

/** iNaturalist-2018, known by its class sizes, has a published recipe of its own. */
const inaturalist = { recipe: 'inat2018', teacher: 90, student: 1000 } as const;

function publishedRung(data: DatasetDescription): Rung {
  const rung = suitable(rungsOf('node'), data).at(-1)!;
  const { kind } = groupsOf(data.classes.map(({ train }) => train));
  return kind === 'inaturalist-2018' ? { ...rung, published: inaturalist } : rung;
}

/** The teacher's epochs that must fit into the time for an input size to be chosen. */
function leastEpochs(usual: number): number {
  return Math.max(leastUseful, Math.ceil(leastShare * usual));
}

/** The typical side of the images in pixels. */
export function typicalSide({ imageSizes: { width, height } }: DatasetDescription): number {
  return Math.min(width.median, height.median);
}

/** Inputs that enlarge the images much would only cost time; the smallest always remains. */
function suitable(all: readonly Rung[], data: DatasetDescription): readonly Rung[] {
  const side = typicalSide(data);
  return all.filter(({ size }, i) => i === 0 || size <= mostEnlarged * side);
}

function candidateOf(rung: Rung, given: Circumstances & { readonly measured: Measured }): Candidate {
  const { data, machine, request, budget, measured } = given;
  const student = request.goal === 'accuracy' ? rung.student : rung.small;
  const images = trainedImages(data, request);
  const speedKey = speedKeyOf(rung, student);
  const speeds = measured.get(speedKey) ?? unmeasuredSpeeds(rung, student, given);
  const evaluated = data.testImages ?? asideOf(data);
  const timed: TimedTraining = {
    images,
    evaluated,
    speeds,
    firstRead: decodingSeconds(images, decodedImages(data, rung).once, machine),
    sam: rung.teacher.training === 'ldam',
    trains: trainsOf(request),
  };
  const { published } = rung;
  const usual = published?.teacher ?? usualEpochs(images);
  const most = Math.round((request.seconds === null ? 1 : mostShare) * usual);
  const fitting = epochsWithin(filled * budget, most, timed);
  const planned = request.seconds === null ? Math.max(fitting, leastUseful) : fitting; // nobody set a limit
  const own =
    fitting < most && request.seconds !== null ? fillingPair(filled * budget, planned, timed) : pairOf(planned);
  const epochs = published === undefined ? own : { teacher: published.teacher, student: published.student };
  return {
    rung,
    student,
    speedKey,
    speeds,
    measured: measured.get(speedKey),
    isCorrected: measured.size > 0,
    batch: batchOf(images, machine),
    timed,
    usual,
    fitting,
    epochs,
  };
}

/** Returns the name under which the speed of two networks is measured. */
function speedKeyOf({ machine, size }: Rung, { title }: PlannedNetwork): string {
  return `${machine} ${size} ${title}`;
}

function unmeasuredSpeeds(
  rung: Rung,
  student: PlannedNetwork,
  { data, machine, measured }: Circumstances & { readonly measured: Measured },
): PartSpeeds {
  const images = decodedImages(data, rung);
  const known = rungsOf(rung.machine).flatMap((other) =>
    [other.student, other.small].flatMap((network) => {
      const found = measured.get(speedKeyOf(other, network));
      if (found === undefined) return [];
      return [
        { measured: found, estimated: estimatedSpeeds(machine, { teacher: other.teacher, student: network }, images) },
      ];
    }),
  );
  return corrected(estimatedSpeeds(machine, { teacher: rung.teacher, student }, images), known);
}

/** The pixels of a typical file: its copy is read in each epoch where it is large, and the file `once`. */
function decodedImages(data: DatasetDescription, { size }: Rung) {
  const { width, height } = data.imageSizes;
  const median = { width: width.median, height: height.median };
  const [pixels, factor] = [median.width * median.height, factorFor(median, size)];
  const hasCopies = factor > 1 && data.kind === 'files' && copiesFit(data.trainImages, median, size);
  return {
    pixels: hasCopies ? pixels / factor ** 2 : pixels,
    once: hasCopies ? pixels : 0,
    inMemory: data.kind === 'memory',
  };
}

function validationOf({ testImages }: DatasetDescription): number {
  return testImages === undefined ? keptAside : 0;
}

/** Returns the number of training images that are set aside to measure the accuracy. */
export function asideOf(data: DatasetDescription): number {
  return data.classes.reduce((sum, { train }) => sum + setAside(train, validationOf(data)), 0);
}

function trainedImages(data: DatasetDescription, { limit = null }: PlanRequest): number {
  const trained = data.trainImages - asideOf(data);
  return Math.max(1, Math.min(trained, limit ?? trained));
}

/** Batches are a power of two, so many that an epoch has about 32 updates. */
function batchOf(images: number, { device }: Machine): number {
  const [least, most] = device === 'cpu' ? [32, 128] : [64, 256];
  return Math.min(most, Math.max(least, 2 ** Math.round(Math.log2(images / 32))));
}

function completed(
  { rung, student, speedKey, speeds, measured, isCorrected, batch, timed, usual, epochs }: Candidate,
  {
    data,
    machine,
    request,
    budget,
    larger,
    isSmallest,
  }: Circumstances & {
    readonly larger: Candidate | undefined;
    readonly isSmallest: boolean;
  },
): TrainingPlan {
  const seconds = secondsOf(epochs, timed);
  const usualSeconds = secondsOf(pairOf(usual), timed).total;
  const strength = strengthFor(machine.device, epochs.student, timed.images);
  const validation = validationOf(data);
  const limits = limitsOf(seconds, trainingSeconds(request));
  const values = plannedValues({
    rung,
    student,
    epochs,
    images: timed.images,
    batch,
    strength,
    every: evaluationEvery(epochs, timed),
    validation,
    limits,
    machine,
    description: descriptionOf(data, rung, machine),
  });
  const facts = { data, machine, request, rung, epochs, usual, usualSeconds, seconds, budget };
  return {
    machine,
    request,
    rung,
    student,
    speedKey,
    epochs,
    usualEpochs: usual,
    batch,
    strength,
    images: timed.images,
    validation,
    speeds,
    memoryBytes: measured?.memoryBytes ?? estimatedMemory(rung, student, batch),
    isMeasured: measured !== undefined,
    isCorrected: measured === undefined && isCorrected,
    seconds,
    usualSeconds,
    budget,
    why: whySize({ data, rung, request, budget, larger, isSmallest, usual, epochs }),
    warnings: warningsOf(facts, leastUseful),
    values,
  };
}

/** Shares of the time for the trainings, less the start of each. */
function limitsOf(
  { teacher, student, total }: PlanSeconds,
  asked: number | null,
): { teacher: number | null; student: number | null } {
  if (asked === null) return { teacher: null, student: null };
  const limit = (seconds: number): number => Math.max(1, Math.floor((seconds / total) * asked - startSeconds));
  return { teacher: limit(teacher), student: limit(student) };
}

function descriptionOf({ name }: DatasetDescription, { size }: Rung, { device }: Machine): string {
  return `planned for ${name}: ${size} × ${size} pixels, on ${device === 'cpu' ? 'a processor' : 'a card'}`;
}

/** Bytes of weights, gradients and averages, and of what a forward pass keeps, in float32. */
function estimatedMemory({ teacher, published, size }: Rung, student: PlannedNetwork, batch: number): number {
  const program = 0.4 * 2 ** 30;
  const weights = 16e6 * (teacher.millions + student.millions);
  const side = published === undefined ? size : 224;
  const kept = batch * side ** 2 * 4 * (60 + 40 * Math.sqrt(student.millions));
  return program + weights + kept;
}

function tooLittleTime({ timed, rung }: Candidate, { classes }: DatasetDescription, request: PlanRequest): UserError {
  const { seconds, measuringSeconds = 0 } = request;
  const least = Math.ceil(secondsOf(pairOf(leastPossible), timed).total / filled + measuringSeconds);
  const fewer = fittingImages(timed, trainingSeconds(request) ?? 0);
  const orFewer =
    fewer < Math.max(fewestSuggested, classes.length) ? '' : `, or fewer images (--set data.limit=${fewer})`;
  return new UserError(
    'USAGE',
    `--time ${durationWord(seconds ?? 0)}: the shortest training of these data (${rung.size} × ${rung.size} pixels, ${leastPossible} epochs of the teacher) takes about ${duration(least)} on this machine${measuringSeconds > 0 ? ', with the measurement of its speed' : ''}. Give at least that${orFewer}.`,
  );
}

/** A training of fewer images shows nothing. */
const fewestSuggested = 100;
/** A part of the images that is suggested may take this part of the time: speeds are measured again for it. */
const suggestedPart = 0.8;

/** Returns how many training images the shortest training may have to fit into `seconds`, in two digits. */
function fittingImages(timed: TimedTraining, seconds: number): number {
  const secondsFor = (images: number): number => secondsOf(pairOf(leastPossible), { ...timed, images }).total;
  const start = secondsFor(0);
  const each = secondsFor(1) - start;
  const fitting = Math.max(0, Math.floor((suggestedPart * filled * seconds - start) / each));
  const unit = 10 ** Math.max(0, String(fitting).length - 2);
  return Math.floor(fitting / unit) * unit;
}

interface SizeReason extends Pick<Circumstances, 'data' | 'request' | 'budget'> {
  readonly rung: Rung;
  readonly larger: Candidate | undefined;
  readonly isSmallest: boolean;
  readonly usual: number;
  readonly epochs: EpochPair;
}

function whySize({ data, rung, request, budget, larger, isSmallest }: SizeReason): string {
  const time = request.seconds === null ? `the usual time, ${roughDuration(budget)}` : roughDuration(request.seconds);
  if (request.goal === 'speed' && larger !== undefined)
    return 'one size smaller than for accuracy, for fast predictions';
  if (larger !== undefined && !isSmallest)
    return `the largest at which enough epochs fit into ${time}; ${larger.rung.size} pixels would take ${roughDuration(secondsOf(pairOf(leastEpochs(larger.usual)), larger.timed).total / filled)} or more`;
  if (rung.published !== undefined) return `as in the published recipe ${rung.published.recipe}`;
  if (larger !== undefined) return `the smallest of the table, because larger ones do not fit into ${time}`;
  const next = rungsOf(rung.machine).find(({ size }) => size > rung.size);
  const side = typicalSide(data);
  if (next !== undefined && side * mostEnlarged < next.size)
    return `most images are about ${Math.round(side)} pixels wide or high, so a larger input would only enlarge them`;
  return 'the largest of the table for this machine';
}
