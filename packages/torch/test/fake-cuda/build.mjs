// Builds fake_cuda.cc beside the addon, for the same libtorch: `node build.mjs` prints the file that preload.mjs loads, or
// the reason why there is none. A libtorch with CUDA of its own, or another version than 1.13, cannot have the fake.
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { findNodeHeaders } from '../../setup/addon-sources.mjs';
import { compileFlags, linkFlags } from '../../setup/compile-flags.mjs';
import { defaultBuildDir, readCurrent } from '../../setup/current-build.mjs';
import { isFile, sha256 } from '../../setup/files.mjs';
import { lastLines, runCommand } from '../../setup/run-command.mjs';

const source = fileURLToPath(new URL('fake_cuda.cc', import.meta.url));
const graphs = fileURLToPath(new URL('fake_graphs.h', import.meta.url));

/**
 * @returns {Promise<{ file: string } | { reason: string }>}
 * @throws {Error} where it should compile and does not
 */
export async function buildFakeCuda() {
  const current = readCurrent(defaultBuildDir);
  if (current === null) return { reason: 'the addon is not built' };
  const { libtorch, compiler } = current;
  if (!libtorch.version.startsWith('1.13.') || libtorch.cuda !== null)
    return { reason: `it needs libtorch 1.13 without CUDA, and this one is ${libtorch.version}` };
  const flags = [...compileFlags(libtorch, { nodeIncludeDirs: findNodeHeaders().nodeIncludeDirs }), '-O1'];
  const key = sha256(readFileSync(source, 'utf8'), readFileSync(graphs, 'utf8'), compiler, ...flags).slice(0, 12);
  const file = path.join(defaultBuildDir, 'fake-cuda', `fake-cuda-${key}.node`);
  if (isFile(file)) return { file };
  mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  const { code, output } = await runCommand(compiler, [...flags, source, '-o', temporary, ...linkFlags(libtorch)]);
  if (code !== 0) throw new Error(`internal: the fake CUDA device does not compile:\n${lastLines(output, 20)}`);
  renameSync(temporary, file);
  return { file };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const built = await buildFakeCuda();
  console.log('file' in built ? built.file : built.reason);
}
