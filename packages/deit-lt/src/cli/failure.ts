/**
 * Returns the message of an error for the user, and the exit code: 2 for usage, 1 for failure. Only our own bugs show a
 * stack.
 */

import { UserError } from '../errors.js';
import { placeIn } from '../plugin.js';
import { suggestedCommand } from '../suggested-command.js';
import { visible, visibleLines } from '../text/visible.js';
import { LeaderFailed } from '../training/processes.js';
import { filesAdvice, spaceAdvice } from './process-limits.js';
import { UsageError } from './program.js';
import { workingFolderGone } from './working-folder.js';

export interface Failure {
  readonly message: string;
  readonly exitCode: number;
}

/** File-system errors that are circumstances, not bugs. */
const systemCodes = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'EIO', 'ELOOP', 'ENAMETOOLONG'];

export function failureOf(error: unknown): Failure {
  const space = spaceAdvice();
  if (error instanceof UserError && error.code === 'OUT_OF_MEMORY' && space !== undefined)
    return { message: `${error.message.split('\n', 1)[0]}\n${space}`, exitCode: 1 };
  if (error instanceof UserError) return { message: error.message, exitCode: error.exitCode };
  if (error instanceof UsageError) return { message: `${error.message}\n${seeHelp(error.command)}`, exitCode: 2 };
  const code = codeOf(error);
  const message = visible(error instanceof Error ? error.message : String(error));
  const own = placeIn(error);
  if (own !== undefined) return { message: `${message} (in ${visible(own)}, the module of --plugin)`, exitCode: 1 };
  if (error instanceof Error && error.name === 'TorchError' && code === 'DISTRIBUTED') return { message, exitCode: 1 };
  if (error instanceof LeaderFailed) return { message, exitCode: error.exitCode };
  if (error instanceof Error && error.name === 'BridgeError')
    return { message: [visibleLines(error.message), ...(space === undefined ? [] : [space])].join('\n'), exitCode: 1 };
  if (space !== undefined && isOfMemory(error, code))
    return { message: `out of memory: ${message}\n${space}`, exitCode: 1 };
  if (code === 'OUT_OF_MEMORY') return { message: `out of memory: ${message}\n${memoryAdvice}`, exitCode: 1 };
  if (code === 'EMFILE' || code === 'ENFILE') return { message: `${message}\n${filesAdvice()}`, exitCode: 1 };
  if (isOfWorkingFolder(error)) return { message: workingFolderGone, exitCode: 1 };
  if (code !== undefined && systemCodes.includes(code)) return { message, exitCode: 1 };
  return { message: bugReport(error), exitCode: 1 };
}

const memoryAdvice =
  'End other programs that use its memory; where it is a card, --set device=cpu uses the memory of the processor.';

/** It was removed while the command ran: see `withoutWorkingFolder`. */
function isOfWorkingFolder(error: unknown): boolean {
  return codeOf(error) === 'ENOENT' && (error as NodeJS.ErrnoException).syscall === 'uv_cwd';
}

/** Recognises lack of memory in the engine, in Node's buffers and in WebAssembly. */
function isOfMemory(error: unknown, code: string | undefined): boolean {
  return code === 'OUT_OF_MEMORY' || (error instanceof RangeError && /memory|allocation failed/i.test(error.message));
}

function seeHelp(command: string | undefined): string {
  return `See: ${suggestedCommand(...(command === undefined ? [] : [command]), '--help')}`;
}

function codeOf(error: unknown): string | undefined {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

function bugReport(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `this is a bug of deit-lt, not a mistake of yours. Please report it with the lines below and the output of "${suggestedCommand('doctor')}".\n${stack}`;
}
