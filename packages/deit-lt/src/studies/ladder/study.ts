/**
 * A ladder of changes to a recipe: the recipe as it is, then with the first change, then with the second too, and so on.
 * Every rung is trained with the same seeds, so that the difference between two rungs is paired by seed. A study that was
 * stopped resumes with `resume`; finished trainings stay as they are.
 */
import path from 'node:path';
import type { AccuracyName } from '../../evaluation/class-figures.js';
import type { EvaluationResult } from '../../evaluation/evaluate.js';
import type { Recipe } from '../../recipe/schema.js';
import { writeFileAtomic } from '../../runs/files.js';
import { silentReporter } from '../../runs/reporter.js';
import { RunFolder } from '../../runs/run-folder.js';
import { type TrainOptions, trainStudent, trainTeacher } from '../../training/train.js';
import { type Estimate, estimateOf } from './estimate.js';

/** A rung and its complete recipe; the seed is set by the study. */
export interface Rung {
  readonly name: string;
  readonly recipe: Recipe;
}

/** The student of one rung and one seed. */
export interface RungRun {
  readonly seed: number;
  readonly folder: string;
  readonly teacher: string;
  /** Seconds of training, without evaluations. */
  readonly seconds: number;
  /** Accuracies of the prediction in %; null where there are no images. */
  readonly accuracy: Readonly<Record<AccuracyName, number | null>>;
  /** Balanced accuracies of CLS and DIST in %. */
  readonly cls: number | null;
  readonly dist: number | null;
  /** Balanced accuracy of the teacher in %. */
  readonly teacherAccuracy: number | null;
}

export interface RungResult {
  readonly name: string;
  readonly runs: readonly RungRun[];
  /** Balanced accuracy over the seeds. */
  readonly balanced: Estimate;
  /** Difference to the rung below, over the seeds; null for the first. */
  readonly change: Estimate | null;
}

/** The content of `ladder.json`. */
export interface LadderStudy {
  readonly format: 'deit-lt ladder 1';
  readonly data: string;
  readonly split: 'test' | 'validation';
  readonly seeds: readonly number[];
  readonly rungs: readonly RungResult[];
}

/**
 * Trains every rung with every seed into `folder` and writes `ladder.json` there. A teacher is trained once for all rungs
 * that have the same. Throws what trainings throw.
 */
export async function runLadder(
  options: Omit<TrainOptions, 'recipe'>,
  rungs: readonly Rung[],
  seeds: readonly number[],
): Promise<LadderStudy> {
  const runs: RungRun[][] = rungs.map(() => []);
  for (const [s, seed] of seeds.entries()) {
    const teachers = new Map<string, Teacher>();
    for (const [i, rung] of rungs.entries())
      runs[i]!.push(await runRung(options, { rung, place: `${i + 1}-${s + 1}`, seed, teachers }));
  }
  const results = rungs.map(({ name }, i) => resultOf(name, runs[i]!, runs[i - 1]));
  const { dataset, folder } = options;
  const split = dataset.test === undefined ? 'validation' : 'test';
  const study: LadderStudy = { format: 'deit-lt ladder 1', data: dataset.name, split, seeds, rungs: results };
  writeFileAtomic(path.join(folder, 'ladder.json'), `${JSON.stringify(study, null, 2)}\n`);
  return study;
}

interface Teacher {
  readonly folder: string;
  readonly balanced: number | null;
}

interface RungPlace {
  readonly rung: Rung;
  /** Number of the rung and of the seed, from 1, as in the names of the folders. */
  readonly place: string;
  readonly seed: number;
  /** The teachers of one seed, by the recipe of their training. */
  readonly teachers: Map<string, Teacher>;
}

async function runRung(
  options: Omit<TrainOptions, 'recipe'>,
  { rung, place, seed, teachers }: RungPlace,
): Promise<RungRun> {
  const recipe = { ...rung.recipe, seed };
  const into = (name: string): string => path.join(options.folder, `${name}-${place}`);
  const { reporter = silentReporter } = options;
  const { data, precision, device, teacher: part } = recipe;
  const key = JSON.stringify({ data, precision, device, part });
  let teacher = teachers.get(key);
  if (teacher === undefined) {
    const { folder, evaluation } = await trainTeacher({ ...options, recipe, folder: into('teacher') });
    teacher = { folder, balanced: evaluation?.avg.balanced ?? null };
    teachers.set(key, teacher);
  }
  reporter.note(`ladder: "${rung.name}", seed ${seed}`);
  const student = await trainStudent({ ...options, recipe, folder: into('student'), teacher: teacher.folder });
  const seconds = new RunFolder(student.folder).readMetrics().reduce((sum, record) => sum + record.seconds, 0);
  const figures = figuresOf(student.evaluation);
  return {
    seed,
    folder: student.folder,
    teacher: teacher.folder,
    seconds,
    teacherAccuracy: teacher.balanced,
    ...figures,
  };
}

function figuresOf(evaluation: EvaluationResult | undefined): Pick<RungRun, 'accuracy' | 'cls' | 'dist'> {
  const { balanced = null, overall = null, head = null, mid = null, tail = null } = evaluation?.avg ?? {};
  const accuracy = { balanced, overall, head, mid, tail };
  return { accuracy, cls: evaluation?.cls?.balanced ?? null, dist: evaluation?.dist?.balanced ?? null };
}

function resultOf(name: string, runs: readonly RungRun[], below: readonly RungRun[] | undefined): RungResult {
  const balanced = runs.map(({ accuracy }) => accuracy.balanced);
  const differences = balanced.map((value, s) => {
    const other = below?.[s]?.accuracy.balanced ?? null;
    return value === null || other === null ? null : value - other;
  });
  return { name, runs, balanced: estimateOf(balanced), change: below === undefined ? null : estimateOf(differences) };
}
