#!/usr/bin/env node
// `deit-torch-setup`: finds libtorch, installs it on Debian and Ubuntu or from PyPI, builds the addon.
import { parseArgs } from 'node:util';
import { readCurrent } from './current-build.mjs';
import { ensureAddon } from './ensure-addon.mjs';
import { defaultVersion, installPytorch } from './install-pytorch.mjs';
import { runMain, SetupError } from './setup-error.mjs';

const usage = `Usage: deit-torch-setup [--no-install] [--pytorch [--version ${defaultVersion}] [--cpu]]

Finds libtorch (LIBTORCH, then the torch of python3, then that of --pytorch, then the system's), on Debian and Ubuntu installs it when there
is none, and compiles the addon of @deit-lt/torch with the C++ compiler (CXX, g++ or clang++).

  --no-install   install nothing: print the commands instead
  --pytorch      first install PyTorch, torchvision, timm and onnx from PyPI into a virtual environment in the cache
                 folder (DEIT_LT_CACHE, else ~/.cache/deit-lt); later builds find it there
  --version      of PyTorch (default ${defaultVersion})
  --cpu          a build without CUDA, from download.pytorch.org
  --help         this text`;

await runMain(async () => {
  const { noInstall, help, pytorch, version, cpu } = readOptions();
  if (help) return console.log(usage);
  if (pytorch) await buildForPytorch({ ...(version && { version }), cpu });
  else console.log(`Ready: ${await ensureAddon({ install: !noInstall, recheck: true })}`);
});

/** @param {{ version?: string, cpu: boolean }} options */
async function buildForPytorch(options) {
  const { torchFolder, version, folder } = await installPytorch(options);
  const addon = await ensureAddon({ recheck: true });
  const current = readCurrent();
  console.log(`Ready: ${addon}`);
  if (current?.libtorch.libDir.startsWith(torchFolder))
    console.log(`libtorch ${version} is used from now on. Another one for one command: LIBTORCH=/usr npm test`);
  else
    console.log(
      `The addon uses libtorch ${current?.libtorch.version} in ${current?.libtorch.libDir} (${current?.libtorch.source}). To use ${version}: source ${folder}/bin/activate, or LIBTORCH=${torchFolder}`,
    );
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        'no-install': { type: 'boolean' },
        pytorch: { type: 'boolean' },
        version: { type: 'string' },
        cpu: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    const { 'no-install': noInstall = false, pytorch = false, cpu = false, help = false, version } = values;
    if (!pytorch && (cpu || version !== undefined)) throw new Error('--version and --cpu belong to --pytorch');
    return { noInstall, pytorch, cpu, help, version };
  } catch (error) {
    throw new SetupError(`${error instanceof Error ? error.message : error}\n\n${usage}`, 'USAGE');
  }
}
