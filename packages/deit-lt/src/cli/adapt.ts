/** `deit-lt adapt`: class frequencies, calibration, thresholds and conformal sets for a trained model. */
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import { adaptModel, type UnlabelledImages } from '../adaptation/adapt-model.js';
import { adaptationFile, writeAdaptation } from '../classifier/adaptation.js';
import { compareClassNames, modelOrder, orderNotes } from '../classifier/class-names.js';
import type { AnyClassifier } from '../classifier/classifier.js';
import { fileSplit } from '../data/file-split.js';
import { materialize } from '../data/image-files.js';
import { openPixels } from '../data/open-pixels.js';
import { type LabelledSource, prepareData } from '../data/prepare-data.js';
import { UserError } from '../errors.js';
import { images as imagesText } from '../format.js';
import { readWeights } from '../runs/training-state.js';
import { adaptationText } from './adaptation-text.js';
import type { CommandInput } from './command-spec.js';
import { commandWords } from './command-words.js';
import type { CliContext } from './context.js';
import { openData } from './open-data.js';
import { openAnyModel } from './open-model.js';
import type { Options } from './option-table.js';
import { findImages } from './predict-files.js';

export async function run({ args, options, context }: CommandInput): Promise<undefined> {
  using classifier = await openAnyModel(args[0]!, options);
  const reporter = await context.reporter();
  const images = await imagesOf(classifier, options, context);
  try {
    const { prior, onlyClasses, minPrecision, errorCost, coverage } = options;
    const adaptation = await adaptModel({
      ...images,
      classifier,
      ...{ prior, onlyClasses, minPrecision, errorCost, coverage },
      reporter,
      signal: context.signal,
      command: commandWords(['adapt', path.resolve(args[0]!)], options),
    });
    const file = adaptationFile(classifier.file);
    writeAdaptation(file, adaptation);
    if (options.json === true) context.printJson(adaptation);
    else context.print(adaptationText(adaptation));
    context.note(`Written to ${file}; "predict", "serve", "export" and "demo" apply it.`);
  } finally {
    for (const split of [images.calibration, images.test, images.unlabelled])
      await split?.source[Symbol.asyncDispose]();
  }
}

interface AdaptImages {
  readonly calibration: LabelledSource & { readonly name: string };
  readonly test: LabelledSource | undefined;
  readonly unlabelled: UnlabelledImages | undefined;
}

async function imagesOf(classifier: AnyClassifier, options: Options, context: CliContext): Promise<AdaptImages> {
  const { calibration, data, priorFrom } = options;
  if (calibration === undefined && data === undefined)
    throw new UserError(
      'USAGE',
      '--data is missing: the data set that the model was trained on, whose validation images are used; or give --calibration, labelled images that it was not trained on.',
    );
  if (calibration !== undefined && data !== undefined)
    throw new UserError(
      'USAGE',
      '--data and --calibration exclude each other: the images of the fit are the validation images of the training on --data, or those of --calibration.',
    );
  const unlabelled = priorFrom === undefined ? undefined : await unlabelledIn(priorFrom, classifier, options, context);
  if (calibration !== undefined)
    return { calibration: await labelledIn(calibration, classifier, options, context), test: undefined, unlabelled };
  return { ...(await ofTraining(data!, classifier, options, context)), unlabelled };
}

/** The images in `folder` that can be read; others are an error, or with `--skip-bad` left out and named. */
async function unlabelledIn(
  folder: string,
  { background }: AnyClassifier,
  { skipBad }: Options,
  context: CliContext,
): Promise<UnlabelledImages> {
  const files = await findImages([folder], process.stdin);
  const reporter = await context.reporter();
  const { images } = await materialize(fileSplit(files, new Int32Array(files.length)), {
    background,
    what: 'reading unlabelled images',
    skipBad,
    log: (line) => reporter.note(line),
    onProgress: ({ what, done, total }) => reporter.progress(what, done, total),
    signal: context.signal,
  });
  if (images.length === 0)
    throw new UserError('DATA_BAD_FILES', `--prior-from ${folder}: none of its ${files.length} images can be read.`);
  const source = openPixels(images.kind === 'files' ? { ...images, background } : images);
  return { source, images: images.length, name: folder };
}

/** All images of `data`, with labels by the model's classes. */
async function labelledIn(
  data: string,
  classifier: AnyClassifier,
  options: Options,
  context: CliContext,
): Promise<AdaptImages['calibration']> {
  const { background } = classifier;
  const dataset = await openData(data, options, context, { evaluation: true, background });
  if (dataset.test === undefined)
    throw new UserError(
      'DATA_LAYOUT',
      `--calibration ${data} has training images and no test images; name a folder that has only class folders, whose images the model was not trained on.`,
    );
  const training = dataset.train.labels.length;
  if (training > 0)
    context.note(
      `--calibration ${data} has ${imagesText(dataset.test.labels.length).replace(' ', ' test ')} and ${imagesText(training).replace(' ', ' training ')}: the fit uses the test images alone. To use others, name their folder, or choose by --test-split.`,
    );
  const order = modelOrder(classifier, dataset.classNames, { partial: true });
  for (const note of [...(classifier.notes ?? []), ...orderNotes(classifier)]) context.note(note);
  const { images, labels } = dataset.test;
  const labelled = order.labels({ labels, classNames: dataset.classNames });
  return { ...labelled, source: openPixels(images), nameOf: images.nameOf, name: data };
}

/** The validation images of the model's training, and the test images of the same data. */
async function ofTraining(
  data: string,
  classifier: AnyClassifier,
  options: Options,
  context: CliContext,
): Promise<Pick<AdaptImages, 'calibration' | 'test'>> {
  const { file, background } = classifier;
  const config = configOf(classifier);
  const dataset = await openData(data, options, context, { background });
  const { train, validation, test, name, fingerprint, classNames } = prepareData(dataset, config.recipe);
  await train.source[Symbol.asyncDispose]();
  const sameOrder = !classifier.namesKnown || compareClassNames(classifier.classNames, classNames, file) === null;
  if (fingerprint !== config.data.fingerprint || !sameOrder)
    throw new UserError(
      'RUN_FOLDER',
      `${name} has other training images than ${file} was trained on, so its validation images are not known. Give the --data and --split of that training, or --calibration.`,
    );
  if (validation === undefined)
    throw new UserError(
      'RECIPE',
      `the training of ${file} set no images aside (data.validation is 0). Give --calibration with labelled images that it was not trained on, or train with --set data.validation=0.1.`,
    );
  return { calibration: { ...validation, name: `validation images of ${name}` }, test };
}

function configOf({ file, model }: AnyClassifier) {
  if (model === undefined)
    throw new UserError(
      'USAGE',
      `${file} is an ONNX model, which does not say which images its training set aside: give --calibration.`,
    );
  try {
    return torch.tidy(() => readWeights(file)).config;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(
      'USAGE',
      `${file} does not say which images its training set aside: give the run folder of the training, or --calibration.`,
      { cause: error },
    );
  }
}
