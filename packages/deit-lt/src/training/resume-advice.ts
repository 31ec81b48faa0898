/** Messages that say how to resume a training that stopped. */
import { UserError } from '../errors.js';
import type { RunConfig } from '../runs/run-folder.js';
import type { Progress } from '../runs/training-state.js';
import { shellLine } from '../shell-line.js';

/** The epoch and batch of a checkpoint; null when there is none. */
type Saved = Pick<Progress, 'epoch' | 'batch'> | null;

/** Returns the message that says where the training stopped after a signal, and how to resume it. */
export function interrupted({ command }: Pick<RunConfig, 'command'>, where: string, saved: Saved): UserError {
  const kept = saved === null ? 'there is nothing to save yet' : 'a checkpoint is saved';
  return new UserError('INTERRUPTED', `stopped ${where}; ${kept}. Resume with: ${resumingLine(command)}`);
}

/**
 * Adds to the error of a run folder that cannot be written which checkpoint it has, and how to resume the training;
 * other errors are not changed.
 */
export function cannotSave(error: unknown, { command }: Pick<RunConfig, 'command'>, saved: Saved): unknown {
  if (!(error instanceof UserError) || error.code !== 'RUN_FOLDER' || error.cause === undefined) return error;
  const more = [
    ...(saved === null ? [] : [`The last checkpoint is ${placeOf(saved)}.`]),
    ...(command.length === 0 ? [] : [`When this is solved, resume with: ${resumingLine(command)}`]),
  ];
  return new UserError('RUN_FOLDER', [error.message, ...more].join(' '), { cause: error });
}

function placeOf({ epoch, batch }: NonNullable<Saved>): string {
  return batch === 0 ? `of the end of epoch ${epoch}` : `of epoch ${epoch + 1}, batch ${batch}`;
}

/** Returns the command that resumes the training. */
export function resumingLine(command: readonly string[]): string {
  const words = command.filter((word) => word !== '--resume');
  return words.length === 0 ? 'the same call and resume: true' : shellLine([...words, '--resume']);
}
