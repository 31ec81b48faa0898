import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, test } from 'node:test';

import { findCudaHeaders } from './find-cuda.mjs';
import { temporaryTree } from './temporary-tree.mjs';

suite('findCudaHeaders()', () => {
  const toolkit12 = {
    'cuda/include/cuda_runtime_api.h': '#define CUDART_VERSION  12060\n',
    'cuda/include/crt/host_defines.h': '',
  };
  /** @param {string} root @param {string} cuda */
  const find = (root, cuda) =>
    findCudaHeaders({
      cuda,
      torchFolder: path.join(root, 'site/torch'),
      env: { CUDA_HOME: path.join(root, 'cuda') },
      toolkitRoot: root,
    });

  test('takes the toolkit of the same major version', (t) => {
    const root = temporaryTree(t, toolkit12);
    assert.equal(find(root, '12.1'), path.join(root, 'cuda/include'));
  });
  test('does not take a toolkit of another major version', (t) => {
    assert.equal(find(temporaryTree(t, toolkit12), '13.0'), null);
  });
  test("does not take pip's headers without crt/", (t) => {
    const root = temporaryTree(t, {
      ...toolkit12,
      'site/nvidia/cuda_runtime/include/cuda_runtime_api.h': '#define CUDART_VERSION 12060\n',
    });
    assert.equal(find(root, '12.6'), path.join(root, 'cuda/include'));
  });
});
