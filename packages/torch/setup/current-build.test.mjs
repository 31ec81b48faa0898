import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { findNodeHeaders, packageRoot } from './addon-sources.mjs';
import { findCompiler, keyOf, readCurrent, staleReason, writeCurrent } from './current-build.mjs';
import { SetupError } from './setup-error.mjs';
import { libtorchFiles, temporaryTree } from './temporary-tree.mjs';

/** A build that is good, and the surroundings that it was made in. @param {import('node:test').TestContext} t */
function goodBuild(t) {
  const root = temporaryTree(t, { ...libtorchFiles('libtorch/'), 'build/torch-2.4.1-abc.node': '' });
  const libDir = path.join(root, 'libtorch/lib');
  /** @type {import('./current-build.mjs').CurrentBuild} */
  const current = {
    addon: 'torch-2.4.1-abc.node',
    key: 'abc',
    libtorch: {
      source: 'system',
      version: '2.4.1',
      includeDirs: [path.join(root, 'libtorch/include')],
      libDir,
      cuda: null,
      cudaIncludeDir: null,
      cudart: null,
    },
    request: { LIBTORCH: null, CXX: null, CUDA_HOME: null },
    pythonTorch: null,
    compiler: '/usr/bin/g++',
    builtAt: '2026-01-01T00:00:00.000Z',
  };
  const options = {
    env: {},
    buildDir: path.join(root, 'build'),
    pythonTorch: () => /** @type {string | null} */ (null),
    torchEnvironment: () => /** @type {string | null} */ (null),
    key: () => 'abc',
  };
  return { root, current, options };
}

suite('staleReason()', () => {
  test('is null for a good build', (t) => {
    const { current, options } = goodBuild(t);
    assert.equal(staleReason(current, options), null);
  });
  test('tells that nothing is built', (t) => {
    assert.match(String(staleReason(null, goodBuild(t).options)), /not built/);
  });
  test('tells that the addon is gone', (t) => {
    const { current, options } = goodBuild(t);
    rmSync(path.join(options.buildDir, current.addon));
    assert.match(String(staleReason(current, options)), /not built/);
  });
  test('tells that LIBTORCH or CXX changed', (t) => {
    const { current, options } = goodBuild(t);
    assert.equal(
      staleReason(current, { ...options, env: { LIBTORCH: '/opt/libtorch' } }),
      'LIBTORCH is now /opt/libtorch',
    );
    assert.equal(staleReason(current, { ...options, env: { CXX: 'clang++' } }), 'CXX is now clang++');
  });
  test('does not mind CUDA_HOME when libtorch has no CUDA', (t) => {
    const { current, options } = goodBuild(t);
    assert.equal(staleReason(current, { ...options, env: { CUDA_HOME: '/opt/cuda' } }), null);
  });
  test('tells that libtorch is gone', (t) => {
    const { root, current, options } = goodBuild(t);
    rmSync(path.join(root, 'libtorch'), { recursive: true });
    assert.match(String(staleReason(current, options)), /libtorch is gone from/);
  });
  test('tells that python3 got or lost torch', (t) => {
    const { current, options } = goodBuild(t);
    assert.equal(
      staleReason(current, { ...options, pythonTorch: () => '/site/torch' }),
      'python3 now has torch in /site/torch',
    );
    assert.equal(staleReason({ ...current, pythonTorch: '/site/torch' }, options), 'python3 has no torch any more');
  });
  test('tells that the sources changed', (t) => {
    const { current, options } = goodBuild(t);
    assert.equal(staleReason(current, { ...options, key: () => 'def' }), 'its sources or libtorch changed');
  });
});

test('keyOf() is the same in a copy of the checkout, which is not compiled again', async (t) => {
  const { current } = goodBuild(t);
  const copy = temporaryTree(t, {});
  for (const name of ['native', 'setup'])
    cpSync(path.join(packageRoot, name), path.join(copy, name), { recursive: true });
  for (const folder of [0, 1].map((i) => String(findNodeHeaders().nodeIncludeDirs[i]).replace(/[\\/]include$/, '')))
    cpSync(folder, path.join(copy, 'node_modules', path.basename(folder)), { recursive: true });
  /** @type {typeof import('./current-build.mjs')} */
  const copied = await import(pathToFileURL(path.join(copy, 'setup/current-build.mjs')).href);
  assert.equal(copied.keyOf(current), keyOf(current));
});

suite('readCurrent()', () => {
  test('gives what writeCurrent() wrote', (t) => {
    const { current, options } = goodBuild(t);
    writeCurrent(current, options.buildDir);
    assert.deepEqual(readCurrent(options.buildDir), current);
  });
  test('is null for a broken file and for none', (t) => {
    assert.equal(readCurrent(temporaryTree(t, { 'current.json': '{"addon": "tor' })), null);
    assert.equal(readCurrent(temporaryTree(t, {})), null);
  });
});

suite('findCompiler()', () => {
  test('prefers g++ and takes clang++', (t) => {
    const root = temporaryTree(t, { 'both/bin/g++': '', 'both/bin/clang++': '', 'clang/bin/clang++': '' });
    assert.equal(findCompiler({ env: { PATH: path.join(root, 'both/bin') } }), path.join(root, 'both/bin/g++'));
    assert.equal(findCompiler({ env: { PATH: path.join(root, 'clang/bin') } }), path.join(root, 'clang/bin/clang++'));
  });
  test('is null when CXX names no program', () => {
    assert.equal(findCompiler({ env: { CXX: 'no-such-compiler', PATH: '/usr/bin' } }), null);
  });
});

test('SetupError keeps its code', () => {
  assert.equal(new SetupError('message', 'COMPILE').code, 'COMPILE');
});
