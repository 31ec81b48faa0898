/**
 * Training images as a run sees them: as they are, through its augmentation, and mixed; with what the label says then,
 * and what the teacher says. The work of `training` itself, on a few images of each group.
 */

import * as torch from '@deit-lt/torch';
import { picturesOfBatch } from '../analysis/run/pictures.js';
import { openTeacher, type TeacherHandle, teacherNote } from '../analysis/run/teacher-stage.js';
import { type Mix, mixBatch } from '../augment/mixup.js';
import { type ByClass, byClass } from '../by-class.js';
import { modelOrder } from '../classifier/class-names.js';
import { evaluationPipeline } from '../classifier/classifier.js';
import type { Dataset } from '../data/dataset.js';
import { groupNames } from '../data/groups.js';
import { type Batch, Loader } from '../data/loader.js';
import { type LabelledSource, prepareData, type TrainingData } from '../data/prepare-data.js';
import { opinions } from '../evaluation/ranking.js';
import { stream } from '../random/stream.js';
import { partOf } from '../recipe/part.js';
import type { RunConfig } from '../runs/run-folder.js';
import { mixingIn } from '../tasks/mixing.js';
import { trainingPipeline } from '../tasks/training-pipeline.js';
import { mixAlike } from '../tasks/views.js';
import type { TrainingForm, TrainingImage, TrainingImages } from './run-view.js';

export interface TrainingImagesOptions {
  /** Seed of the images, crops and mixtures: another number gives others. Default 0. */
  readonly draw?: number;
}

/** Images of each group. */
const perGroup = 4;
/** Images that are mixed with each other; each pair draws how, so that there is some of each. */
const batchSize = 2;
/** Answers of the teacher that are shown. */
const answers = 3;

/** Throws UserError DATA_CLASSES for data of other classes, and what the data and the teacher's checkpoint throw. */
export async function trainingImages(
  config: RunConfig,
  dataset: Dataset,
  { draw = 0 }: TrainingImagesOptions = {},
): Promise<TrainingImages> {
  const data = prepareData(dataset, config.recipe);
  try {
    const train = ofRun(config, dataset.name, data);
    using teacher = await openTeacher({ config, countsBefore: countsBefore(config) });
    const ids = chooseImages(train.labels, config, draw);
    const forms = await formsOf({ config, train, teacher, ids, draw });
    const notes = [
      ...teacherNote({ config }),
      ...(data.fingerprint === config.data.fingerprint
        ? []
        : ['These are not the training images of the run: give the same --data and --split.']),
    ];
    return { images: Array.from(ids, (id, i) => shown(config, train, id, forms[i]!)), notes };
  } finally {
    for (const split of [data.train, data.validation, data.test]) await split?.source[Symbol.asyncDispose]();
  }
}

/** The training images by the class numbers of the run. Throws UserError DATA_CLASSES for data of other classes. */
function ofRun(
  { data: { classNames, namesUnknown = false } }: RunConfig,
  file: string,
  data: TrainingData,
): LabelledSource {
  return modelOrder({ classNames, namesKnown: !namesUnknown, file: `the run on ${file}` }, data.classNames).labels(
    data.train,
  );
}

/** Returns the class counts that the training used. */
const countsBefore = ({ data }: RunConfig): ByClass<number> =>
  byClass(data.classNames, data.countsBefore ?? data.trainCounts);

function shown(
  { data }: RunConfig,
  { labels, nameOf }: LabelledSource,
  id: number,
  forms: TrainingForm[],
): TrainingImage {
  const label = labels[id]!;
  return { name: nameOf(id), class: data.classNames[label]!, group: data.groups[label]!, forms };
}

/** Some of each group, of as many classes as there are; neighbours are of different groups, for the mixing. */
function chooseImages(labels: Int32Array, { data }: RunConfig, draw: number): Int32Array {
  const random = stream(draw, 'draw', 2);
  const ofClass = new Map<number, number[]>();
  labels.forEach((label, id) => {
    const ids = ofClass.get(label) ?? [];
    ofClass.set(label, ids);
    ids.push(id);
  });
  const chosen = groupNames.map((group) => {
    const classes = [...ofClass.keys()].filter((c) => data.groups[c] === group);
    if (classes.length === 0) return [];
    random.shuffle(classes);
    return Array.from({ length: perGroup }, (_, i) => {
      const ids = ofClass.get(classes[i % classes.length]!)!;
      return ids[random.int(ids.length)]!;
    });
  });
  const mixed = Array.from({ length: perGroup }, (_, i) => chosen.flatMap((ids) => ids.slice(i, i + 1)));
  return Int32Array.from(mixed.flat());
}

interface Asked {
  readonly config: RunConfig;
  readonly train: LabelledSource;
  readonly teacher: TeacherHandle | undefined;
  readonly ids: Int32Array;
  readonly draw: number;
}

/** The forms of each image. */
async function formsOf(asked: Asked): Promise<TrainingForm[][]> {
  const { config, teacher } = asked;
  const part = partOf(config);
  const own = teacher !== undefined && (config.recipe.student.distillation.teacherAugment ?? null) !== null;
  const pipeline = trainingPipeline({ ...part, multiCrop: null }, own ? teacher.recipe : undefined);
  const clean: TrainingForm[] = [];
  const augmented: TrainingForm[] = [];
  const mixed: TrainingForm[] = [];
  for await (using batch of loaderOf(asked, evaluationPipeline(part)))
    clean.push(...(await formOf(asked, { form: 'clean', images: batch.images, labels: labelsOf(asked, batch) })));
  let number = 0;
  for await (using batch of loaderOf(asked, pipeline)) {
    const view = own ? batch.more[0] : undefined;
    const plain = { form: 'augmented', images: batch.images, view, labels: labelsOf(asked, batch) } as const;
    augmented.push(...(await formOf(asked, plain)));
    using both = mixedOf(asked, batch, view, number++);
    if (both !== undefined) mixed.push(...(await formOf(asked, both)));
  }
  return clean.map((form, i) => [form, augmented[i]!, ...mixed.slice(i, i + 1)]);
}

function loaderOf({ config, train, ids, draw }: Asked, pipeline: ReturnType<typeof trainingPipeline>): Loader {
  const { source, labels } = train;
  return new Loader({ source, labels, pipeline, ids, batchSize, seed: config.recipe.seed, epoch: draw });
}

type Label = TrainingForm['label'];

const labelsOf = ({ config }: Asked, { labels }: Batch): Label[] =>
  Array.from(labels, (label) => [{ class: config.data.classNames[label]!, share: 1 }]);

interface FormBatch {
  readonly form: TrainingForm['form'];
  /** The student's images. */
  readonly images: torch.Tensor;
  /** The images that are made only for the teacher. */
  readonly view?: torch.Tensor | undefined;
  readonly labels: readonly Label[];
  readonly mixing?: readonly TrainingForm['mixing'][];
}

async function formOf(
  { config, teacher }: Asked,
  { form, images, view, labels, mixing }: FormBatch,
): Promise<TrainingForm[]> {
  const part = partOf(config);
  const pictures = await picturesOfBatch(view ?? images, view === undefined ? part : teacher!.recipe);
  const guesses = teacher && torch.tidy(() => torch.noGrad(() => guessesOf(config, teacher, { images, view })));
  return pictures.map((picture, i) => ({
    form,
    picture,
    label: labels[i]!,
    ...(mixing && { mixing: mixing[i] }),
    ...(guesses && { teacher: guesses[i]! }),
  }));
}

function guessesOf(
  { data }: RunConfig,
  teacher: TeacherHandle,
  { images, view }: Pick<FormBatch, 'images' | 'view'>,
): NonNullable<TrainingForm['teacher']>[] {
  const logits = (view === undefined ? teacher.logits(images) : teacher.logitsOfOwn(view)).mul(teacher.scale);
  return opinions({ avg: logits }, answers, data.classNames).map(({ top }) => [...top]);
}

/** The batch mixed, as the recipe does when it mixes; undefined for recipes that never do. */
function mixedOf(
  { config, draw }: Asked,
  { images, labels }: Batch,
  view: torch.Tensor | undefined,
  number: number,
): (FormBatch & Disposable) | undefined {
  const { mixing } = partOf(config);
  if (mixing === null || mixing.probability === 0) return undefined;
  if (mixing.mixup === 0 && mixing.cutmix === 0 && mixing.cutmixMinMax === null) return undefined;
  const always = mixingIn(0, false, { mixing: { ...mixing, probability: 1 }, smoothing: 0 });
  const random = stream(config.recipe.seed, 'mix', draw, number);
  const { classNames } = config.data;
  const both = mixBatch(images, labels, { ...always, numClasses: classNames.length, random });
  both.targets.dispose();
  const other = view && mixAlike(view, both.mixes, images.size(3));
  const mixOf = (i: number): Mix => both.mixes[both.mixes.length === 1 ? 0 : i]!;
  const kindOf = ({ kind }: Mix): TrainingForm['mixing'] => (kind === 'mixup' || kind === 'cutmix' ? kind : undefined);
  return {
    form: 'mixed',
    images: both.images,
    view: other,
    labels: Array.from(labels, (label, i) => sharesOf(classNames, label, labels.at(-1 - i)!, mixOf(i).lambda)),
    mixing: Array.from(labels, (_, i) => kindOf(mixOf(i))),
    [Symbol.dispose]: () => {
      both.images.dispose();
      other?.dispose();
    },
  };
}

function sharesOf(classNames: readonly string[], own: number, partner: number, lambda: number): Label {
  if (own === partner) return [{ class: classNames[own]!, share: 1 }];
  const shares = [
    { class: classNames[own]!, share: lambda },
    { class: classNames[partner]!, share: 1 - lambda },
  ];
  return shares.filter(({ share }) => share > 0).sort((a, b) => b.share - a.share);
}
