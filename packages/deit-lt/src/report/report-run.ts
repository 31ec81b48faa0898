/** What a report knows of a run, read from its folder. Everything but the configuration may be missing. */
import path from 'node:path';
import { runFoldersIn, shortNames } from '../analysis/compared-runs.js';
import { type Analysis, readAnalysis } from '../analysis/run/analysis-file.js';
import { classesBySize } from '../data/groups.js';
import { totalEpochs } from '../optim/schedules.js';
import type { TrainingRecipe } from '../recipe/schema.js';
import { type OutputName, outputNames, type Predictions, readPredictions } from '../runs/predictions.js';
import type { EpochRecord } from '../runs/reporter.js';
import { type FinalEvaluation, type RunConfig, RunFolder, readRunConfig } from '../runs/run-folder.js';
import { visible } from '../text/visible.js';

export interface ReportRun {
  /** The end of its path that tells it from the others, safe to show. */
  readonly name: string;
  readonly folder: string;
  /** From 0: its colour. */
  readonly place: number;
  readonly config: RunConfig;
  readonly records: readonly EpochRecord[];
  readonly evaluation: FinalEvaluation | undefined;
  readonly predictions: Predictions | undefined;
  readonly analysis: Analysis | undefined;
  /** What of its files could not be read. */
  readonly notes: readonly string[];
}

/** The runs of `places`: run folders, or folders that have some. Throws UserError RUN_FOLDER. */
export function readRuns(places: readonly string[]): ReportRun[] {
  const folders = [...new Set(places.flatMap(runFoldersIn))];
  const names = folders.length === 1 ? [path.basename(folders[0]!)] : shortNames(folders);
  return folders.map((folder, place) => {
    const run = new RunFolder(folder);
    const config = readRunConfig(folder);
    const classes = config.data.classNames.length;
    const notes: string[] = [];
    return {
      name: visible(names[place]!),
      folder,
      place,
      config,
      records: run.readMetrics({ onBad: (note) => notes.push(note) }),
      evaluation: run.readEvaluation(classes),
      predictions: readPredictions(run.predictionsFile, classes),
      analysis: readAnalysis(folder, classes),
      notes,
    };
  });
}

const partOf = ({ kind, recipe }: RunConfig): TrainingRecipe => (kind === 'teacher' ? recipe.teacher : recipe.student);

/** Epochs that the run is to have, those of a cooldown included. */
export function epochsOf({ config }: Pick<ReportRun, 'config'>): number {
  const { schedule, epochs } = partOf(config);
  return totalEpochs(schedule, epochs);
}

/** Classes from the largest to the smallest. */
export function classOrder({ config }: ReportRun): number[] {
  return classesBySize(config.data.trainCounts);
}

/** Accuracy of each class in per cent, by output: of the final evaluation, else of the analysis. */
export function accuraciesByClass({ evaluation, analysis }: ReportRun): Partial<Record<OutputName, (number | null)[]>> {
  const found = outputNames.flatMap((output): [OutputName, (number | null)[]][] => {
    const evaluated = evaluation?.[output]?.perClass;
    if (evaluated !== undefined) return [[output, [...evaluated]]];
    const analysed = analysis?.outputs[output]?.perClass;
    return analysed === undefined ? [] : [[output, analysed.map((share) => (share === null ? null : 100 * share))]];
  });
  return Object.fromEntries(found);
}

/**
 * Overall, head, mid and tail accuracy in per cent, as the papers' tables have them, of the weights that the recipe keeps;
 * undefined before any evaluation.
 */
export function headline({ evaluation, records, config }: Pick<ReportRun, 'evaluation' | 'records' | 'config'>) {
  const last = records.findLast((record) => record.evaluation !== undefined);
  const averaged = partOf(config).weights === 'ema' ? last?.emaEvaluation : undefined;
  const figures = evaluation ?? averaged ?? last?.evaluation;
  const split = evaluation?.split ?? last?.evaluatedOn ?? 'test';
  return figures && { figures, split, epoch: evaluation?.epoch ?? last!.epoch };
}
