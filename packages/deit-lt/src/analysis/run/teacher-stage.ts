/** The teacher's predictions on the student's images: clean, augmented, and mixed as well. */
import { existsSync } from 'node:fs';
import * as torch from '@deit-lt/torch';
import { type Mix, mixBatch } from '../../augment/mixup.js';
import { requireSameOrder } from '../../by-class.js';
import { openAnyClassifier } from '../../classifier/any-classifier.js';
import { teacherOrder } from '../../classifier/class-names.js';
import type { AnyClassifier } from '../../classifier/classifier.js';
import { logitScale } from '../../classifier/logit-scale.js';
import { fastTeacher, type TeacherLogits, teacherLogits } from '../../classifier/teacher-logits.js';
import { Loader } from '../../data/loader.js';
import { accuraciesOf, talliesOf } from '../../evaluation/class-figures.js';
import { nextTurn } from '../../next-turn.js';
import { isOnnx } from '../../onnx/onnx-files.js';
import { stream } from '../../random/stream.js';
import type { StudentRecipe } from '../../recipe/schema.js';
import { trainingPipeline } from '../../tasks/training-pipeline.js';
import { mixAlike } from '../../tasks/views.js';
import { summarise, type TeacherAnswers, teacherAnswers } from '../teacher-answers.js';
import { byGroup, type TeacherAnalysis } from './analysis-file.js';
import type { Subject } from './subject.js';

/** Images on which the teacher is evaluated: shares are then known to about 2 %. */
const wanted = 512;
const batchSize = 64;

/** The teacher of a student, as its training asked it; undefined for other models and where it is gone. */
export interface TeacherHandle extends TeacherLogits {
  readonly run: string;
  readonly recipe: AnyClassifier['recipe'];
  /** Logit scale (inverse temperature): factor of the logits before the softmax. */
  readonly scale: number;
}

/** Its logits are in the order of the student's classes, `countsBefore.classNames`. */
export async function openTeacher({
  config,
  countsBefore,
  place = {},
}: Pick<Subject, 'config' | 'countsBefore'> & Partial<Pick<Subject, 'place'>>): Promise<TeacherHandle | undefined> {
  if (config.kind !== 'student' || config.teacher === null || !existsSync(config.teacher)) return undefined;
  const teacher = await openAnyClassifier(config.teacher, {
    recipe: config.recipe,
    ...(isOnnx(config.teacher) ? {} : place),
  });
  try {
    const { student } = config.recipe;
    const order = teacherOrder(student.distillation.mapTargets, {
      teacher: teacher.classNames,
      data: countsBefore.classNames,
      trainCounts: countsBefore,
      file: teacher.file,
      namesKnown: teacher.namesKnown,
    });
    const { recipe } = teacher;
    const logits = teacherLogits(fastTeacher(teacher), { student, order });
    return { ...logits, run: config.teacher, recipe, scale: logitScale(teacher) };
  } catch (error) {
    teacher[Symbol.dispose]();
    throw error;
  }
}

/** A note where figures of the teacher are missing. */
export function teacherNote({ config }: Pick<Subject, 'config'>): string[] {
  if (config.kind !== 'student' || config.teacher === null || existsSync(config.teacher)) return [];
  return [`The teacher, ${config.teacher}, does not exist any more, so its predictions are not analysed.`];
}

/**
 * Asks `teacher` about a sample of the training images, with as many of each class as there are. Throws the signal's reason
 * when it is aborted.
 */
export async function teacherStage(
  subject: Subject,
  teacher: TeacherHandle,
  signal?: AbortSignal,
): Promise<TeacherAnalysis> {
  const { config, classifier, classNames, groups, train } = subject;
  requireSameOrder(teacher.classNames, classNames, 'the logits of the teacher and the student');
  requireSameOrder(train.classNames, classNames, 'the training images and the student');
  const { seed, student } = config.recipe;
  const ids = balancedSample(train.labels, classNames.length, seed);
  const plain = { ...student, multiCrop: null };
  const own = (student.distillation.teacherAugment ?? null) !== null;
  const pipeline = trainingPipeline(plain, own ? teacher.recipe : undefined);
  const askView = (images: torch.Tensor, view: torch.Tensor | undefined): torch.Tensor =>
    (view === undefined ? teacher.logits(images) : teacher.logitsOfOwn(view)).mul(teacher.scale);
  const askAll = (seenBy: typeof pipeline, question: Question) => ask(subject, ids, seenBy, question, signal);
  const clean = await askAll(classifier.pipeline, (images) => ({ logits: askView(images, undefined) }));
  const augmented = await askAll(pipeline, (images, view) => ({ logits: askView(images, view) }));
  const mixed = mixes(student)
    ? await askAll(pipeline, (images, view, labels, batch) => {
        const { images: both, mixes: how } = mixBatch(images, labels, mixOptions(subject, batch));
        const other = view && mixAlike(view, how, images.size(3));
        return { logits: askView(both, other), labels: dominant(labels, how) };
      })
    : undefined;
  const accuracy = ({ answers: { predicted }, labels }: Asked) =>
    accuraciesOf(talliesOf({ labels, classNames }, predicted), groups);
  const summary = ({ answers, labels }: Asked) =>
    byGroup(groups, (takes) =>
      summarise(answers, { labels, clean: clean.answers.predicted }, (i) => takes(labels[i]!)),
    );
  return {
    run: teacher.run,
    images: ids.length,
    accuracy: { clean: accuracy(clean), augmented: accuracy(augmented), ...(mixed && { mixed: accuracy(mixed) }) },
    clean: summary(clean),
    augmented: summary(augmented),
    ...(mixed && { mixed: summary(mixed) }),
  };
}

const mixes = ({ mixing }: StudentRecipe): boolean =>
  (mixing.mixup > 0 || mixing.cutmix > 0 || mixing.cutmixMinMax !== null) && mixing.probability > 0;

function mixOptions({ config, classNames }: Subject, batch: number) {
  const { mode, mixup, cutmix, cutmixMinMax, switchProbability, correctLambda } = config.recipe.student.mixing;
  return {
    numClasses: classNames.length,
    mode,
    mixupAlpha: mixup,
    cutmixAlpha: cutmix,
    cutmixMinMax: cutmixMinMax ?? undefined,
    switchProbability,
    correctLambda,
    random: stream(config.recipe.seed, 'mix', 0, batch),
  };
}

/** The label with the larger share of each mixed image; its partner is at the mirrored place. */
export function dominant(labels: Int32Array, mixes: readonly Mix[]): Int32Array {
  return labels.map((label, i) => {
    const { lambda } = mixes.length === 1 ? mixes[0]! : mixes[i]!;
    return lambda >= 0.5 ? label : labels[labels.length - 1 - i]!;
  });
}

interface Asked {
  readonly answers: TeacherAnswers;
  readonly labels: Int32Array;
}

type Question = (
  images: torch.Tensor,
  view: torch.Tensor | undefined,
  labels: Int32Array,
  batch: number,
) => { logits: torch.Tensor; labels?: Int32Array };

async function ask(
  { train: { source, labels }, config, classifier: { placement } }: Subject,
  ids: Int32Array,
  pipeline: ReturnType<typeof trainingPipeline>,
  question: Question,
  signal: AbortSignal | undefined,
): Promise<Asked> {
  const { device } = placement;
  const loader = new Loader({ source, labels, pipeline, ids, batchSize, seed: config.recipe.seed, device });
  const parts: Asked[] = [];
  for await (const batch of loader) {
    using views = batch;
    signal?.throwIfAborted();
    const number = parts.length;
    const part = torch.tidy(() =>
      torch.noGrad(() => {
        const asked = question(views.images, views.more[0], views.labels, number);
        return { answers: teacherAnswers(asked.logits), labels: asked.labels ?? views.labels };
      }),
    );
    parts.push(part);
    await nextTurn();
  }
  return joined(parts);
}

function joined(parts: readonly Asked[]): Asked {
  const all = (of: (part: Asked) => ArrayLike<number>): number[] => parts.flatMap((part) => Array.from(of(part)));
  return {
    labels: Int32Array.from(all(({ labels }) => labels)),
    answers: {
      predicted: Int32Array.from(all(({ answers }) => answers.predicted)),
      entropy: Float32Array.from(all(({ answers }) => answers.entropy)),
      confidence: Float32Array.from(all(({ answers }) => answers.confidence)),
    },
  };
}

/** Images drawn at random, equally many of each class as far as it has them; about `wanted`, at least one of each. */
export function balancedSample(labels: Int32Array, classes: number, seed: number): Int32Array {
  const ofClass: number[][] = Array.from({ length: classes }, () => []);
  labels.forEach((label, id) => {
    ofClass[label]!.push(id);
  });
  const each = Math.max(1, Math.ceil(wanted / classes));
  const drawn = ofClass.flatMap((ids, c) => stream(seed, 'draw', 0, c).shuffle(ids).slice(0, each));
  // A batch of one class would be mixed with itself.
  return Int32Array.from(stream(seed, 'draw', 1).shuffle(drawn));
}
