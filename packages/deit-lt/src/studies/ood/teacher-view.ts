/** Measures the accuracy and the entropy of a teacher on the training images of its student. */
import * as torch from '@deit-lt/torch';
import { dominant } from '../../analysis/run/teacher-stage.js';
import { teacherAnswers } from '../../analysis/teacher-answers.js';
import { mixBatch } from '../../augment/mixup.js';
import { ClassMap, requireSameOrder } from '../../by-class.js';
import { openAnyClassifier } from '../../classifier/any-classifier.js';
import { logitScale } from '../../classifier/logit-scale.js';
import { fastTeacher, teacherLogits } from '../../classifier/teacher-logits.js';
import { Loader } from '../../data/loader.js';
import type { TrainingData } from '../../data/prepare-data.js';
import { createSampler } from '../../data/samplers/registry.js';
import { accuraciesOf, talliesOf } from '../../evaluation/class-figures.js';
import { stream } from '../../random/stream.js';
import type { Recipe } from '../../recipe/schema.js';
import { mixingIn } from '../../tasks/mixing.js';
import { trainingPipeline } from '../../tasks/training-pipeline.js';

export interface TeacherView {
  readonly images: number;
  /** Accuracy in %, over images and over classes; of a mixed image the label with the larger share counts. */
  readonly accuracy: number;
  readonly balanced: number | null;
  /** Mean of `−Σ p·ln p`, in nats: 0 … ln C. Of LDAM's cosines the logits are those of its loss. */
  readonly entropy: number;
}

/** Number of images: an accuracy is then known to about 2 % (two standard errors). */
const wanted = 2048;

/**
 * Evaluates the teacher on the first images of the student's first epoch, augmented and mixed as in its training by
 * `recipe`. `teacher` is a run folder whose classes are those of the data in their order, as in a study.
 */
export async function teacherView(recipe: Recipe, data: TrainingData, teacher: string): Promise<TeacherView> {
  const { seed, student } = recipe;
  const classifier = await openAnyClassifier(teacher);
  const { device } = classifier.placement;
  const scale = logitScale(classifier);
  const order = new ClassMap(data.classNames, classifier.classNames, null);
  requireSameOrder(order.from, order.to, 'the data and the teacher of a study');
  using asked = teacherLogits(fastTeacher(classifier), { student, order });
  const loader = new Loader({
    source: data.train.source,
    labels: data.train.labels,
    pipeline: trainingPipeline(student),
    ids: firstIds(recipe, data),
    batchSize: student.batchSize,
    seed,
    device,
  });
  const plan = { mixing: student.mixing, smoothing: 0 };
  const numClasses = data.classNames.length;
  const [labels, predicted]: [number[], number[]] = [[], []];
  let [entropy, number] = [0, 0];
  for await (const batch of loader) {
    using views = batch;
    torch.tidy(() => {
      const options = { ...mixingIn(0, false, plan), numClasses, random: stream(seed, 'mix', 0, number++) };
      const mixed = mixBatch(views.images, views.labels, options);
      const answers = teacherAnswers(torch.noGrad(() => asked.logits(mixed.images)).mul(scale));
      labels.push(...dominant(views.labels, mixed.mixes));
      predicted.push(...answers.predicted);
      entropy += answers.entropy.reduce((sum, x) => sum + x, 0);
    });
  }
  const tallies = talliesOf({ labels: Int32Array.from(labels), classNames: data.classNames }, predicted);
  const { overall, balanced } = accuraciesOf(tallies, data.groups);
  return { images: labels.length, accuracy: overall, balanced, entropy: entropy / labels.length };
}

function firstIds({ seed, student }: Recipe, { train, classNames }: TrainingData): Int32Array {
  const { name, ...options } = student.sampler;
  const sampler = createSampler(name, options);
  return sampler(train.labels, classNames.length, { seed, epoch: 0 }).slice(0, wanted);
}
