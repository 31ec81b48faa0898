/** What an analysis looks at: a model of a run, with the images that it was trained on and is measured on. */
import path from 'node:path';
import { compareClassNames } from '../../classifier/class-names.js';
import { type Classifier, type OpenClassifierOptions, openClassifier } from '../../classifier/classifier.js';
import type { Dataset } from '../../data/dataset.js';
import { type LabelledSource, prepareData, type TrainingData } from '../../data/prepare-data.js';
import { UserError } from '../../errors.js';
import { sha256Of } from '../../runs/files.js';
import { hashOfImages } from '../../runs/predictions.js';
import { type RunConfig, readRunConfig } from '../../runs/run-folder.js';

export interface Subject extends AsyncDisposable {
  readonly folder: string;
  readonly config: RunConfig;
  readonly classifier: Classifier;
  /** Where and in which precision the teacher is evaluated too, where that is not as its own run says. */
  readonly place: Pick<OpenClassifierOptions, 'device' | 'precision'>;
  readonly checkpoint: { readonly file: string; readonly epoch: number; readonly sha256: string };
  /** Training images after the long tail and the validation split; labels are the model's. */
  readonly train: LabelledSource;
  /** What is measured on. */
  readonly evaluated: LabelledSource & { readonly split: 'test' | 'validation'; readonly imagesSha256: string };
  readonly dataName: string;
  readonly notes: readonly string[];
}

/**
 * Opens the model of the run folder `folder` with its data. Throws UserError for classes that are not the model's
 * (DATA_CLASSES), data without images to measure on (DATA_LAYOUT), and what `openClassifier` and `prepareData` throw.
 */
export async function openSubject(
  folder: string,
  dataset: Dataset,
  options: OpenClassifierOptions = {},
): Promise<Subject> {
  const config = readRunConfig(folder);
  const classifier = await openClassifier(folder, options);
  try {
    const data = prepareData(dataset, config.recipe);
    const order = compareClassNames(classifier.classNames, data.classNames, classifier.file); // data.classOrder moves them
    return {
      folder,
      config,
      classifier,
      place: placeOf(classifier, options),
      checkpoint: {
        file: path.relative(folder, classifier.file),
        epoch: classifier.epoch ?? 0,
        sha256: sha256Of(classifier.file),
      },
      train: withOrder(data.train, order),
      evaluated: evaluatedOf(data, order, classifier.classNames),
      dataName: dataset.name,
      notes: otherImages(config, data),
      [Symbol.asyncDispose]: async () => {
        classifier[Symbol.dispose]();
        for (const split of [data.train, data.validation, data.test]) await split?.source[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    classifier[Symbol.dispose]();
    throw error;
  }
}

/** The data's class c is the model's class `order[c]`. */
function withOrder(split: LabelledSource, order: Int32Array | null): LabelledSource {
  return order === null ? split : { ...split, labels: split.labels.map((label) => order[label]!) };
}

function evaluatedOf(
  data: TrainingData,
  order: Int32Array | null,
  classNames: readonly string[],
): Subject['evaluated'] {
  const found = data.test ?? data.validation;
  if (found === undefined)
    throw new UserError(
      'DATA_LAYOUT',
      `${data.name} has no test images. Add a test folder, or give the --split with which the model was trained.`,
    );
  const split = withOrder(found, order);
  return {
    ...split,
    split: data.test ? 'test' : 'validation',
    imagesSha256: hashOfImages(split.nameOf, split.labels, classNames),
  };
}

function otherImages(config: RunConfig, data: TrainingData): string[] {
  if (data.fingerprint === config.data.fingerprint) return [];
  return [
    `The training images of ${data.name} are not those that the model was trained on: what is measured on training images (teacher, sharpness) is of other images. Give the same --data and --split as in the training.`,
  ];
}

function placeOf({ placement }: Classifier, { precision, settings = [] }: OpenClassifierOptions): Subject['place'] {
  const isAsked = precision !== undefined || settings.length > 0;
  return isAsked ? { device: placement.device, precision: placement.precision } : {};
}
