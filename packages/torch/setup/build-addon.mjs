// Compiles native/*.cc and links the addon. Nearly all of a file's time goes into PyTorch's headers, so the files are
// compiled in two groups, each as one: 19 s of processor time from clean instead of 47 (nine compilations) or 42 (with a
// precompiled header, which also takes 220 MB). Hence names that are local to a file must be unique over all of native/.
// Objects are kept by the hash of all that goes into them: an edited file costs its own group, about 9 s.
import { renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';

import { findNodeHeaders, nativeDir, readSources } from './addon-sources.mjs';
import { compileFlags, linkFlags } from './compile-flags.mjs';
import { defaultBuildDir, keyOf, libtorchIdentity, portableFlags } from './current-build.mjs';
import { isFile, listFolder, sha256, writeAtomically } from './files.mjs';
import { makeFolder } from './make-folder.mjs';
import { lastLines, runCommand, shellLine } from './run-command.mjs';
import { SetupError } from './setup-error.mjs';

/** @typedef {import('./find-libtorch.mjs').Libtorch} Libtorch */
/** @typedef {import('./run-command.mjs').RunCommand} RunCommand */

/**
 * @typedef {object} BuiltAddon
 * @property {string} addon its file name in the build folder
 * @property {string} key of `keyOf`
 * @property {number} compiled how many files were compiled
 * @property {string[]} warnings the compiler's, of our own code
 */

/**
 * @param {Libtorch} libtorch
 * @param {{ compiler: string, buildDir?: string, run?: RunCommand }} options
 * @returns {Promise<BuiltAddon>}
 * @throws {SetupError} with the compiler's first errors and the command
 */
export async function buildAddon(libtorch, { compiler, buildDir = defaultBuildDir, run = runCommand }) {
  const { sources, headersHash } = readSources();
  const { nodeIncludeDirs, nodeHeadersVersion } = findNodeHeaders();
  const key = keyOf({ libtorch, compiler });
  const addon = `torch-${libtorch.version}-${key.slice(0, 12)}.node`;
  if (isFile(path.join(buildDir, addon))) return { addon, key, compiled: 0, warnings: [] };

  const objectDir = path.join(buildDir, 'objects', libtorch.version);
  makeFolder(objectDir);
  const flags = compileFlags(libtorch, { nodeIncludeDirs });
  const common = sha256(
    libtorchIdentity(libtorch),
    compiler,
    nodeHeadersVersion,
    headersHash,
    ...portableFlags(libtorch),
  );
  const groups = inTwoGroups(sources).map((group) => {
    const hash = sha256(common, ...group.flatMap(({ name, text }) => [name, text])).slice(0, 12);
    return { group, source: path.join(objectDir, `group-${hash}.cc`), object: path.join(objectDir, `group-${hash}.o`) };
  });
  const missing = groups.filter(({ object }) => !isFile(object));
  const results = await Promise.allSettled(
    missing.map(({ group, source, object }) => {
      const files = group.map(({ name }) => path.join(nativeDir, name));
      writeAtomically(source, files.map((file) => `#include "${file}"\n`).join(''));
      return compileGroup({ run, command: [compiler, ...flags], files, source, object });
    }),
  );
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  const objects = groups.map(({ object }) => object);
  await produce(run, [compiler, ...objects, ...linkFlags(libtorch)], path.join(buildDir, addon));
  removeStale(buildDir, { prefix: `torch-${libtorch.version}-`, keep: [addon] });
  removeStale(objectDir, {
    keep: groups.flatMap(({ source, object }) => [source, object].map((file) => path.basename(file))),
  });
  const warnings = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  return { addon, key, compiled: missing.flatMap(({ group }) => group).length, warnings };
}

/** By turns, so that a new file leaves most of both groups as they were. @template T @param {T[]} items @returns {T[][]} */
const inTwoGroups = (items) => [0, 1].map((part) => items.filter((_, i) => i % 2 === part));

/**
 * @param {{ run: RunCommand, command: string[], files: string[], source: string, object: string }} options
 *   `source` includes the `files`
 * @returns {Promise<string[]>} the compiler's warnings
 */
async function compileGroup({ run, command, files, source, object }) {
  try {
    const output = await produce(run, [...command, '-c', source], object);
    return output.split('\n').filter((line) => /\bwarning:/.test(line));
  } catch (error) {
    // In a group, a missing bracket shows up in the next file's headers: file by file the place is right.
    for (const file of files) await succeed(run, [...command, '-fsyntax-only', file]);
    throw error;
  }
}

/**
 * Lets the compiler write to a temporary name and renames: an interrupted build leaves no broken file.
 *
 * @param {RunCommand} run
 * @param {string[]} command without `-o`
 * @param {string} target
 * @returns {Promise<string>} what the compiler printed
 */
export async function produce(run, command, target) {
  const temporary = `${target}.${process.pid}.tmp`;
  try {
    const output = await succeed(run, [...command, '-o', temporary]);
    renameSync(temporary, target);
    return output;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** @param {RunCommand} run @param {string[]} command @returns {Promise<string>} @throws {SetupError} */
async function succeed(run, command) {
  const [program = '', ...args] = command;
  const { code, output } = await run(program, args);
  if (code !== 0) throw new SetupError(failureMessage(output, command), 'COMPILE');
  return output;
}

/**
 * The first errors with their places, then the command to repeat them.
 *
 * @param {string} output of the compiler or linker
 * @param {string[]} command
 */
export function failureMessage(output, command) {
  const errors = output
    .split('\n')
    .filter((line) => /\berror:|undefined (reference|symbol)|cannot find|[Kk]illed|No space left/.test(line));
  const shown = errors.length > 0 ? errors.slice(0, 8).join('\n') : lastLines(output, 8);
  return `The addon does not compile:\n${shown}\n\nThe command was:\n${shellLine(command)}`;
}

/**
 * Removes earlier builds of one libtorch version; those of other versions stay, for going back and forth.
 *
 * @param {string} folder
 * @param {{ prefix?: string, keep: string[] }} options
 */
export function removeStale(folder, { prefix = '', keep }) {
  const built = /\.(node|o|cc)(\.\d+\.tmp)?$/;
  for (const name of listFolder(folder)) {
    if (!name.startsWith(prefix) || !built.test(name) || keep.includes(name)) continue;
    const file = path.join(folder, name);
    // A young temporary file may belong to another set-up that runs now.
    const ageMs = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (!name.endsWith('.tmp') || ageMs > 3_600_000) rmSync(file, { force: true });
  }
}
