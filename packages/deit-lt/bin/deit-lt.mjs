#!/usr/bin/env node
// The command `deit-lt`. All of it is in src/cli; this file only says what to do when that is not compiled, or cannot be loaded here.
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';

// Images are decoded in libuv's threads, of which there are four unless this is set before the first is needed.
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, availableParallelism() + 2));

const at = (name) => new URL(`../dist/src/cli/${name}.js`, import.meta.url);

/** Why nothing can run; undefined when it can. */
async function obstacle() {
  if (!existsSync(at('main')))
    return 'not built yet. Run "npm run build" in the folder of the project, then try again.';
  const [{ withoutWorkingFolder }, { tooLow }] = [
    await import(at('working-folder').href),
    await import(at('process-limits').href),
  ];
  return withoutWorkingFolder() ?? tooLow();
}

const why = await obstacle();
if (why === undefined) await (await import(at('main').href)).main(process.argv.slice(2));
else {
  process.stderr.write(`deit-lt: ${why}\n`);
  process.exitCode = 1;
}
