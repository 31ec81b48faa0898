import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { compileFlags, cppStandard, linkFlags } from './compile-flags.mjs';

/** @type {import('./find-libtorch.mjs').Libtorch} */
const debian = {
  source: 'system',
  version: '1.13.0',
  includeDirs: ['/usr/include', '/usr/include/torch/csrc/api/include'],
  libDir: '/usr/lib/x86_64-linux-gnu',
  cxx11Abi: true,
  cuda: null,
  cudaIncludeDir: null,
  cudart: null,
};
/** @type {import('./find-libtorch.mjs').Libtorch} */
const pipCuda = {
  source: 'python',
  version: '2.11.0+cu130',
  includeDirs: ['/site/torch/include'],
  libDir: '/site/torch/lib',
  cuda: '13.0',
  cudaIncludeDir: '/site/nvidia/cu13/include',
  cudart: '/site/nvidia/cu13/lib/libcudart.so.13',
};
const nodeIncludeDirs = ['/node/addon-api'];

test('cppStandard() is C++17 up to 2.11', () => {
  assert.deepEqual(['1.13.0', '2.11.0+cu130', '2.12.0', '3.0.0'].map(cppStandard), [
    'c++17',
    'c++17',
    'c++20',
    'c++20',
  ]);
});

suite('compileFlags()', () => {
  test("does not name the compiler's own folders", () => {
    const flags = compileFlags(debian, { nodeIncludeDirs });
    assert.ok(!flags.includes('/usr/include'));
    assert.ok(flags.includes('/usr/include/torch/csrc/api/include'));
    assert.ok(flags.includes('-D_GLIBCXX_USE_CXX11_ABI=1'));
    assert.ok(!flags.includes('-DWITH_CUDA_HEADERS'));
    const withCuda = compileFlags({ ...debian, cuda: '12.4', cudaIncludeDir: '/usr/include' }, { nodeIncludeDirs });
    assert.ok(withCuda.includes('-DWITH_CUDA_HEADERS') && !withCuda.includes('/usr/include'));
  });
  test('names the CUDA headers, and no C++ interface that is unknown', () => {
    const flags = compileFlags(pipCuda, { nodeIncludeDirs });
    assert.ok(flags.includes('-DWITH_CUDA_HEADERS') && flags.includes('/site/nvidia/cu13/include'));
    assert.ok(!flags.some((flag) => flag.includes('CXX11_ABI')));
  });
});

suite('linkFlags()', () => {
  test('links the CPU library alone without CUDA', () => {
    assert.deepEqual(linkFlags(debian, { platform: 'linux' }), [
      '-shared',
      '-pthread',
      '-Wl,-z,nodelete',
      '-L/usr/lib/x86_64-linux-gnu',
      '-ltorch',
      '-ltorch_cpu',
      '-lc10',
      '-Wl,-rpath,/usr/lib/x86_64-linux-gnu',
    ]);
  });
  test('keeps libtorch_cuda although nothing of ours names it', () => {
    const flags = linkFlags(pipCuda, { platform: 'linux' });
    assert.ok(flags.indexOf('-Wl,--no-as-needed') < flags.indexOf('-ltorch_cuda'));
    assert.ok(
      flags.includes('/site/nvidia/cu13/lib/libcudart.so.13') && flags.includes('-Wl,-rpath,/site/nvidia/cu13/lib'),
    );
  });
  test("leaves Node's symbols to Node on macOS", () => {
    assert.match(linkFlags(debian, { platform: 'darwin' }).join(' '), /-undefined dynamic_lookup/);
  });
});
