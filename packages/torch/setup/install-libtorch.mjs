// Installs what building the addon lacks: libtorch with a fast BLAS, and a compiler. Only on Debian and Ubuntu, and
// only what is missing; elsewhere the error names the commands.
import path from 'node:path';

import { candidateVersion, installPackages, missingPackages, rootPrefix } from './debian-packages.mjs';
import { realPath } from './files.mjs';
import { compilerHelp, libtorchHelp, pip } from './manual-commands.mjs';
import { detectSystem } from './operating-system.mjs';
import { SetupError } from './setup-error.mjs';
import { isAtLeast, oldestVersion } from './torch-version.mjs';

/** @typedef {import('./debian-packages.mjs').AptOptions & { system?: { kind: import('./operating-system.mjs').SystemKind, name: string } }} InstallOptions */

/** What the set-up lacks. @typedef {{ libtorch: boolean, compiler: boolean }} Lacks */

/**
 * @param {Lacks} lacks
 * @param {InstallOptions} [options]
 * @throws {SetupError} when it cannot be installed here: says what to type
 */
export async function installLibtorch(lacks, { system = detectSystem(), ...apt } = {}) {
  const prefix = system.kind === 'debian' ? await rootPrefix(apt) : null;
  if (prefix === null) throw lackError(lacks, system);
  const names = [
    ...(lacks.libtorch ? ['libtorch-dev', 'libopenblas0-pthread'] : []),
    ...(lacks.compiler ? ['g++'] : []),
  ];
  if (lacks.libtorch) {
    const version = await candidateVersion('libtorch-dev', prefix, apt);
    if (version === null || !isAtLeast(version, oldestVersion)) throw tooOldError(system, version);
  }
  const missing = await missingPackages(names, apt);
  if (missing.length > 0) await installPackages(missing, prefix, apt);
}

/**
 * Debian's libtorch takes any BLAS; with the reference one, products are ten times slower than with OpenBLAS.
 *
 * @param {Pick<import('./find-libtorch.mjs').Libtorch, 'source' | 'libDir'>} libtorch
 * @param {InstallOptions & { install: boolean }} options
 */
export async function ensureFastBlas({ source, libDir }, { install, system = detectSystem(), ...apt }) {
  const blas = realPath(path.join(libDir, 'libblas.so.3'));
  if (source !== 'system' || system.kind !== 'debian' || !blas.endsWith('/blas/libblas.so.3')) return;
  const prefix = install ? await rootPrefix(apt) : null;
  if (prefix !== null) return installPackages(['libopenblas0-pthread'], prefix, apt);
  (apt.out ?? process.stdout).write(
    `Note: libtorch uses the slow reference BLAS (${blas}). Install a fast one with: sudo apt-get install libopenblas0-pthread\n`,
  );
}

/**
 * @param {Lacks} lacks
 * @param {{ kind: import('./operating-system.mjs').SystemKind, name: string }} [system]
 * @param {string[]} [skipped] why a libtorch that is there was not taken
 */
export function lackError(lacks, { kind, name } = detectSystem(), skipped = []) {
  if (!lacks.libtorch)
    return new SetupError(
      `No C++ compiler found (looked for CXX, g++, clang++ and c++). On ${name}:\n${compilerHelp(kind)}`,
      'NO_COMPILER',
    );
  const looked = 'looked at LIBTORCH, at the torch of the python3 on the PATH and at the system folders';
  const reasons = skipped.map((reason) => `  ${reason}\n`).join('');
  return new SetupError(
    `No libtorch ${oldestVersion} or newer found (${looked}).\n${reasons}On ${name}, install it with:\n${libtorchHelp(kind)}`,
    'NO_LIBTORCH',
  );
}

/** @param {{ name: string }} system @param {string | null} version */
function tooOldError({ name }, version) {
  const found =
    version === null
      ? 'has no package libtorch-dev'
      : `has libtorch-dev ${version}, and ${oldestVersion} or newer is needed`;
  return new SetupError(
    `${name} ${found}. Use pip's:\n  sudo apt-get install g++ python3-venv && ${pip}\nThen run the same command again.`,
    'NO_LIBTORCH',
  );
}
