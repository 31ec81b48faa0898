import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';

import { buildDistributed } from './build-distributed.mjs';
import { libtorchFiles, pretendedBuild, temporaryTree } from './temporary-tree.mjs';

/** A libtorch with or without the header, and a compiler that writes its output file or fails. @param {import('node:test').TestContext} t */
function pretended(t, { header = true, output = '' } = {}) {
  const root = temporaryTree(t, {
    ...libtorchFiles('libtorch/'),
    ...(header && { 'libtorch/include/torch/csrc/distributed/c10d/ProcessGroupGloo.hpp': '' }),
    'build/torch-2.4.1-abc.node': '',
  });
  return pretendedBuild(root, { output });
}

suite('buildDistributed()', () => {
  test('compiles once, beside the addon', async (t) => {
    const { libtorch, commands, buildDir, options } = pretended(t);
    const first = await buildDistributed(libtorch, options);
    assert.ok('addon' in first && /^distributed-2\.4\.1-\w{12}\.node$/.test(first.addon));
    assert.deepEqual(await buildDistributed(libtorch, options), first);
    assert.equal(commands.length, 1);
    assert.deepEqual(first.nccl, { reason: 'this libtorch is without CUDA' });
    assert.deepEqual(readdirSync(buildDir).sort(), [first.addon, 'torch-2.4.1-abc.node'].sort());
  });

  test('gives the reason for a libtorch without the header, without compiling', async (t) => {
    const { libtorch, commands, options } = pretended(t, { header: false });
    const built = await buildDistributed(libtorch, options);
    assert.ok('reason' in built && /came without the header .*ProcessGroupGloo\.hpp/.test(built.reason));
    assert.equal(commands.length, 0);
  });

  test('gives the first error of the compiler, and leaves no file', async (t) => {
    const { libtorch, buildDir, options } = pretended(t, {
      output: 'a.cc:1:2: error: no\nb.cc:3:4: error: nor this\n',
    });
    assert.deepEqual(await buildDistributed(libtorch, options), { reason: 'it does not compile: a.cc:1:2: error: no' });
    assert.deepEqual(readdirSync(buildDir), ['torch-2.4.1-abc.node']);
  });

  /** A libtorch with CUDA and all headers of NCCL. @param {import('node:test').TestContext} t */
  function withCuda(t) {
    const headers = 'libtorch/include/torch/csrc/distributed/c10d/';
    const root = temporaryTree(t, {
      ...libtorchFiles('libtorch/'),
      [`${headers}ProcessGroupGloo.hpp`]: '',
      [`${headers}ProcessGroupNCCL.hpp`]: '',
      'cuda/nccl.h': '',
      'build/torch-2.4.1-abc.node': '',
    });
    const build = pretendedBuild(root);
    return { ...build, libtorch: { ...build.libtorch, cuda: '13.0', cudaIncludeDir: path.join(root, 'cuda') } };
  }

  test('compiles NCCL in where libtorch has CUDA', async (t) => {
    const { libtorch, commands, options } = withCuda(t);
    const built = await buildDistributed(libtorch, options);
    assert.ok('addon' in built && built.nccl === true);
    assert.equal(commands.length, 1);
    for (const word of ['-DWITH_NCCL', '-ltorch_cuda']) assert.ok(commands[0]?.includes(word), word);
    assert.ok(commands[0]?.some((word) => word.endsWith('nccl.cc')));
  });

  test('compiles again without NCCL where it fails, and keeps the reason', async (t) => {
    const { libtorch, commands, options } = withCuda(t);
    /** @type {import('./run-command.mjs').RunCommand} */
    const run = async (program, args) =>
      args.includes('-DWITH_NCCL')
        ? { code: 1, stdout: '', output: 'nccl.cc:1:2: error: too old\n' }
        : options.run(program, args);
    const built = await buildDistributed(libtorch, { ...options, run });
    assert.ok('addon' in built);
    assert.deepEqual(built.nccl, { reason: 'it does not compile: nccl.cc:1:2: error: too old' });
    assert.equal(commands.length, 1);
    const header = await buildDistributed({ ...libtorch, cudaIncludeDir: null }, options);
    assert.ok(
      'addon' in header && header.nccl !== true && /headers of CUDA 13\.0 were not found/.test(header.nccl.reason),
    );
  });
});
