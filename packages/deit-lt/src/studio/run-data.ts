/** Finds the images of a run: those of its command, or those that the studio's options name. */
import path from 'node:path';
import type { Dataset } from '../data/dataset.js';
import { datasetNames, openDataset } from '../data/open.js';
import type { OpenOptions } from '../data/open-options.js';
import { UserError } from '../errors.js';
import { optionOf } from '../runs/recorded-data.js';
import type { RunConfig } from '../runs/run-folder.js';

/** A data set, and how it is opened. */
export interface DataPlace extends Pick<OpenOptions, 'split' | 'testSplit' | 'root' | 'background'> {
  readonly data: string;
}

/**
 * Returns the data of a run from the words of the command that began it. Throws UserError USAGE when they do not name
 * any.
 */
export function dataOfRun({ command, data }: Pick<RunConfig, 'command' | 'data'>): DataPlace {
  const spec = optionOf(command, 'data') ?? (datasetNames.includes(data.name) ? data.name : undefined);
  if (spec === undefined)
    throw new UserError(
      'USAGE',
      'The command of this run does not say where its images are. Start the studio with --data DATA to see them.',
    );
  const [split, testSplit, root] = ['split', 'test-split', 'root'].map((name) => optionOf(command, name));
  return {
    data: spec,
    ...(split !== undefined && { split: Number(split) }),
    ...(testSplit !== undefined && { testSplit }),
    ...(root !== undefined && { root }),
  };
}

/** Opens each data set once, without the network. */
export class OpenedData {
  readonly #opened = new Map<string, Promise<Dataset>>();

  /** Throws what `openDataset` throws. */
  open(place: DataPlace): Promise<Dataset> {
    const { data, ...options } = place;
    const key = JSON.stringify({ ...options, data: datasetNames.includes(data) ? data : path.resolve(data) });
    const before = this.#opened.get(key);
    if (before !== undefined) return before;
    const opening = openDataset(data, { ...options, offline: true });
    this.#opened.set(key, opening);
    opening.catch(() => this.#opened.delete(key)); // it may be there at the next try
    return opening;
  }
}
