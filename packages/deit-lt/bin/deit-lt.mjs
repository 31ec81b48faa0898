#!/usr/bin/env node
// The command `deit-lt`. All of it is in src/cli; this file only says what to do when that is not compiled.
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';

// Images are decoded in libuv's threads, of which there are four unless this is set before the first is needed.
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, availableParallelism() + 2));

const main = new URL('../dist/src/cli/main.js', import.meta.url);

if (existsSync(main)) await (await import(main.href)).main(process.argv.slice(2));
else {
  process.stderr.write('deit-lt: not built yet. Run "npm run build" in the folder of the project, then try again.\n');
  process.exitCode = 1;
}
