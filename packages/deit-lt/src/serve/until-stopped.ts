/** A command that serves until Ctrl-C, which is then no failure. */
import type { LocalServer } from './listen.js';

/** Resolves, with the server closed, when `signal` is aborted. */
export async function untilStopped(server: LocalServer, signal: AbortSignal): Promise<void> {
  if (!signal.aborted)
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  await server.close();
}
