/** Finds the images of a run that a person should look at, and makes their pictures a page at a time. */
import { findLabelErrors } from '../analysis/label-errors.js';
import { findMistakes } from '../analysis/mistakes.js';
import { pictures } from '../analysis/run/pictures.js';
import type { Pipeline } from '../augment/transform.js';
import { evaluationPipeline, openClassifier } from '../classifier/classifier.js';
import type { Dataset, Images } from '../data/dataset.js';
import { findNearDuplicates } from '../data/near-duplicates/near-duplicates.js';
import { openPixels } from '../data/open-pixels.js';
import type { PixelSource } from '../data/pixel-source.js';
import { prepareData, type TrainingData } from '../data/prepare-data.js';
import { UserError } from '../errors.js';
import { count, images as imagesText } from '../format.js';
import { partOf } from '../recipe/part.js';
import type { RunConfig } from '../runs/run-folder.js';
import type { ReviewClass, ReviewImage, ReviewKind, ReviewRow } from './review-view.js';

/** A row whose pictures are not made yet. */
export interface FoundRow {
  readonly image: Omit<ReviewImage, 'picture'> & { readonly index: number };
  readonly other?: Omit<ReviewImage, 'picture'> & { readonly index: number };
  row(pictures: readonly ReviewImage[]): ReviewRow;
}

export interface Found {
  readonly facts: readonly string[];
  readonly classes: readonly ReviewClass[];
  readonly rows: readonly FoundRow[];
  /** Encodes the images of some rows, in their order. */
  pictures(rows: readonly FoundRow[]): Promise<ReviewRow[]>;
}

export interface FindOptions {
  readonly folder: string;
  readonly config: RunConfig;
  readonly dataset: Dataset;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/** Throws what the model's checkpoint and the data throw, and the signal's reason. */
export async function findReview(kind: ReviewKind, options: FindOptions): Promise<Found> {
  if (kind === 'mistakes') return findWrong(options);
  return kind === 'labels' ? findDoubted(options) : findAlike(options);
}

async function findWrong({ folder, config, dataset, ...rest }: FindOptions): Promise<Found> {
  const data = prepareData(dataset, config.recipe);
  try {
    const split = data.test === undefined ? 'validation' : 'test';
    const part = data[split];
    if (part === undefined)
      throw new UserError('DATA_LAYOUT', `${dataset.name} has neither test images nor validation images of this run.`);
    using classifier = await openClassifier(folder);
    const { images, hasExperts, classes, mistakes } = await findMistakes(classifier, part, rest);
    const share = images === 0 ? 0 : (100 * mistakes.length) / images;
    return {
      facts: [
        `${count(mistakes.length)} of ${imagesText(images).replace(' ', ` ${split} `)} (${share.toFixed(1)} %) are classified wrongly${epochText(classifier.epoch)}.`,
        hasExperts
          ? 'The images on which CLS and DIST disagree most come first. Their disagreement is half the sum of the absolute differences of their probabilities: 0 % for the same opinion, 100 % for opposite ones.'
          : 'This network has one classifier, so there is no opinion of CLS and DIST. The predictions with the highest probability come first.',
      ],
      classes: classes.flatMap(({ name, images, wrong }) => (wrong > 0 ? [{ name, images, rows: wrong }] : [])),
      rows: mistakes.map(({ index, name, label, predictions, disagreement }) => ({
        image: { index, split, name, class: label },
        row: ([image]) => ({
          ...{ kind: 'mistakes', image: image!, predictions },
          ...(disagreement !== undefined && { disagreement }),
        }),
      })),
      pictures: (rows) => withPictures(rows, { config, dataset, whole: false }),
    };
  } finally {
    await close(data);
  }
}

async function findDoubted({ folder, config, dataset, ...rest }: FindOptions): Promise<Found> {
  using classifier = await openClassifier(folder);
  const { images, agreement, errors } = await findLabelErrors(classifier, dataset, rest);
  return {
    facts: [
      errors.length === 0
        ? `The model doubts none of the labels of ${imagesText(images)}${epochText(classifier.epoch)}.`
        : `The model doubts the labels of ${count(errors.length)} of ${imagesText(images)}${epochText(classifier.epoch)}: it is confident of another class. The least probable labels come first.`,
      `Its own prediction is the label of ${agreement.toFixed(1)} % of the images (mean over the classes); a model that is often wrong also doubts correct labels, so look at each image before you move it. The same list: deit-lt inspect DATA --model RUN.`,
    ],
    classes: classesOf(errors.map(({ label }) => label)),
    rows: errors.map(({ split, index, name, label, suggested, probability, suggestedProbability }) => ({
      image: { index, split, name, class: label },
      row: ([image]) => ({
        ...{ kind: 'labels', image: image!, probability },
        suggested: { class: suggested, probability: suggestedProbability },
      }),
    })),
    pictures: (rows) => withPictures(rows, { config, dataset, whole: false, raw: true }),
  };
}

async function findAlike({ config, dataset, signal, onProgress }: FindOptions): Promise<Found> {
  if (dataset.test === undefined)
    throw new UserError('DATA_LAYOUT', `${dataset.name} has no test images to compare with the training images.`);
  const { pairs, images } = await findNearDuplicates(dataset, { signal, onProgress });
  const nameOf = (label: number): string => dataset.classNames[label]!;
  const conflicting = pairs.filter(({ test, train }) => test.label !== train.label).length;
  return {
    facts: [
      pairs.length === 0
        ? `No test image looks like a training image (${imagesText(images)} compared).`
        : `${imagesText(pairs.length).replace(' ', ' test ')} ${pairs.length === 1 ? 'looks' : 'look'} like a training image (${imagesText(images)} compared): the same picture, or resized, compressed or cropped. On these a test measures memory. The most alike come first.`,
      ...(conflicting > 0
        ? [`${conflicting === 1 ? 'One pair has' : `${count(conflicting)} pairs have`} two different labels.`]
        : []),
    ],
    classes: classesOf(pairs.map(({ test }) => nameOf(test.label))),
    rows: pairs.map(({ test, train, distance }) => ({
      image: { index: test.index, split: 'test', name: test.name, class: nameOf(test.label) },
      other: { index: train.index, split: 'train', name: train.name, class: nameOf(train.label) },
      row: ([image, other]) => ({ kind: 'duplicates', image: image!, other: other!, distance }),
    })),
    pictures: (rows) => withPictures(rows, { config, dataset, whole: true, raw: true }),
  };
}

const epochText = (epoch: number | null): string =>
  epoch === null ? '' : ` by the best checkpoint (epoch ${epoch + 1})`;

/** The largest number of rows first. */
function classesOf(labels: readonly string[]): ReviewClass[] {
  const rows = new Map<string, number>();
  for (const label of labels) rows.set(label, (rows.get(label) ?? 0) + 1);
  return [...rows].map(([name, rows]) => ({ name, rows })).sort((a, b) => b.rows - a.rows);
}

interface PictureOptions {
  readonly config: RunConfig;
  readonly dataset: Dataset;
  /** The whole image squeezed to a square, or what the network sees of it. */
  readonly whole: boolean;
  /** Whether the indices are those of the data set, instead of the splits of the run. Default false. */
  readonly raw?: boolean;
}

async function withPictures(
  rows: readonly FoundRow[],
  { config, dataset, whole, raw = false }: PictureOptions,
): Promise<ReviewRow[]> {
  const own = evaluationPipeline(partOf(config));
  const pipeline: Pipeline = whole ? { ...own, window: wholeWindow } : own;
  const data = raw ? undefined : prepareData(dataset, config.recipe);
  try {
    const wanted = rows.flatMap(({ image, other }) => (other === undefined ? [image] : [image, other]));
    const made = new Map<(typeof wanted)[number], ReviewImage>();
    for (const split of ['train', 'validation', 'test'] as const) {
      const of = wanted.filter((image) => image.split === split);
      if (of.length === 0) continue;
      const encoded = await inSource(data?.[split]?.source ?? imagesOf(dataset, split), (source) =>
        pictures(
          source,
          of.map(({ index }) => index),
          pipeline,
        ),
      );
      of.forEach(({ index: _, ...image }, i) => {
        made.set(of[i]!, { ...image, picture: encoded[i]! });
      });
    }
    return rows.map(({ image, other, row }) =>
      row([made.get(image)!, ...(other === undefined ? [] : [made.get(other)!])]),
    );
  } finally {
    if (data !== undefined) await close(data);
  }
}

const wholeWindow: Pipeline['window'] = (width, height) => ({ x: 0, y: 0, width, height, flip: false });

function imagesOf(dataset: Dataset, split: ReviewImage['split']): Images {
  return (split === 'test' ? dataset.test! : dataset.train).images;
}

async function inSource<T>(from: PixelSource | Images, use: (source: PixelSource) => Promise<T>): Promise<T> {
  if (!('kind' in from)) return use(from);
  await using source = openPixels(from);
  return await use(source);
}

async function close({ train, validation, test }: TrainingData): Promise<void> {
  for (const split of [train, validation, test]) await split?.source[Symbol.asyncDispose]();
}
