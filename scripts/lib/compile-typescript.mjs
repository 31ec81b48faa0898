// Compiles the TypeScript of all projects, when it changed since the last time.
import { rmSync } from 'node:fs';
import path from 'node:path';

import { filesUnder, isFile, isFolder, readText, sha256 } from '../../packages/torch/setup/files.mjs';
import { runCommand } from '../../packages/torch/setup/run-command.mjs';
import { SetupError } from '../../packages/torch/setup/setup-error.mjs';
import { step } from '../../packages/torch/setup/step.mjs';
import { readStamp, updateStamp } from './stamp.mjs';

/** @param {string} root @throws {SetupError} with the compiler's messages */
export async function compileTypeScript(root) {
  const projects = readProjects(root);
  const typescript = hashSources(root, projects);
  const allCompiled = projects.every((folder) => isFolder(path.join(folder, 'dist')));
  if (readStamp(root).typescript === typescript && allCompiled) return;
  await step('Compiling TypeScript', async () => {
    projects.forEach(removeOrphans);
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    const { code, output } = await runCommand(process.execPath, [tsc, '--build', '--pretty', 'false'], { cwd: root });
    if (code !== 0) throw new SetupError(`The TypeScript does not compile:\n${output.trimEnd()}`, 'TYPESCRIPT');
  });
  updateStamp(root, { typescript });
}

/** The folders that the root's tsconfig.json refers to. @param {string} root @returns {string[]} */
function readProjects(root) {
  const { references } = JSON.parse(readText(path.join(root, 'tsconfig.json')) ?? '{"references":[]}');
  return references.map((/** @type {{ path: string }} */ reference) => path.join(root, reference.path));
}

/** @param {string} root @param {string[]} projects */
function hashSources(root, projects) {
  const shared = ['tsconfig.json', 'tsconfig.base.json', 'package-lock.json'].map((name) => path.join(root, name));
  const files = [...shared, ...projects.flatMap(filesOfProject)];
  return sha256(...files.flatMap((file) => [path.relative(root, file), readText(file) ?? '']));
}

/** What a compilation may read: also package.json, for its exports. @param {string} folder @returns {string[]} */
function filesOfProject(folder) {
  return filesUnder(folder).filter((file) => {
    const name = path.relative(folder, file);
    return /\.(ts|mts|tsx|json)$/.test(name) && !/(^|\/)(dist|build|node_modules)\//.test(name);
  });
}

/** Removes what was compiled from sources that are gone: the test runner would still run it. @param {string} folder */
function removeOrphans(folder) {
  for (const file of filesUnder(path.join(folder, 'dist'))) {
    const [compiled] = /\.(d\.ts|js)(\.map)?$/.exec(file) ?? [];
    if (compiled === undefined) continue;
    const source = path.join(folder, path.relative(path.join(folder, 'dist'), file).slice(0, -compiled.length));
    if (!['.ts', '.tsx'].some((end) => isFile(source + end))) rmSync(file);
  }
}
