import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import {
  cudaOfVersion,
  isAtLeast,
  parseCxx11Abi,
  parseVersionHeader,
  parseVersionPy,
  versionNumbers,
} from './torch-version.mjs';

suite('parseVersionHeader()', () => {
  test('reads the header of 1.13 and later', () => {
    const header = `#pragma once
/// Indicates the major version of LibTorch.
#define TORCH_VERSION_MAJOR 2
#define TORCH_VERSION_MINOR 11
#define TORCH_VERSION_PATCH 0
#define TORCH_VERSION_ABI_TAG 0
#define TORCH_VERSION \\
  "2.11.0"`;
    assert.equal(parseVersionHeader(header), '2.11.0');
  });
  test('is null for the header of 2.9 that only includes another', () => {
    assert.equal(parseVersionHeader('#pragma once\n#include <torch/headeronly/version.h>\n'), null);
  });
});

suite('parseVersionPy()', () => {
  test("reads pip's file", () => {
    const text =
      "from typing import Optional\n__version__ = '2.11.0+cu130'\ndebug = False\ncuda: Optional[str] = '13.0'\nhip: Optional[str] = None\n";
    assert.deepEqual(parseVersionPy(text), { version: '2.11.0+cu130', cuda: '13.0' });
  });
  test("reads Debian's file, which has no CUDA", () => {
    assert.deepEqual(parseVersionPy("__version__ = '1.13.0a0'\ncuda = None\n"), { version: '1.13.0a0', cuda: null });
  });
});

test('versionNumbers() ignores what follows the numbers', () => {
  assert.deepEqual(versionNumbers('2.6.0+dfsg-8'), [2, 6, 0]);
  assert.deepEqual(versionNumbers('1.13'), [1, 13, 0]);
  assert.equal(versionNumbers('unknown'), null);
});

test('isAtLeast() compares numbers, not texts', () => {
  assert.equal(isAtLeast('1.13.0a0', '1.13'), true);
  assert.equal(isAtLeast('1.8.1', '1.13'), false);
  assert.equal(isAtLeast('2.9.1', '2.12'), false);
  assert.equal(isAtLeast('nonsense', '1.13'), false);
});

test('cudaOfVersion() splits the last digit off', () => {
  assert.equal(cudaOfVersion('2.3.0+cu121'), '12.1');
  assert.equal(cudaOfVersion('2.3.0+cpu'), null);
});

test('parseCxx11Abi() is undefined where TorchConfig.cmake does not say', () => {
  assert.equal(parseCxx11Abi('set(TORCH_CXX_FLAGS "-D_GLIBCXX_USE_CXX11_ABI=0")'), false);
  assert.equal(parseCxx11Abi('set(TORCH_CXX_FLAGS "-D_GLIBCXX_USE_CXX11_ABI=1")'), true);
  assert.equal(parseCxx11Abi('# nothing'), undefined);
});
