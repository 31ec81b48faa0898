/** What the user sees of an error, and the exit code: 2 for usage, 1 for failure. Only our own bugs show a stack. */
import { UserError } from '../errors.js';
import { placeIn } from '../plugin.js';
import { visible } from '../text/visible.js';
import { UsageError } from './program.js';

export interface Failure {
  readonly message: string;
  readonly exitCode: number;
}

/** File-system errors that are circumstances, not bugs. */
const systemCodes = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'EMFILE', 'ENAMETOOLONG'];

export function failureOf(error: unknown): Failure {
  if (error instanceof UserError) return { message: error.message, exitCode: error.exitCode };
  if (error instanceof UsageError) return { message: `${error.message}\n${seeHelp(error.command)}`, exitCode: 2 };
  const code = codeOf(error);
  const message = visible(error instanceof Error ? error.message : String(error));
  const own = placeIn(error);
  if (own !== undefined) return { message: `${message} (in ${visible(own)}, the module of --plugin)`, exitCode: 1 };
  if (error instanceof Error && error.name === 'BridgeError') return { message, exitCode: 1 };
  if (code === 'OUT_OF_MEMORY')
    return {
      message: `out of memory: ${message}\nUse smaller batches and as many more of them: --set student.batchSize=32 student.accumulation=4`,
      exitCode: 1,
    };
  if (code !== undefined && systemCodes.includes(code)) return { message, exitCode: 1 };
  return { message: bugReport(error), exitCode: 1 };
}

function seeHelp(command: string | undefined): string {
  return `See: deit-lt ${command === undefined ? '' : `${command} `}--help`;
}

function codeOf(error: unknown): string | undefined {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

function bugReport(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `this is a bug of deit-lt, not a mistake of yours. Please report it with the lines below and the output of "deit-lt doctor".\n${stack}`;
}
