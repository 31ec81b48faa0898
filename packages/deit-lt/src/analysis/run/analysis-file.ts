/** `analysis.json` in a run folder: all that `deit-lt analyze` measured of a model. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { ByClass } from '../../by-class.js';
import { type Group, groupNames } from '../../data/groups.js';
import { UserError } from '../../errors.js';
import type { Accuracies, ClassFigures } from '../../evaluation/class-figures.js';
import { passMachineFault } from '../../machine-fault.js';
import type { TrainingKind } from '../../recipe/training-kind.js';
import { writeFileAtomic } from '../../runs/files.js';
import type { OutputName } from '../../runs/predictions.js';
import { checked, readJson } from '../../runs/read-json.js';
import { suggestedCommand } from '../../suggested-command.js';
import type { Calibration } from '../calibration.js';
import type { ExpertAgreement } from '../expert-agreement.js';
import type { Sharpness } from '../sharpness.js';
import type { AnswerSummary } from '../teacher-answers.js';
import { analysis1Schema, analysisSchema } from './analysis-schema.js';

/** A figure of all images, and of those of each group of classes: over images, and so no accuracy. */
export type ByGroup<T> = Readonly<Record<'all' | Group, T>>;

/** A figure for all images and for each group; `takes` says whether a class belongs to it. */
export function byGroup<T>(groups: ByClass<Group>, of: (takes: (label: number) => boolean) => T): ByGroup<T> {
  const entries = groupNames.map((group) => [group, of((label) => groups[label] === group)]);
  return { all: of(() => true), ...Object.fromEntries(entries) } as ByGroup<T>;
}

/** Measures of one output on the evaluated images. */
export interface OutputAnalysis {
  /** Accuracies in %, as defined in `evaluation/class-figures.ts`. */
  readonly accuracy: ClassFigures;
  readonly calibration: ByGroup<Calibration>;
  /** Spearman's ρ between training images and accuracy over the classes. */
  readonly countCorrelation: number | null;
}

/** Rank of one token's features after one block (from 0), on the images of one group. */
export interface RankEntry {
  readonly block: number;
  readonly token: 'cls' | 'dist';
  readonly group: 'all' | Group;
  readonly images: number;
  /** Directions for 99 % of the variance. */
  readonly rank: number;
  /** exp(entropy) of the singular values. */
  readonly entropyRank: number;
}

export interface AttentionAnalysis {
  readonly patchSize: number;
  readonly grid: readonly [rows: number, columns: number];
  /** Mean attention distance in pixels, by block, then head. */
  readonly raw: readonly (readonly number[])[];
  readonly renormalised: readonly (readonly number[])[];
}

/** The same images as the teacher sees them. */
export type TeacherView = 'clean' | 'augmented' | 'mixed';

export interface TeacherAnalysis {
  readonly run: string;
  /** Training images that were used: as many of each class as there are, up to a limit. */
  readonly images: number;
  /** Accuracies of the teacher on these images, in %; for a mixed image the label with the larger share counts. */
  readonly accuracy: { readonly [view in TeacherView]?: Accuracies };
  readonly clean: ByGroup<AnswerSummary | null>;
  readonly augmented: ByGroup<AnswerSummary | null>;
  /** Absent when the recipe mixes nothing. */
  readonly mixed?: ByGroup<AnswerSummary | null>;
}

/** A predicted class with its probability. */
export interface Guess {
  readonly class: number;
  /** 0 … 1 */
  readonly probability: number;
}

export interface ShownImage {
  /** Place in the split, from 0, and where it came from. */
  readonly image: number;
  readonly name: string;
  /** A `data:` address: the image as the network sees it, not normalised. */
  readonly picture: string;
  readonly label: number;
  readonly guesses: Readonly<Partial<Record<OutputName | 'teacher', Guess>>>;
}

export interface GalleryItem extends ShownImage {
  /** Rollout from the token to each patch, row by row. */
  readonly maps: Readonly<Partial<Record<'cls' | 'dist', readonly number[]>>>;
}

/** A class that is often taken for another. */
export interface ConfusedClass {
  readonly class: number;
  readonly images: number;
  readonly accuracy: number;
  /** Classes that are predicted instead, most frequent first. */
  readonly takenFor: readonly { readonly class: number; readonly images: number }[];
  readonly examples: readonly ShownImage[];
}

export interface Analysis {
  readonly format: 'deit-lt analysis 2';
  readonly kind: TrainingKind;
  /** Relative to the run folder; epoch from 0. */
  readonly checkpoint: { readonly file: string; readonly epoch: number; readonly sha256: string };
  readonly data: {
    readonly name: string;
    readonly split: 'test' | 'validation';
    readonly images: number;
    readonly imagesSha256: string;
    /** Class names in the order of all class numbers, and the groups; absent in files of earlier versions. */
    readonly classNames?: readonly string[];
    readonly groups?: readonly Group[];
  };
  readonly outputs: { readonly avg: OutputAnalysis; readonly cls?: OutputAnalysis; readonly dist?: OutputAnalysis };
  /** Only for students: agreement of CLS and DIST. */
  readonly experts?: ByGroup<ExpertAgreement>;
  /** `1 −` the mean cosine of CLS and DIST features. */
  readonly cosineDistance?: ByGroup<number | null>;
  /** Only for transformers. */
  readonly ranks?: readonly RankEntry[];
  readonly attention?: AttentionAnalysis;
  /** Only for students whose teacher still exists. */
  readonly teacher?: TeacherAnalysis;
  /** Only for teachers: on `images` clean training images. */
  readonly sharpness?: Sharpness & { readonly images: number };
  readonly gallery: readonly GalleryItem[];
  readonly confused: readonly ConfusedClass[];
  /** Warnings and remarks about the measures. */
  readonly notes: readonly string[];
}

const name = 'analysis.json';
const format: Analysis['format'] = 'deit-lt analysis 2';

/** Writes it whole or not at all. Throws UserError RUN_FOLDER. */
export function writeAnalysis(folder: string, analysis: Analysis): void {
  writeFileAtomic(path.join(folder, name), `${JSON.stringify(analysis)}\n`);
}

/**
 * Undefined when the run has not been analysed. Throws UserError RUN_FOLDER for a file that cannot be used, also where it is of
 * other classes than the `classes` of the run.
 */
export function readAnalysis(folder: string, classes?: number): Analysis | undefined {
  const file = path.join(folder, name);
  if (!existsSync(file)) return undefined;
  try {
    const found = readJson(file, z.looseObject({ format: z.unknown() }));
    const analysis =
      found.format === 'deit-lt analysis 1'
        ? upgraded(checked(found, analysis1Schema) as unknown as Analysis1)
        : (checked(found, analysisSchema) as unknown as Analysis);
    const beyond = classes === undefined ? undefined : classBeyond(analysis, classes);
    if (beyond !== undefined) throw new Error(beyond);
    return analysis;
  } catch (error) {
    passMachineFault(error);
    throw new UserError(
      'RUN_FOLDER',
      `${file} cannot be used: ${(error as Error).message}. Remove it and run "${suggestedCommand('analyze')}" again.`,
      { cause: error },
    );
  }
}

/** Says which class of `analysis` a run of `classes` classes does not have; undefined if it has all. */
function classBeyond(
  { gallery, confused: taken, outputs }: Pick<Analysis, 'gallery' | 'confused' | 'outputs'>,
  classes: number,
): string | undefined {
  const labels = [...gallery, ...taken.flatMap(({ examples }) => examples)].flatMap(({ label, guesses: of }) => [
    label,
    ...[of.cls, of.dist, of.avg, of.teacher].flatMap((each) => (each === undefined ? [] : [each.class])),
  ]);
  const named = [...labels, ...taken.flatMap((each) => [each.class, ...each.takenFor.map((other) => other.class)])];
  const beyond = named.find((label) => label >= classes);
  if (beyond !== undefined) return `it contains class ${beyond}, but the run has ${classes} classes`;
  const lengths = [outputs.avg, outputs.cls, outputs.dist].flatMap((of) =>
    of === undefined ? [] : [of.accuracy.perClass.length],
  );
  const other = lengths.find((length) => length !== 0 && length !== classes);
  return other === undefined ? undefined : `it has accuracies of ${other} classes, but the run has ${classes}`;
}

/** Differences of files of earlier versions: group accuracies were over images, and accuracies were shares. */
interface Output1 extends Omit<OutputAnalysis, 'accuracy'> {
  readonly accuracy: ByGroup<number | null>;
  readonly perClass: readonly (number | null)[];
}

interface Analysis1 extends Omit<Analysis, 'format' | 'outputs' | 'teacher'> {
  readonly format: 'deit-lt analysis 1';
  readonly outputs: Readonly<Partial<Record<OutputName, Output1>>>;
  readonly teacher?: Omit<TeacherAnalysis, 'accuracy'>;
}

/** Means over classes are not known of a file that has none; what is of single classes and of all images stays. */
function upgraded(analysis: Analysis1): Analysis {
  const { outputs, teacher, data } = analysis;
  const unknown = { balanced: null, head: null, mid: null, tail: null };
  const inPerCent = (share: number | null | undefined): number | null => (share == null ? null : 100 * share);
  const entries = Object.entries(outputs).map(([name, { accuracy, perClass, ...rest }]) => {
    const overall = inPerCent(accuracy.all) ?? Number.NaN;
    return [
      name,
      { ...rest, accuracy: { ...unknown, images: data.images, overall, perClass: perClass.map(inPerCent) } },
    ];
  });
  const teacherAccuracy = (view: TeacherView): Accuracies => ({
    ...unknown,
    overall: inPerCent(teacher?.[view]?.all?.right),
  });
  const views = (['clean', 'augmented', 'mixed'] as const).filter((view) => teacher?.[view] !== undefined);
  return {
    ...analysis,
    format,
    outputs: Object.fromEntries(entries) as Analysis['outputs'],
    ...(teacher && {
      teacher: { ...teacher, accuracy: Object.fromEntries(views.map((view) => [view, teacherAccuracy(view)])) },
    }),
  } as Analysis;
}
