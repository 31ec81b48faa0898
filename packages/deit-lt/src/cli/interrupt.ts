/** Ctrl-C: the first asks the work to stop and save, the second ends the process at once. */
import { UserError } from '../errors.js';

/** Signals that ask to stop, with the exit codes that shells expect. */
const exitCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

export interface Interruption {
  readonly signal: AbortSignal;
  /** The exit code after a signal; undefined while none came. */
  exitCode(): number | undefined;
  /** Stops listening. */
  stop(): void;
}

/** Listens for Ctrl-C, termination and a terminal that closes; `note` says what happens. */
export function listenForInterrupt(note: (text: string) => void): Interruption {
  const controller = new AbortController();
  let code: number | undefined;
  const handlers = Object.entries(exitCodes).map(([name, exitCode]) => {
    const handler = (): void => {
      if (code !== undefined) process.exit(exitCode);
      code = exitCode;
      note('stopping at the next safe place … (Ctrl-C again quits at once, without saving)');
      controller.abort(new UserError('INTERRUPTED', 'stopped before the end'));
    };
    process.on(name, handler);
    return { name, handler };
  });
  return {
    signal: controller.signal,
    exitCode: () => code,
    stop: () => {
      for (const { name, handler } of handlers) process.off(name, handler);
    },
  };
}
