/** What a training says at its end: where the run is, and what can be done with it. */
import path from 'node:path';
import { programWords, shellLine } from './command-words.js';
import type { CliContext } from './context.js';
import type { Options } from './option-table.js';
import { formatTable } from './table.js';

/** A command's words, and what it is for. */
export type Suggestion = readonly [words: readonly string[], purpose: string];

export function sayNext(
  { note, colors }: Pick<CliContext, 'note' | 'colors'>,
  folder: string,
  { data, split }: Options,
  more: readonly Suggestion[] = [],
): void {
  const run = path.relative('', folder) || '.';
  const dataWords = ['--data', data ?? 'DATA', ...(split === undefined ? [] : ['--split', String(split)])];
  const suggestions: Suggestion[] = [
    [['eval', run, ...dataWords], 'measure it again, class by class with --json'],
    [['predict', run, 'photo.jpg'], 'what is on an image'],
    ...more,
  ];
  const rows = suggestions.map(([words, purpose]) => [`  ${shellLine([...programWords(), ...words])}`, purpose]);
  // The first line of the table is its (empty) title.
  const lines = formatTable([{ title: '' }, { title: '' }], rows).split('\n').slice(1);
  note(`\nThe run is in ${colors.bold(run)}. Next:\n${lines.join('\n')}`);
}
