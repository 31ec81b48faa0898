/**
 * Errors that are the user's to solve: each has a code, a message that names the file, option or tensor, what
 * was expected and what to do. The command line prints the message alone; anything else is our own bug.
 */
import { beginning, visible } from './text/visible.js';

/** The meaning of each code; `docs/errors.md` lists the same. */
export const errorCodes = {
  USAGE: 'a command, option or argument of the command line is wrong',
  RECIPE: 'a recipe file or a value set by --set is wrong',
  DATA_NOT_FOUND: 'the data set, file or folder does not exist or has no images',
  DATA_LAYOUT: 'the folder, archive or list file is not laid out as a data set',
  DATA_BAD_FILES: 'some images cannot be read',
  DATA_CLASSES: 'the classes of the data cannot be used, or differ from those of the model',
  DOWNLOAD: 'a data set could not be downloaded or its checksum is wrong',
  RUN_FOLDER: 'a run folder cannot be made, written, read or resumed',
  CHECKPOINT: 'a checkpoint is missing, damaged or does not fit the model',
  NOT_FINITE: 'the loss became infinite or not a number',
  OUT_OF_MEMORY: 'a training needs more memory than the processor or the card has',
  ADAPTATION: 'the adaptation of a model cannot be made, read or applied',
  PLUGIN: 'a module of --plugin cannot be loaded, or registers something that does not fit',
  INTERRUPTED: 'the command was stopped by Ctrl-C or a signal; a training has saved a checkpoint',
} as const;

export type ErrorCode = keyof typeof errorCodes;

export interface UserErrorOptions {
  /** Lines below the message. */
  readonly lines?: readonly string[];
  /** The error that led to this one. */
  cause?: unknown;
}

/** A message that quotes more than this of something is of no use. */
const longestLine = 4000;

/**
 * A mistake or circumstance that the user can solve. `exitCode` is 2 for usage, 1 for failure. `message` is one line and quotes
 * foreign text as it came: what would steer a terminal or begin a line is written out here, so that a message is safe wherever
 * it is printed. Lines of our own are given as `lines`.
 */
export class UserError extends Error {
  readonly exitCode: 1 | 2;

  constructor(
    readonly code: ErrorCode,
    message: string,
    { lines = [], cause }: UserErrorOptions = {},
  ) {
    const text = [message, ...lines].map((line) => visible(beginning(line, longestLine))).join('\n');
    super(text, cause === undefined ? undefined : { cause });
    this.name = 'UserError';
    this.exitCode = code === 'USAGE' || code === 'RECIPE' ? 2 : 1;
  }
}
