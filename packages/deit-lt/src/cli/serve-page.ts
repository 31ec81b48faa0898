/** A command that serves a page of `packages/web` until Ctrl-C. */
import { createApp, type Route } from '../serve/app.js';
import { listen } from '../serve/listen.js';
import { untilStopped } from '../serve/until-stopped.js';
import type { CliContext } from './context.js';
import type { Options } from './option-table.js';

export interface ServedPage {
  /** The built page. */
  readonly folder: string;
  /** Requests that the server answers itself. */
  readonly routes: readonly Route[];
  /** The same one each time, if it is free. */
  readonly usualPort: number;
  /** For the reader, after the address. */
  readonly note: string;
}

/** `--host` and `--port` say where. Throws UserError USAGE as `listen`. */
export async function servePage(
  { folder, routes, usualPort, note }: ServedPage,
  { host, port }: Pick<Options, 'host' | 'port'>,
  context: CliContext,
): Promise<undefined> {
  const hosts = host === undefined ? [] : [host];
  const app = createApp({ routes, folders: [folder], hosts, onError: (error) => context.note(String(error)) });
  const server = await listen(app, { host, port, usualPort });
  context.print(server.url);
  context.note(note);
  await untilStopped(server, context.signal);
}
