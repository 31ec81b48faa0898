/** The subject of an analysis: a model of a run, with its training images and the images for the measures. */
import path from 'node:path';
import { type ByClass, byClass, type ClassMap } from '../../by-class.js';
import { modelOrder, orderNotes } from '../../classifier/class-names.js';
import { type Classifier, type OpenClassifierOptions, openClassifier } from '../../classifier/classifier.js';
import { modelGroups } from '../../classifier/model-groups.js';
import type { Dataset } from '../../data/dataset.js';
import type { Group } from '../../data/groups.js';
import { type LabelledSource, prepareData, type TrainingData } from '../../data/prepare-data.js';
import { UserError } from '../../errors.js';
import { sha256Of } from '../../runs/files.js';
import { hashOfImages } from '../../runs/predictions.js';
import { type RunConfig, readRunConfig } from '../../runs/run-folder.js';

export interface Subject extends AsyncDisposable {
  readonly folder: string;
  readonly config: RunConfig;
  readonly classifier: Classifier;
  /** Device and precision of the teacher's evaluation too, where they differ from those of its own run. */
  readonly place: Pick<OpenClassifierOptions, 'device' | 'precision'>;
  /** Its classes in the order of its outputs; of a model that does not name them, by the names of the data. */
  readonly classNames: readonly string[];
  /** Groups in that order. */
  readonly groups: ByClass<Group>;
  readonly trainCounts: ByClass<number>;
  /** `RunConfig.data.countsBefore`. */
  readonly countsBefore: ByClass<number>;
  readonly checkpoint: { readonly file: string; readonly epoch: number; readonly sha256: string };
  /** Training images after the long tail and the validation split; labels are the model's. */
  readonly train: LabelledSource;
  /** The images for the measures. */
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
    // Of the prepared data, not of `dataset`: data.classOrder may have renumbered the classes.
    const order = modelOrder(classifier, data.classNames);
    const { to: classNames } = order;
    return {
      folder,
      config,
      classifier,
      place: placeOf(classifier, options),
      classNames,
      groups: modelGroups(classifier, dataset, order),
      trainCounts: byClass(classNames, classifier.trainCounts),
      countsBefore: byClass(classNames, config.data.countsBefore ?? classifier.trainCounts),
      checkpoint: {
        file: path.relative(folder, classifier.file),
        epoch: classifier.epoch ?? 0,
        sha256: sha256Of(classifier.file),
      },
      train: order.labels(data.train),
      evaluated: evaluatedOf(data, order),
      dataName: dataset.name,
      notes: [...orderNotes(classifier), ...otherImages(config, data)],
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

function evaluatedOf(data: TrainingData, order: ClassMap): Subject['evaluated'] {
  const found = data.test ?? data.validation;
  if (found === undefined)
    throw new UserError(
      'DATA_LAYOUT',
      `${data.name} has no test images. Add a test folder, or give the --split with which the model was trained.`,
    );
  const split = order.labels(found);
  return {
    ...split,
    split: data.test ? 'test' : 'validation',
    imagesSha256: hashOfImages(split.nameOf, split.labels, split.classNames),
  };
}

function otherImages(config: RunConfig, data: TrainingData): string[] {
  if (data.fingerprint === config.data.fingerprint) return [];
  return [
    `The training images of ${data.name} are not those that the model was trained on: the measures on training images (teacher, sharpness) are therefore of other images. Give the same --data and --split as in the training.`,
  ];
}

function placeOf({ placement }: Classifier, { precision, settings = [] }: OpenClassifierOptions): Subject['place'] {
  const isAsked = precision !== undefined || settings.length > 0;
  return isAsked ? { device: placement.device, precision: placement.precision } : {};
}
