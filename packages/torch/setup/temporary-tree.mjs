// For tests: a folder with the given files, removed at the test's end.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/**
 * @param {{ after(work: () => void): void }} t the test's context
 * @param {Record<string, string>} files texts by path; files under a bin/ folder become executable
 * @returns {string} the folder, with a space in its name: no path of ours may need quoting
 */
export function temporaryTree(t, files) {
  const root = mkdtempSync(path.join(os.tmpdir(), 'set up '));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(root, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    if (/(^|\/)(bin|shims)\//.test(name)) chmodSync(file, 0o755);
  }
  return root;
}

/** The files of a libtorch in a folder, as far as the set-up looks at them. @param {string} prefix @param {string} [version] */
export function libtorchFiles(prefix, version = '2.4.1') {
  const [major, minor, patch] = version.split('.');
  return {
    [`${prefix}include/ATen/core/Tensor.h`]: '',
    [`${prefix}include/torch/csrc/api/include/torch/version.h`]: `#define TORCH_VERSION_MAJOR ${major}\n#define TORCH_VERSION_MINOR ${minor}\n#define TORCH_VERSION_PATCH ${patch}\n`,
    [`${prefix}lib/libtorch_cpu.so`]: 'cpu',
    [`${prefix}lib/libtorch_cpu.dylib`]: 'cpu',
  };
}

/**
 * The libtorch that `libtorchFiles` laid into `root`, and a compiler that only keeps its arguments and writes its output file, or
 * fails with `output`.
 * @param {string} root
 */
export function pretendedBuild(root, { output = '' } = {}) {
  /** @type {string[][]} */
  const commands = [];
  /** @type {import('./run-command.mjs').RunCommand} */
  const run = async (_, args) => {
    commands.push(args);
    if (output !== '') return { code: 1, stdout: '', output };
    writeFileSync(String(args[args.indexOf('-o') + 1]), '');
    return { code: 0, stdout: '', output: '' };
  };
  /** @type {import('./find-libtorch.mjs').Libtorch} */
  const libtorch = {
    source: 'system',
    version: '2.4.1',
    includeDirs: [path.join(root, 'libtorch/include')],
    libDir: path.join(root, 'libtorch/lib'),
    cuda: null,
    cudaIncludeDir: null,
    cudart: null,
  };
  const buildDir = path.join(root, 'build');
  return { libtorch, commands, buildDir, options: { compiler: 'g++', buildDir, run } };
}
