/** Asks before a long training starts, where somebody is there to answer. */
import { createInterface } from 'node:readline/promises';
import { UserError } from '../errors.js';

export interface Asking {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/** Returns whether there is somebody to ask: a terminal to read from and one to write to, and no CI. */
export function canAsk({ input, output, env }: Pick<Asking, 'input' | 'output' | 'env'>): boolean {
  return input.isTTY === true && output.isTTY === true && !env.CI;
}

/**
 * Asks `question`; an empty line and a yes return. Throws UserError INTERRUPTED with `otherwise` for any other answer and for the
 * end of the input, and the signal's reason.
 */
export async function requireYes(
  question: string,
  otherwise: string,
  { input, output, signal }: Asking,
): Promise<void> {
  // Not as a terminal: Ctrl-C must reach the program as the signal that it is.
  const lines = createInterface({ input, output, terminal: false });
  try {
    const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('no')));
    const answer = await Promise.race([lines.question(`${question} [Y/n] `, { signal }), closed]);
    if (!/^\s*(y|yes)?\s*$/i.test(answer)) throw new UserError('INTERRUPTED', otherwise);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    lines.close();
  }
}
