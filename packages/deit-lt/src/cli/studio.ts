/** `deit-lt studio`: a page that follows the runs of a folder. */
import { existsSync } from 'node:fs';
import { createApp } from '../serve/app.js';
import { listen } from '../serve/listen.js';
import { pageFolder } from '../serve/page-folder.js';
import { untilStopped } from '../serve/until-stopped.js';
import { openStudio } from '../studio/studio.js';
import type { CommandInput } from './command-spec.js';

const usualPort = 4601;

export async function run({ args, options, context }: CommandInput): Promise<undefined> {
  const { host, port, data, split, root } = options;
  const folder = args[0] ?? (existsSync('runs') ? 'runs' : '.');
  const page = pageFolder('studio');
  using studio = openStudio(folder, { data: data === undefined ? undefined : { data, split, root } });
  const app = createApp({
    routes: studio.routes,
    folders: [page],
    hosts: host === undefined ? [] : [host],
    onError: (error) => context.note(String(error)),
  });
  const server = await listen(app, { host, port, usualPort });
  context.print(server.url);
  context.note(
    `${studio.watcher.runs.length} runs in ${studio.watcher.root}. Open this address in a browser; Ctrl-C ends it.`,
  );
  await untilStopped(server, context.signal);
}
