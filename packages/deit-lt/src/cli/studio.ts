/** `deit-lt studio`: a page that follows the runs of a folder. */
import { existsSync } from 'node:fs';
import { pageFolder } from '../serve/page-folder.js';
import { openStudio } from '../studio/studio.js';
import type { CommandInput } from './command-spec.js';
import { servePage } from './serve-page.js';

const usualPort = 4601;

export async function run({ args, options, context }: CommandInput): Promise<undefined> {
  const { data, split, testSplit, root } = options;
  const folder = args[0] ?? (existsSync('runs') ? 'runs' : '.');
  const page = pageFolder('studio');
  using studio = openStudio(folder, { data: data === undefined ? undefined : { data, split, testSplit, root } });
  const { routes, watcher } = studio;
  const { length } = watcher.runs;
  const note = `${length} ${length === 1 ? 'run' : 'runs'} in ${watcher.root}. Open this address in a browser; Ctrl-C stops the server.`;
  await servePage({ folder: page, routes, usualPort, note }, options, context);
}
