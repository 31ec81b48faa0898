/** Finds the images of a run: those of its command, or those that the studio's options name. */
import path from 'node:path';
import type { Dataset } from '../data/dataset.js';
import { datasetNames, openDataset } from '../data/open.js';
import { checkFilesKinds, type OpenOptions } from '../data/open-options.js';
import { UserError } from '../errors.js';
import { optionOf } from '../runs/recorded-data.js';
import type { RunConfig } from '../runs/run-folder.js';

/** A data set, and how it is opened. */
export interface DataPlace
  extends Pick<OpenOptions, 'split' | 'testSplit' | 'root' | 'background' | 'skipBad' | 'checkFiles'> {
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
  const checkFiles = checkFilesKinds.find((kind) => kind === optionOf(command, 'check'));
  return {
    data: spec,
    ...(split !== undefined && { split: Number(split) }),
    ...(testSplit !== undefined && { testSplit }),
    ...(root !== undefined && { root }),
    ...(checkFiles !== undefined && { checkFiles }),
    ...(command.includes('--skip-bad') && { skipBad: true }),
  };
}

export interface OpeningOptions extends Pick<OpenOptions, 'signal' | 'onProgress'> {
  /** Whether the images are listed again, because files may have changed. Default false. */
  readonly again?: boolean;
}

/** Opens each data set once, unless it is to be opened again, without the network. Disposing ends all openings. */
export class OpenedData implements Disposable {
  readonly #opened = new Map<string, Promise<Dataset>>();
  readonly #end = new AbortController();

  /** Throws what `openDataset` throws, and the signal's reason. */
  open(place: DataPlace, { again = false, signal, onProgress }: OpeningOptions = {}): Promise<Dataset> {
    const { data, ...options } = place;
    const key = JSON.stringify({ ...options, data: datasetNames.includes(data) ? data : path.resolve(data) });
    const before = again ? undefined : this.#opened.get(key);
    if (before !== undefined) return before;
    const either = signal === undefined ? this.#end.signal : AbortSignal.any([signal, this.#end.signal]);
    const opening = openDataset(data, { ...options, offline: true, signal: either, onProgress });
    // One that can be stopped belongs to who asked for it, until it is done.
    if (signal === undefined) this.#opened.set(key, opening);
    opening.then(
      () => this.#opened.set(key, opening),
      () => {
        if (this.#opened.get(key) === opening) this.#opened.delete(key); // it may be there at the next try
      },
    );
    return opening;
  }

  [Symbol.dispose](): void {
    this.#end.abort();
  }
}
