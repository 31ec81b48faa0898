/** Opens the data that the options name, with progress on the display. */
import type { Dataset } from '../data/dataset.js';
import { openDataset } from '../data/open.js';
import type { OpenOptions } from '../data/open-options.js';
import type { CliContext } from './context.js';
import type { Options } from './option-table.js';

/** Transparent images are composed on `background`, by default white. Throws what `openDataset` throws. */
export async function openData(
  data: string,
  options: Options,
  context: CliContext,
  { evaluation, background }: Pick<OpenOptions, 'evaluation' | 'background'> = {},
): Promise<Dataset> {
  const { split, testSplit, root, check, skipBad, offline } = options;
  const reporter = await context.reporter();
  return openDataset(data, {
    split,
    testSplit,
    evaluation,
    root,
    checkFiles: check,
    skipBad,
    offline,
    background,
    log: (line) => reporter.note(line),
    onProgress: ({ what, done, total }) => reporter.progress(what, done, total),
    signal: context.signal,
  });
}
