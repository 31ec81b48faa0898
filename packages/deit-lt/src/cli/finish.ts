/** The end of a training: its figures, where the run is, and what can be done with it. */
import path from 'node:path';
import { shellLine } from '../shell-line.js';
import { programWords } from './command-words.js';
import type { CliContext } from './context.js';
import { type RunEvaluations, runResults } from './results-table.js';
import { formatTable } from './table.js';
import type { PreparedRun } from './training-run.js';

/** A command's words, and what it is for. */
export type Suggestion = readonly [words: readonly string[], purpose: string];

/** `more` is suggested besides evaluation and prediction. */
export function finish(
  { print, note, colors }: CliContext,
  { training: { dataset, folder }, options: { data, split, testSplit, plugin } }: PreparedRun,
  evaluations: RunEvaluations,
  more: readonly Suggestion[] = [],
): void {
  print(`\n${runResults(evaluations, dataset.test === undefined ? 'validation' : 'test')}`);
  const run = fromHere(folder);
  const dataWords = [
    '--data',
    data ?? 'DATA',
    ...(split === undefined ? [] : ['--split', String(split)]),
    ...(testSplit === undefined ? [] : ['--test-split', testSplit]),
  ];
  const own = plugin === undefined ? [] : ['--plugin', plugin];
  const suggestions: Suggestion[] = [
    [['eval', run, ...dataWords], 'measure it again, class by class with --json'],
    [['predict', run, 'photo.jpg'], 'what is on an image'],
    [['analyze', run, ...dataWords], 'what it learned: experts, attention, images'],
    [['report', run], 'all of it as one HTML file'],
    [['demo', run], 'try it in a browser, with images of your own'],
    ...more,
  ];
  const rows = suggestions.map(([words, purpose]) => [
    `  ${shellLine([...programWords(), ...words, ...own])}`,
    purpose,
  ]);
  // The first line of the table is its (empty) title.
  const lines = formatTable([{ title: '' }, { title: '' }], rows)
    .split('\n')
    .slice(1);
  note('', `The run is in ${colors.bold(run)}. Next:`, ...lines);
}

/** Relative to the working directory when it is below it. */
function fromHere(folder: string): string {
  const relative = path.relative('', folder);
  return relative === '' || relative.startsWith('..') ? folder : relative;
}
