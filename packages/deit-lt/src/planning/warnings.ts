/** The warnings of a plan: too little data, too little time, and photographs that lose their detail. */
import type { DatasetDescription } from '../data/describe.js';
import { count, roughDuration } from '../format.js';
import type { EpochPair, PlanSeconds } from './epochs.js';
import type { Machine } from './machine.js';
import type { Rung } from './rungs.js';

/** A warning; `code` is for programs. */
export interface PlanWarning {
  readonly code:
    | 'long'
    | 'few-images'
    | 'tiny-class'
    | 'untested-class'
    | 'little-time'
    | 'shrunk'
    | 'no-test'
    | 'balanced'
    | 'one-card';
  readonly text: string;
}

export interface WarnedFacts {
  readonly data: DatasetDescription;
  readonly machine: Machine;
  readonly request: { readonly seconds: number | null };
  readonly rung: Rung;
  readonly epochs: EpochPair;
  /** The teacher's usual epochs, and the seconds of a plan with them. */
  readonly usual: number;
  readonly usualSeconds: number;
  readonly seconds: PlanSeconds;
  readonly budget: number;
}

/** Fewer images in all are few for networks that start from random weights. */
const fewInAll = 5000;
/** Classes below this are named as too small. */
const fewInClass = 5;
/** Images this many times larger than the input lose their detail. */
const muchShrunk = 4;
/** The method is for a longer tail than this. */
const leastRatio = 3;

/** Returns the warnings of a plan, the gravest first. `leastUseful`: fewer of the teacher's epochs are too few. */
export function warningsOf(facts: WarnedFacts, leastUseful: number): PlanWarning[] {
  return [
    ...littleTime(facts, leastUseful),
    ...fewImages(facts),
    ...tinyClasses(facts),
    ...untestedClasses(facts),
    ...shrunk(facts),
    ...noTest(facts),
    ...balanced(facts),
    ...cards(facts),
  ];
}

function littleTime(facts: WarnedFacts, leastUseful: number): PlanWarning[] {
  const { epochs, usual, usualSeconds, seconds, budget, request, data, rung } = facts;
  const { size } = rung;
  if (request.seconds === null && seconds.total > budget)
    return [
      {
        code: 'long',
        text: `this takes ${roughDuration(seconds.total)}, because no --time limits it${partOf(data.trainImages)}.`,
      },
    ];
  if (epochs.teacher >= leastUseful) return [];
  const images = data.trainImages;
  const text = `too little time: in ${roughDuration(request.seconds ?? budget)} the teacher has ${epochs.teacher} epochs and the student ${epochs.student}, and both will be far from what they can reach. At ${size} × ${size} pixels, the usual ${usual} and ${Math.round(2.5 * usual)} take about ${roughDuration(usualSeconds)} (--time ${timeWord(usualSeconds)}; with it, a plan may choose larger images and fewer epochs)${partOf(images)}.`;
  return [{ code: 'little-time', text }];
}

/** With many images, a part of them in more epochs is better than all in a few. */
const manyImages = 20_000;

function partOf(images: number): string {
  return images <= manyImages ? '' : `; --set data.limit=${manyImages} trains on a part of the ${count(images)} images`;
}

/** Seconds as the value of --time: `90m`, `8h`. */
export function timeWord(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  return minutes <= 120 ? `${minutes}m` : `${Math.ceil(minutes / 60)}h`;
}

function fewImages({ data: { trainImages } }: WarnedFacts): PlanWarning[] {
  if (trainImages >= fewInAll) return [];
  const text = `few images: networks that start from random weights learn little from ${count(trainImages)} images. Weights that other images taught help more than anything that a plan can change: --recipe finetune-photographs with --from (docs/pretrained.md).`;
  return [{ code: 'few-images', text }];
}

function tinyClasses({ data: { classes } }: WarnedFacts): PlanWarning[] {
  const tiny = classes.filter(({ train }) => train < fewInClass);
  if (tiny.length === 0) return [];
  const named = tiny.slice(0, 5).map(({ name, train }) => `${name} (${train})`);
  const more = tiny.length > named.length ? ` and ${tiny.length - named.length} more` : '';
  const text = `${tiny.length === 1 ? 'a class has' : `${tiny.length} classes have`} fewer than ${fewInClass} training images: ${named.join(', ')}${more}. Nothing can be learned reliably from so few.`;
  return [{ code: 'tiny-class', text }];
}

/** At most so many classes without test images are named. */
const mostNamed = 3;

/** Classes whose accuracy nothing measures; where images are set aside, those of one image, of which none can be. */
function untestedClasses({ data: { classes, testImages } }: WarnedFacts): PlanWarning[] {
  const untested = classes.filter(
    ({ train, test }) => train > 0 && (testImages === undefined ? train < 2 : test === 0),
  );
  if (untested.length === 0 || (testImages === undefined && untested.length === withImages(classes))) return [];
  const named = untested.slice(0, mostNamed).map(({ name }) => name);
  const more = untested.length > named.length ? ` and ${untested.length - named.length} more` : '';
  const [who, its] = untested.length === 1 ? ['a class has', 'its'] : [`${untested.length} classes have`, 'their'];
  const lack = testImages === undefined ? 'only one image, which is trained on' : 'no test image';
  const text = `${who} ${lack}: ${named.join(', ')}${more}. Nothing measures ${its} accuracy.`;
  return [{ code: 'untested-class', text }];
}

function withImages(classes: DatasetDescription['classes']): number {
  return classes.filter(({ train }) => train > 0).length;
}

function shrunk({ data: { imageSizes }, rung: { size } }: WarnedFacts): PlanWarning[] {
  const side = Math.min(imageSizes.width.median, imageSizes.height.median);
  if (side < muchShrunk * size) return [];
  const text = `detail is lost: images of typically ${count(imageSizes.width.median)} × ${count(imageSizes.height.median)} pixels are shrunk to ${size} × ${size}. Classes that differ only in small details will be confused.`;
  return [{ code: 'shrunk', text }];
}

function noTest({ data: { testImages, classes } }: WarnedFacts): PlanWarning[] {
  if (testImages !== undefined) return [];
  if (classes.every(({ train }) => train < 2))
    return [
      {
        code: 'no-test',
        text: 'no test images, and no class has two images, of which one could be set aside: the accuracy cannot be measured. Add images.',
      },
    ];
  const text =
    'no test images: a tenth of each class is set aside to measure the accuracy. --split 0.2 sets a fifth aside as test images, which other commands use, too.';
  return [{ code: 'no-test', text }];
}

function balanced({ data: { imbalanceRatio } }: WarnedFacts): PlanWarning[] {
  if (imbalanceRatio >= leastRatio) return [];
  const text = 'the classes are about equally large: this method is made for classes that differ much in size.';
  return [{ code: 'balanced', text }];
}

function cards({ machine: { device, cards } }: WarnedFacts): PlanWarning[] {
  if (device === 'cpu') return [];
  return [
    ...(cards > 1
      ? [{ code: 'one-card', text: `this version trains on one card: ${cards - 1} of ${cards} stay idle.` } as const]
      : []),
  ];
}
