/** Finds the images of a run that a person should look at, and makes their pictures a page at a time. */
import { existsSync } from 'node:fs';
import { findLabelErrors } from '../analysis/label-errors.js';
import { findMistakes } from '../analysis/mistakes.js';
import { pictures } from '../analysis/run/pictures.js';
import type { Pipeline } from '../augment/transform.js';
import { adaptationFile } from '../classifier/adaptation.js';
import { evaluationPipeline, openClassifier } from '../classifier/classifier.js';
import type { Dataset, Images } from '../data/dataset.js';
import { fingerprint } from '../data/fingerprint.js';
import { findNearDuplicates } from '../data/near-duplicates/near-duplicates.js';
import { openPixels } from '../data/open-pixels.js';
import { type Splits, splitsOf } from '../data/splits.js';
import { UserError } from '../errors.js';
import { count, images as imagesText } from '../format.js';
import { partOf } from '../recipe/part.js';
import { recordedDataWords } from '../runs/recorded-data.js';
import type { RunConfig } from '../runs/run-folder.js';
import { suggestedCommand } from '../suggested-command.js';
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

/** The images of the run, and sentences on how they differ from those that it was trained on. */
function imagesOfRun({ config, dataset }: FindOptions): { readonly splits: Splits; readonly notes: readonly string[] } {
  const splits = splitsOf(dataset, config.recipe);
  const { fingerprint: trained } = config.data; // runs of an earlier version may have none
  const same = trained === '' || fingerprint(splits.train) === trained;
  return { splits, notes: same ? [] : [changedNote] };
}

const changedNote =
  'These are not the images that the run was trained on: files were added, removed or moved, or other options chose them. It may have been trained on images that are test images now.';

async function findWrong(options: FindOptions): Promise<Found> {
  const { folder, config, dataset, signal, onProgress } = options;
  const { splits, notes } = imagesOfRun(options);
  const split = splits.test === undefined ? 'validation' : 'test';
  const part = splits[split];
  if (part === undefined)
    throw new UserError('DATA_LAYOUT', `${dataset.name} has neither test images nor validation images of this run.`);
  using classifier = await openClassifier(folder);
  await using source = openPixels(part.images);
  const labelled = { source, labels: part.labels, classNames: splits.classNames, nameOf: part.images.nameOf };
  const { images, hasExperts, classes, mistakes } = await findMistakes(classifier, labelled, { signal, onProgress });
  const share = images === 0 ? 0 : (100 * mistakes.length) / images;
  return {
    facts: [
      `${count(mistakes.length)} of ${imagesText(images).replace(' ', ` ${split} `)} (${share.toFixed(1)} %) are classified wrongly${epochText(classifier.epoch)}.`,
      hasExperts
        ? 'The images on which CLS and DIST disagree most come first. Their disagreement is half the sum of the absolute differences of their probabilities: 0 % for the same opinion, 100 % for opposite ones.'
        : 'This network has one classifier, so there is no opinion of CLS and DIST. The predictions with the highest probability come first.',
      ...unadapted(classifier.file),
      ...notes,
    ],
    classes: classes.flatMap(({ name, images, wrong }) => (wrong > 0 ? [{ name, images, rows: wrong }] : [])),
    rows: mistakes.map(({ index, name, label, predictions, disagreement }) => ({
      image: { index, split, name, class: label },
      row: ([image]) => ({
        ...{ kind: 'mistakes', image: image!, predictions },
        ...(disagreement !== undefined && { disagreement }),
      }),
    })),
    pictures: (rows) => withPictures(rows, { [split]: part.images }, evaluationPipeline(partOf(config))),
  };
}

/** `eval` measures the model as it was trained, and so does this list. */
function unadapted(model: string): string[] {
  if (!existsSync(adaptationFile(model))) return [];
  return [
    'These are the predictions of the model as it was trained, as "eval" measures them. The run has an adaptation (deit-lt adapt), which "predict" and "serve" apply: their predictions may differ.',
  ];
}

async function findDoubted(options: FindOptions): Promise<Found> {
  const { folder, config, dataset, signal, onProgress } = options;
  const { splits, notes } = imagesOfRun(options);
  const { classNames, seen, test } = splits;
  using classifier = await openClassifier(folder);
  const { images, agreement, errors } = await findLabelErrors(
    classifier,
    { ...dataset, classNames, train: seen, test },
    { signal, onProgress },
  );
  return {
    facts: [
      errors.length === 0
        ? `The model doubts none of the labels of ${imagesText(images)}${epochText(classifier.epoch)}.`
        : `The model doubts the labels of ${count(errors.length)} of ${imagesText(images)}${epochText(classifier.epoch)}: it is confident of another class. The least probable labels come first.`,
      `Its own prediction is the label of ${agreement.toFixed(1)} % of the images (mean over the classes); a model that is often wrong also doubts correct labels, so look at each image before you move it. The same list: ${inspectingCommand(folder, config)}.`,
      ...notes,
    ],
    classes: classesOf(errors.map(({ label }) => label)),
    rows: errors.map(({ split, index, name, label, suggested, probability, suggestedProbability }) => ({
      image: { index, split, name, class: label },
      row: ([image]) => ({
        ...{ kind: 'labels', image: image!, probability },
        suggested: { class: suggested, probability: suggestedProbability },
      }),
    })),
    pictures: (rows) =>
      withPictures(rows, { train: seen.images, test: test?.images }, evaluationPipeline(partOf(config))),
  };
}

async function findAlike(options: FindOptions): Promise<Found> {
  const { config, dataset, signal, onProgress } = options;
  const { splits, notes } = imagesOfRun(options);
  const { classNames, seen, test } = splits;
  if (test === undefined)
    throw new UserError('DATA_LAYOUT', `${dataset.name} has no test images to compare with the training images.`);
  const { pairs, images } = await findNearDuplicates(
    { ...dataset, classNames, train: seen, test },
    { signal, onProgress },
  );
  const nameOf = (label: number): string => classNames[label]!;
  const conflicting = pairs.filter(({ test, train }) => test.label !== train.label).length;
  const own = evaluationPipeline(partOf(config));
  return {
    facts: [
      pairs.length === 0
        ? `No test image looks like a training image of this run (${imagesText(images)} compared).`
        : `${imagesText(pairs.length).replace(' ', ' test ')} ${pairs.length === 1 ? 'looks' : 'look'} like a training image of this run (${imagesText(images)} compared): the same picture, or resized, compressed or cropped. On these a test measures memory. The most alike come first.`,
      ...(conflicting > 0
        ? [`${conflicting === 1 ? 'One pair has' : `${count(conflicting)} pairs have`} two different labels.`]
        : []),
      ...notes,
    ],
    classes: classesOf(pairs.map(({ test }) => nameOf(test.label))),
    rows: pairs.map(({ test, train, distance }) => ({
      image: { index: test.index, split: 'test', name: test.name, class: nameOf(test.label) },
      other: { index: train.index, split: 'train', name: train.name, class: nameOf(train.label) },
      row: ([image, other]) => ({ kind: 'duplicates', image: image!, other: other!, distance }),
    })),
    pictures: (rows) => withPictures(rows, { train: seen.images, test: test.images }, { ...own, window: wholeWindow }),
  };
}

/** `deit-lt inspect` on the images of the run. */
function inspectingCommand(folder: string, config: RunConfig): string {
  const [, data, ...words] = recordedDataWords(config);
  const { imbalance, imbalanceType } = config.recipe.data;
  const tail = imbalance === null ? [] : ['--imbalance', `${imbalance}`, '--imbalance-type', imbalanceType];
  return suggestedCommand('inspect', data!, ...words, ...tail, '--model', folder);
}

const epochText = (epoch: number | null): string =>
  epoch === null ? '' : ` by the best checkpoint (epoch ${epoch + 1})`;

/** The largest number of rows first. */
function classesOf(labels: readonly string[]): ReviewClass[] {
  const rows = new Map<string, number>();
  for (const label of labels) rows.set(label, (rows.get(label) ?? 0) + 1);
  return [...rows].map(([name, rows]) => ({ name, rows })).sort((a, b) => b.rows - a.rows);
}

type SplitImages = Partial<Record<ReviewImage['split'], Images | undefined>>;

/** Encodes the images of some rows as `pipeline` cuts them; `of` has the images that the rows' indices are for. */
async function withPictures(rows: readonly FoundRow[], of: SplitImages, pipeline: Pipeline): Promise<ReviewRow[]> {
  const wanted = rows.flatMap(({ image, other }) => (other === undefined ? [image] : [image, other]));
  const made = new Map<(typeof wanted)[number], ReviewImage>();
  for (const split of ['train', 'validation', 'test'] as const) {
    const shown = wanted.filter((image) => image.split === split);
    if (shown.length === 0) continue;
    const encoded = await readable(
      of[split]!,
      shown.map(({ index }) => index),
      pipeline,
    );
    shown.forEach(({ index: _, ...image }, i) => {
      const picture = encoded[i];
      made.set(shown[i]!, { ...image, ...(picture !== undefined && { picture }) });
    });
  }
  return rows.map(({ image, other, row }) =>
    row([made.get(image)!, ...(other === undefined ? [] : [made.get(other)!])]),
  );
}

/** Undefined for files that can no longer be read: the list stays useful when a person moves what it shows. */
async function readable(
  images: Images,
  ids: readonly number[],
  pipeline: Pipeline,
): Promise<readonly (string | undefined)[]> {
  await using source = openPixels(images);
  try {
    return await pictures(source, ids, pipeline);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    if (ids.length === 1) return [undefined];
  }
  const one: (string | undefined)[] = [];
  for (const id of ids) one.push(...(await readable(images, [id], pipeline)));
  return one;
}

const wholeWindow: Pipeline['window'] = (width, height) => ({ x: 0, y: 0, width, height, flip: false });
