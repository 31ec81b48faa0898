/**
 * The study of out-of-distribution distillation: trains every arm, and asks each teacher about what each of its
 * students sees. A run that was stopped resumes with `resume`; arms that are finished stay as they are.
 */
import path from 'node:path';
import { prepareData } from '../../data/prepare-data.js';
import type { AccuracyName } from '../../evaluation/class-figures.js';
import type { EvaluationResult } from '../../evaluation/evaluate.js';
import type { MetricsResult } from '../../evaluation/metrics.js';
import { writeFileAtomic } from '../../runs/files.js';
import { outputNames } from '../../runs/predictions.js';
import { silentReporter } from '../../runs/reporter.js';
import { RunFolder, readRunConfig } from '../../runs/run-folder.js';
import { type TrainOptions, type TrainResult, trainStudent, trainTeacher } from '../../training/train.js';
import {
  checkStudy,
  type Style,
  studentStyles,
  type TeacherStyle,
  teacherStyles,
  withStudent,
  withTeacher,
} from './arms.js';
import { type TeacherView, teacherView } from './teacher-view.js';

/** Accuracies in %; null where there are no images. */
export type Accuracies = Pick<MetricsResult, AccuracyName | 'intervals' | 'few'>;

export interface Trained {
  readonly folder: string;
  /**
   * Accuracy of CLS, DIST and the prediction on the test images, or on the validation images when there are none;
   * absent without any.
   */
  readonly accuracy?: { readonly [output in (typeof outputNames)[number]]?: Accuracies };
  /** Training images per second, mean over all epochs, and seconds of training, both without evaluations. */
  readonly imagesPerSecond: number;
  readonly seconds: number;
}

export interface TeacherArm extends Trained {
  readonly style: TeacherStyle;
}

export interface StudentArm extends Trained {
  readonly teacher: TeacherStyle;
  readonly style: Style;
  /** The teacher's accuracy and entropy on the training images of this student. */
  readonly teacherView: TeacherView;
}

/** The content of `ood.json`. */
export interface OodStudy {
  readonly format: 'deit-lt ood 1';
  readonly data: string;
  readonly split: 'test' | 'validation';
  readonly device: string;
  readonly teachers: readonly TeacherArm[];
  readonly students: readonly StudentArm[];
}

/**
 * Trains two teachers and six students into `folder` and writes `ood.json` there. Throws what trainings throw, and
 * UserError RECIPE.
 */
export async function runOodStudy(options: TrainOptions): Promise<OodStudy> {
  const { recipe, dataset, folder, reporter = silentReporter } = options;
  checkStudy(recipe);
  const teachers: TeacherArm[] = [];
  const students: StudentArm[] = [];
  for (const style of teacherStyles) {
    const own = withTeacher(recipe, style);
    const into = path.join(folder, `teacher-${style}`);
    const teacher = await trainTeacher({ ...options, recipe: own, folder: into });
    teachers.push({ style, ...trained(teacher) });
    for (const seen of studentStyles) {
      const of = { ...options, recipe: withStudent(own, seen, recipe) };
      const student = await trainStudent({
        ...of,
        folder: path.join(folder, `student-${seen}-of-${style}`),
        teacher: into,
      });
      reporter.note(`evaluating the ${style} teacher on ${seen} images`);
      students.push({ teacher: style, style: seen, ...trained(student), teacherView: await viewOf(of, into) });
    }
  }
  const split = dataset.test === undefined ? 'validation' : 'test';
  const device = String(readRunConfig(teachers[0]!.folder).environment.device);
  const study: OodStudy = { format: 'deit-lt ood 1', data: dataset.name, split, device, teachers, students };
  writeFileAtomic(path.join(folder, 'ood.json'), `${JSON.stringify(study, null, 2)}\n`);
  return study;
}

async function viewOf({ dataset, recipe }: TrainOptions, teacher: string): Promise<TeacherView> {
  const data = prepareData(dataset, recipe);
  try {
    return await teacherView(recipe, data, teacher);
  } finally {
    for (const split of [data.train, data.validation, data.test]) await split?.source[Symbol.asyncDispose]();
  }
}

function trained({ folder, evaluation }: TrainResult): Trained {
  const records = new RunFolder(folder).readMetrics();
  const seconds = records.reduce((sum, record) => sum + record.seconds, 0);
  const images = records.reduce((sum, record) => sum + record.imagesPerSecond * record.seconds, 0);
  return {
    folder,
    ...(evaluation && { accuracy: accuraciesOf(evaluation) }),
    imagesPerSecond: images / seconds,
    seconds,
  };
}

function accuraciesOf(evaluation: EvaluationResult): NonNullable<Trained['accuracy']> {
  const found = outputNames.flatMap((output) => {
    const metrics = evaluation[output];
    if (metrics === undefined) return [];
    const { balanced, overall, head, mid, tail, intervals, few } = metrics;
    const figures = { balanced, overall, head, mid, tail, ...(intervals && { intervals }), ...(few && { few }) };
    return [[output, figures] as const];
  });
  return Object.fromEntries(found);
}
