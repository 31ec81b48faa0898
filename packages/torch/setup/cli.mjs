#!/usr/bin/env node
// `deit-torch-setup`: finds libtorch, installs it on Debian and Ubuntu, builds the addon.
import { parseArgs } from 'node:util';

import { ensureAddon } from './ensure-addon.mjs';
import { runMain, SetupError } from './setup-error.mjs';

const usage = `Usage: deit-torch-setup [--no-install]

Finds libtorch (LIBTORCH, then the torch of python3, then the system's), on Debian and Ubuntu installs it when there
is none, and compiles the addon of @deit-lt/torch with the C++ compiler (CXX, g++ or clang++).

  --no-install   install nothing: print the commands instead
  --help         this text`;

await runMain(async () => {
  const { noInstall, help } = readOptions();
  if (help) return console.log(usage);
  console.log(`Ready: ${await ensureAddon({ install: !noInstall, recheck: true })}`);
});

function readOptions() {
  try {
    const { values } = parseArgs({
      options: { 'no-install': { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    });
    return { noInstall: values['no-install'] ?? false, help: values.help ?? false };
  } catch (error) {
    throw new SetupError(`${error instanceof Error ? error.message : error}\n\n${usage}`, 'USAGE');
  }
}
