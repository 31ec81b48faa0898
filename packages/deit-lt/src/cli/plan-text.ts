/** A plan for the terminal and as JSON: every word on it is one that a reader who never trained a network can follow. */

import { copiesFit } from '../data/cache/copies-room.js';
import { factorFor } from '../data/decode/shrink.js';
import type { DatasetDescription, Spread } from '../data/describe.js';
import { count, counted, durationWord, gibibytes, images, roughDuration } from '../format.js';
import { expectationOf, uncertaintyOf } from '../planning/expectation.js';
import { asideOf, type TrainingPlan, trainsOf } from '../planning/plan.js';
import { strengthFacts } from '../planning/values.js';
import { visible } from '../text/visible.js';
import type { Colors } from './colors.js';

interface TextOptions {
  readonly width: number;
  readonly colors: Colors;
  /** Settings of the user; the figures of the plan do not follow them, but for device, precision and number of images. */
  readonly settings?: readonly string[];
}

/** Width of the names in the first column. */
const column = 14;

/** Returns the plan as paragraphs for a terminal. */
export function planText(
  plan: TrainingPlan,
  data: DatasetDescription,
  { width, colors, settings = [] }: TextOptions,
): string {
  const rows: readonly (readonly [string, string])[] = [
    ['images', imagesText(data, plan)],
    ['classes', classesText(data)],
    ['tests', testsText(plan, data)],
    ['input size', `${inputOf(plan)}: ${plan.why}`],
    ...trainsOf(plan.request).map((kind): readonly [string, string] =>
      kind === 'vit' ? ['plain ViT', vitText(plan)] : [kind, partText(plan, kind)],
    ),
    ['batch', batchText(plan)],
    ['augmentation', augmentationText(plan)],
    ['start', 'from random weights; nothing is downloaded'],
    ['computed on', machineText(plan)],
    ['memory', memoryText(plan)],
    ['time', timeText(plan)],
    ['smallest class', smallestText(data)],
    ...(settings.length > 0 ? [['set by you', settingsText(settings)] as const] : []),
  ];
  const title = `Plan for ${data.name}: ${images(plan.images).replace(' ', ' training ')} of ${count(data.classes.length)} ${data.classes.length === 1 ? 'class' : 'classes'}`;
  const facts = rows.map(([name, text]) => hanging(name.padEnd(column), text, width));
  const warnings = plan.warnings.map(({ text }) => hanging('!', text, width, 2));
  return [colors.bold(visible(title)), '', ...facts, ...(warnings.length > 0 ? ['', ...warnings] : [])].join('\n');
}

/** Returns the plan as a value for `--json`. */
export function planJson(plan: TrainingPlan, data: DatasetDescription): object {
  const { machine, request, rung, student, epochs, batch, strength, speeds, seconds, budget, warnings, values } = plan;
  const smallest = smallestOf(data);
  return {
    data: {
      name: data.name,
      trainImages: plan.images,
      classes: data.classes.length,
      imbalanceRatio: data.imbalanceRatio,
    },
    machine,
    asked: { seconds: request.seconds, goal: request.goal },
    inputSize: inputSide(plan),
    why: plan.why,
    teacher: {
      model: rung.teacher.title,
      millionWeights: rung.teacher.millions,
      epochs: epochs.teacher,
      seconds: seconds.teacher,
    },
    student: {
      model: student.title,
      millionWeights: student.millions,
      epochs: epochs.student,
      seconds: seconds.student,
    },
    batch,
    augmentation: strength,
    imagesPerSecond: speeds,
    measured: plan.isMeasured,
    memoryBytes: plan.memoryBytes,
    seconds: seconds.total,
    measuringSeconds: request.measuringSeconds ?? 0,
    budgetSeconds: budget,
    smallestClass: { ...smallest, expectation: expectationOf(smallest.train) },
    warnings,
    recipe: values,
  };
}

/** The published recipes enlarge every image to 224 pixels for the student. */
function inputSide({ rung }: TrainingPlan): number {
  return rung.published === undefined ? rung.size : 224;
}

function inputOf(plan: TrainingPlan): string {
  return `${inputSide(plan)} × ${inputSide(plan)} pixels`;
}

function imagesText(
  { imageSizes: { width, height }, kind, trainImages }: DatasetDescription,
  { rung }: TrainingPlan,
): string {
  const of = ({ min, median, max }: Spread): string =>
    min === max ? count(min) : `${count(min)} to ${count(max)} (typically ${count(median)})`;
  const median = { width: width.median, height: height.median };
  const isLarge = factorFor(median, rung.size) > 1 && copiesFit(trainImages, median, rung.size);
  const files = isLarge
    ? 'files, of which the first epoch keeps small copies on disk (docs/large-data.md)'
    : 'files, which are decoded in every epoch';
  const place = kind === 'files' ? files : 'all of one size, kept in memory';
  return `${of(width)} pixels wide, ${of(height)} high; ${place}`;
}

function classesText(data: DatasetDescription): string {
  const sorted = data.classes.toSorted((a, b) => b.train - a.train);
  const [largest, smallest] = [sorted[0]!, sorted.at(-1)!];
  return `the largest is ${visible(largest.name)} with ${images(largest.train)}, the smallest ${visible(smallest.name)} with ${fewerText(largest.train, smallest.train)}`;
}

function fewerText(most: number, least: number): string {
  if (least === 0) return 'none';
  if (least === most) return 'as many';
  const times = most / least < 10 ? (most / least).toFixed(1) : count(most / least);
  return `${count(least)}: ${times === '1.0' ? 'nearly as many' : `${times} times fewer`}`;
}

function testsText({ validation }: TrainingPlan, data: DatasetDescription): string {
  const { testImages } = data;
  if (testImages === 1) return '1 image, which is not trained on; it measures the accuracy';
  if (testImages !== undefined) return `${images(testImages)}, which are not trained on; they measure the accuracy`;
  const aside = asideOf(data);
  if (aside === 0)
    return 'none, and no class has two images, of which one could be set aside: there are no images to measure the accuracy with';
  return `none; ${images(aside)} (${Math.round(100 * validation)} % of each class that has two or more, at least one) ${aside === 1 ? 'is' : 'are'} set aside to measure the accuracy`;
}

const roles = {
  teacher: 'a convolutional network (CNN), which learns faster from few images',
  student: 'the result; it learns from the labels and from what the teacher predicts',
};

function partText(plan: TrainingPlan, part: 'teacher' | 'student'): string {
  const network = part === 'teacher' ? plan.rung.teacher : plan.student;
  const hasSam = part === 'teacher' && plan.rung.teacher.training === 'ldam';
  const speeds = hasSam
    ? `${rate(plan.speeds.teacher)} images/s, in the second half ${rate(plan.speeds.teacherSam)}, because each batch is computed twice (SAM)`
    : `${rate(plan.speeds[part])} images/s`;
  return `${network.title}: ${roles[part]}. ${network.millions} million weights, ${counted(plan.epochs[part], 'epoch')} (passes over all training images) at ${speeds}: ${roughDuration(plan.seconds[part])}`;
}

/** Speeds below ten have a digit after the point. */
const rate = (value: number): string => (value < 10 ? value.toFixed(1) : count(value));

function vitText({ seconds, epochs }: TrainingPlan): string {
  return `the student's network without a teacher, for comparison: ${counted(epochs.student, 'epoch')}, ${roughDuration(seconds.vit)}`;
}

function batchText({ batch, images: all, rung }: TrainingPlan): string {
  if (rung.published !== undefined) return `as in the published recipe ${rung.published.recipe}`;
  return `${batch} images for each update of the weights, ${counted(Math.ceil(all / batch), 'update')} in an epoch`;
}

const balancedTeacherText =
  "; the teacher's images also change in colour and shape (AutoAugment), and lack a square (Cutout)";

function augmentationText({ strength, rung }: TrainingPlan): string {
  if (rung.published !== undefined) return `as in the published recipe ${rung.published.recipe}`;
  const { crop, mixed } = strengthFacts(strength);
  const more = strength === 'strong' ? ', colours and shapes changed (RandAugment), parts erased' : ', colours changed';
  return `${strength}: each training image is cut out at random (${Math.round(100 * crop)} to 100 % of its area), mirrored half of the time${more}; ${Math.round(100 * mixed)} % of the student's batches are mixed images (Mixup, CutMix)${rung.teacher.training === 'muon' ? balancedTeacherText : ''}`;
}

function machineText({ machine: { device, cores, threads, cardName, precision } }: TrainingPlan): string {
  const numbers =
    precision === 'bfloat16'
      ? 'in bfloat16 (16-bit numbers, which this hardware multiplies)'
      : `in ${precision} (${precision === 'float32' ? 32 : 16}-bit numbers)`;
  return device === 'cpu'
    ? `the processor, ${coresText(cores, threads)}, ${numbers}`
    : `${cardName ?? 'the card'}, ${numbers}`;
}

function coresText(cores: number, threads: number): string {
  const all = counted(cores, 'core');
  return threads < cores ? `${counted(threads, 'thread')} for the networks on ${all} (OMP_NUM_THREADS)` : all;
}

function memoryText({
  memoryBytes,
  isMeasured,
  machine: { memoryBytes: main, cardMemoryBytes },
}: TrainingPlan): string {
  const there = cardMemoryBytes ?? main;
  return `about ${gibibytes(memoryBytes)}${isMeasured ? ' (measured)' : ''} of ${gibibytes(there)}`;
}

function timeText({ seconds, isMeasured, isCorrected, request, usualSeconds, budget }: TrainingPlan): string {
  const { measuringSeconds = 0 } = request;
  const unmeasured = isCorrected
    ? 'estimated from the speed of other networks on your images'
    : 'estimated, not measured';
  const how = isMeasured ? 'from the speed of a few seconds on your images' : unmeasured;
  const of =
    request.seconds === null
      ? `no --time was given; ${usualSeconds > budget ? `${roughDuration(usualSeconds)} would allow the usual number of epochs` : 'this is the usual number of epochs'}`
      : `${measuringSeconds > 0 ? `after ${roughDuration(measuringSeconds)} of measuring; both are ` : ''}within --time ${durationWord(request.seconds)}; if the machine turns out slower, there are fewer epochs`;
  return `about ${roughDuration(seconds.total)} in all (${how}); ${of}`;
}

function smallestOf({ classes }: DatasetDescription) {
  const smallest = classes.reduce((least, each) => (each.train < least.train ? each : least));
  return { name: smallest.name, train: smallest.train, test: smallest.test ?? null };
}

function smallestText(data: DatasetDescription): string {
  const { name, train, test } = smallestOf(data);
  const measured =
    test === null || test === 0
      ? ''
      : `. On its ${images(test).replace(' ', ' test ')} an accuracy is known to ± ${Math.round(uncertaintyOf(test))} points`;
  return `${visible(name)}, ${images(train)}: ${expectationOf(train)}${measured}`;
}

function settingsText(settings: readonly string[]): string {
  return `${settings.map(visible).join(' ')} (epochs and times above are those without it)`;
}

/** Words of `text` in lines of at most `width`, all but the first indented to its beginning. */
function hanging(name: string, text: string, width: number, indent = column + 1): string {
  const room = Math.max(30, width - indent);
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= room) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return `${name.padEnd(indent)}${lines.join(`\n${' '.repeat(indent)}`)}`;
}
