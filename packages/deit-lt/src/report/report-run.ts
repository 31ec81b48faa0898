/** The data of a run for a report, read from its folder. Everything but the configuration may be missing. */

import path from 'node:path';
import { openRuns, shortNames, skippedNote } from '../analysis/compared-runs.js';
import { type Analysis, readAnalysis } from '../analysis/run/analysis-file.js';
import { isSameOrder } from '../by-class.js';
import { type Adaptation, readAdaptation } from '../classifier/adaptation.js';
import { classesBySize } from '../data/groups.js';
import { UserError } from '../errors.js';
import type { ClassFigures } from '../evaluation/class-figures.js';
import type { EvaluationResult } from '../evaluation/evaluate.js';
import { totalEpochs } from '../optim/schedules.js';
import { partOf } from '../recipe/part.js';
import { type OutputName, outputNames, type Predictions, readPredictions } from '../runs/predictions.js';
import { evaluatingCommand } from '../runs/recorded-data.js';
import type { EpochRecord } from '../runs/reporter.js';
import { type FinalEvaluation, type RunConfig, RunFolder, readRunConfig } from '../runs/run-folder.js';
import { visible } from '../text/visible.js';

/** A run as a report shows it. */
export interface ReportRun {
  /** The end of its path that tells it from the others, safe to show. */
  readonly name: string;
  readonly folder: string;
  /** Index of the run, from 0, which decides its colour. */
  readonly place: number;
  readonly config: RunConfig;
  readonly records: readonly EpochRecord[];
  readonly evaluation: FinalEvaluation | undefined;
  readonly predictions: Predictions | undefined;
  readonly analysis: Analysis | undefined;
  /** Adapts the best checkpoint. */
  readonly adaptation: Adaptation | undefined;
  /** Files of the run that could not be read. */
  readonly notes: readonly string[];
}

/**
 * Reads the runs of `places`: run folders, or folders that have some. `onSkip` gets a note about each run of a folder that
 * cannot be opened, such as one that needs a `--plugin`. Throws UserError RUN_FOLDER, and the error of a run that is named or alone.
 */
export function readRuns(places: readonly string[], onSkip: (note: string) => void = () => {}): ReportRun[] {
  const { opened, skipped } = openRuns(places, readRun);
  for (const run of skipped) onSkip(skippedNote(run));
  const folders = opened.map(({ folder }) => folder);
  const names = folders.length === 1 ? [path.basename(folders[0]!)] : shortNames(folders);
  return opened.map((run, place) => ({ ...run, name: visible(names[place]!), place }));
}

function readRun(folder: string): Omit<ReportRun, 'name' | 'place'> {
  const run = new RunFolder(folder);
  const config = readRunConfig(folder);
  const classes = config.data.classNames.length;
  const notes: string[] = [];
  const evaluation = run.readEvaluation(classes);
  const analysis = readAnalysis(folder, classes);
  return {
    folder,
    config: asMeasured(folder, config, evaluation ?? analysis?.data),
    records: run.readMetrics({ onBad: (note) => notes.push(note) }),
    evaluation,
    predictions: readPredictions(run.predictionsFile, classes),
    analysis,
    adaptation: adaptationOf(run, notes),
    notes,
  };
}

/** Undefined, with a note, where it cannot be used. */
function adaptationOf(run: RunFolder, notes: string[]): Adaptation | undefined {
  if (!run.hasCheckpoint('best')) return undefined;
  try {
    return readAdaptation(run.checkpoint('best'));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    notes.push(error.message);
    return undefined;
  }
}

/**
 * The classes of a run as they were measured: a model that came from elsewhere may not name them, nor know its groups.
 * Throws UserError RUN_FOLDER when classes that have names were measured by other names, or in another order.
 */
function asMeasured(
  folder: string,
  config: RunConfig,
  measured: Pick<EvaluationResult, 'classNames' | 'groups'> | undefined,
): RunConfig {
  const { data } = config;
  const { classNames = data.classNames, groups = data.groups } = measured ?? {};
  if (data.namesUnknown !== true && !isSameOrder(classNames, data.classNames)) {
    const at = classNames.findIndex((name, c) => name !== data.classNames[c]);
    throw new UserError(
      'RUN_FOLDER',
      `${folder}: the figures are of other classes than config.json has, or in another order (class ${at + 1} is "${classNames[at]}" and "${data.classNames[at]}"). Measure again with: ${evaluatingCommand(folder, config)}`,
    );
  }
  return { ...config, data: { ...data, classNames, groups } };
}

/** Epochs that the run is to have, those of a cooldown included. */
export function epochsOf({ config }: Pick<ReportRun, 'config'>): number {
  const { schedule, epochs } = partOf(config);
  return totalEpochs(schedule, epochs);
}

/** Classes from the largest to the smallest. */
export function classOrder({ config }: ReportRun): number[] {
  return classesBySize(config.data.trainCounts);
}

/** The figures by class of each output: of the final evaluation, else of the analysis. */
export function figuresByOutput({ evaluation, analysis }: ReportRun): Partial<Record<OutputName, ClassFigures>> {
  const found = outputNames.flatMap((output): [OutputName, ClassFigures][] => {
    const figures = evaluation?.[output] ?? analysis?.outputs[output]?.accuracy;
    return figures === undefined ? [] : [[output, figures]];
  });
  return Object.fromEntries(found);
}

/** The split of those figures. */
export const splitOf = ({ evaluation, analysis }: ReportRun): 'test' | 'validation' =>
  evaluation?.split ?? analysis?.data.split ?? 'test';

/** The figures of the weights that the recipe keeps; undefined before any evaluation. */
export function headline({ evaluation, records, config }: Pick<ReportRun, 'evaluation' | 'records' | 'config'>) {
  const last = records.findLast((record) => record.evaluation !== undefined);
  const averaged = partOf(config).weights === 'ema' ? last?.emaEvaluation : undefined;
  const figures = evaluation ?? averaged ?? last?.evaluation;
  const split = evaluation?.split ?? last?.evaluatedOn ?? 'test';
  return figures && { figures, split, epoch: evaluation?.epoch ?? last!.epoch };
}
