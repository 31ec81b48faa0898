/** Ctrl-C and its like: the first asks the work to stop and save, another Ctrl-C ends the process at once. */
import { UserError } from '../errors.js';

/** Signals that ask to stop, with the exit codes that shells expect. */
const exitCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/**
 * A signal that comes so soon after another is the same wish: npm sends its own copy of Ctrl-C after the terminal's, and a
 * terminal that is closed hangs up twice, by the shell and by the system.
 */
const sameWishMs = 300;

export interface Interruption {
  readonly signal: AbortSignal;
  /** The exit code after a signal; undefined while none came. */
  exitCode(): number | undefined;
  /** Stops listening. */
  stop(): void;
}

/** Listens for Ctrl-C, termination and the end of the terminal; `note` says what happens. */
export function listenForInterrupt(note: (text: string) => void): Interruption {
  const controller = new AbortController();
  let code: number | undefined;
  let firstMs = 0;
  const handlers = Object.entries(exitCodes).map(([name, exitCode]) => {
    const handler = (): void => {
      if (code !== undefined) {
        if (name !== 'SIGHUP' && performance.now() - firstMs > sameWishMs) process.exit(exitCode);
        return;
      }
      code = exitCode;
      firstMs = performance.now();
      note('stopping as soon as the work so far is saved … (Ctrl-C again quits at once, without saving)');
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
