/** What `npm pack` would publish: everything that is opened when the package is used, and nothing of the tests. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { suite, test } from 'node:test';
import { recipeFolder, recipeNames } from '../src/recipe/load.js';

const packageFolder = path.resolve(import.meta.dirname, '../..');

/** Paths in the package, as npm would pack them. */
function packedFiles(): Set<string> {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const { stdout, stderr } = spawnSync('npm', args, { cwd: packageFolder, encoding: 'utf8' });
  assert.notEqual(stdout, '', stderr);
  const [packed] = JSON.parse(stdout) as { files: { path: string }[] }[];
  return new Set(packed!.files.map((file) => file.path));
}

suite('the published package', () => {
  const files = packedFiles();

  test('has its recipes, its command, and the files that threads start from', () => {
    const folder = path.relative(packageFolder, recipeFolder);
    const names = recipeNames();
    assert.ok(names.includes('default') && names.includes('quickstart'));
    const needed = [
      ...names.map((name) => path.join(folder, `${name}.yaml`)),
      'bin/deit-lt.mjs',
      'dist/src/index.js',
      'dist/src/cli/main.js',
      'dist/src/data/decode/decode-worker.js',
      'dist/src/onnx/session-worker.js',
    ];
    assert.deepEqual(
      needed.filter((file) => !files.has(file)),
      [],
    );
  });

  test('has no tests', () => {
    assert.deepEqual(
      [...files].filter((file) => /\.test\.|^dist\/test|^test/.test(file)),
      [],
    );
  });
});
