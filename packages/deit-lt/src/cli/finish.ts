/** The end of a training: its figures, where the run is, and what can be done with it. */
import path from 'node:path';
import type { Recipe } from '../recipe/schema.js';
import { smallBudgetMark } from '../recipe/small-budget.js';
import { suggestedCommand } from '../suggested-command.js';
import { dataWords } from './command-words.js';
import type { CliContext } from './context.js';
import { resultsExplained } from './results-explained.js';
import { type RunEvaluations, runResults } from './results-table.js';
import { formatTable } from './table.js';
import type { PreparedRun } from './training-run.js';

/** A command's words, and what it is for. */
export type Suggestion = readonly [words: readonly string[], purpose: string];

/** `more` is suggested besides evaluation and prediction. */
export function finish(
  { print, note, colors }: CliContext,
  { training: { dataset, folder, recipe }, options }: PreparedRun,
  evaluations: RunEvaluations,
  more: readonly Suggestion[] = [],
): void {
  print(
    `\n${runResults(evaluations, dataset.test === undefined ? 'validation' : 'test', { model: recipe.student.model.name })}`,
  );
  const explained = resultsExplained(evaluations, {
    epochs: options.time === undefined ? recipe.student.epochs : null,
    small: recipe.description.endsWith(smallBudgetMark),
    balancedCls: balancedClsOf(recipe.student),
  });
  if (explained.length > 0) print(`\n${explained.join('\n')}`);
  const run = fromHere(folder);
  const { plugin } = options;
  const own = plugin === undefined ? [] : ['--plugin', plugin];
  const suggestions: Suggestion[] = [
    [['eval', run, ...dataWords(options)], 'evaluates it again; with --json, class by class'],
    [['predict', run, 'photo.jpg'], 'classifies an image'],
    [['analyze', run, ...dataWords(options)], 'analyses it: CLS against DIST, attention'],
    [['report', run], 'puts everything into one HTML file'],
    [['demo', run], 'classifies your images in the browser'],
    [['serve', run], 'classifies images for other programs, over HTTP'],
    ...adaptSuggestion(run, recipe, options),
    ...more,
  ];
  const rows = suggestions.map(([words, purpose]) => [`  ${suggestedCommand(...words, ...own)}`, purpose]);
  // The first line of the table is its (empty) title.
  const lines = formatTable([{ title: '' }, { title: '' }], rows)
    .split('\n')
    .slice(1);
  note('', `The run is in ${colors.bold(run)}. Next:`, ...lines);
}

/** The images that the training set aside are for adaptation; without them others are. The drawn shapes have no use. */
function adaptSuggestion(run: string, { data }: Recipe, options: PreparedRun['options']): Suggestion[] {
  if (options.data === 'shapes') return [];
  const images = data.validation > 0 ? dataWords(options) : ['--calibration', 'labelled-images'];
  const which = data.validation > 0 ? 'the images set aside' : 'labelled images that it was not trained on';
  return [[['adapt', run, ...images], `calibrates its probabilities on ${which}`]];
}

/** The losses of CLS that follow the class sizes, as published: then CLS is best on the head. */
const plainLosses: readonly string[] = ['cross-entropy', 'bce', 'focal'];

function balancedClsOf({ clsLoss, clsReweight }: Recipe['student']): string | null {
  if (clsReweight !== 'never') return 'a re-weighted loss';
  return plainLosses.includes(clsLoss.name) ? null : clsLoss.name;
}

/** Relative to the working directory when it is below it. */
function fromHere(folder: string): string {
  const relative = path.relative('', folder);
  return relative === '' || relative.startsWith('..') ? folder : relative;
}
