import assert from 'node:assert/strict';
import { rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';

import { findAllLibtorch, findLibtorch } from './find-libtorch.mjs';
import { libtorchFiles, temporaryTree } from './temporary-tree.mjs';

const platform = 'linux';
const noPython = async () => null;

/** @param {string} root @returns {import('./find-libtorch.mjs').Place} */
const placeIn = (root) => ({
  includeDir: path.join(root, 'include'),
  libDir: path.join(root, 'lib'),
  torchFolder: root,
});

suite('findLibtorch()', () => {
  test('takes LIBTORCH first', async (t) => {
    const root = temporaryTree(t, {
      ...libtorchFiles('named/', '2.5.1'),
      ...libtorchFiles('system/', '1.13.0'),
      'named/build-version': '2.5.1+cpu\n',
      'named/share/cmake/Torch/TorchConfig.cmake': 'set(TORCH_CXX_FLAGS "-D_GLIBCXX_USE_CXX11_ABI=0")',
    });
    const named = path.join(root, 'named');
    const found = await findLibtorch({
      env: { LIBTORCH: named },
      platform,
      systemPlaces: [placeIn(path.join(root, 'system'))],
      pythonTorch: noPython,
      environments: () => [],
    });
    assert.deepEqual(found, {
      source: 'LIBTORCH',
      version: '2.5.1+cpu',
      includeDirs: [path.join(named, 'include'), path.join(named, 'include/torch/csrc/api/include')],
      libDir: path.join(named, 'lib'),
      cxx11Abi: false,
      cuda: null,
      cudaIncludeDir: null,
      cudart: null,
    });
  });

  test("takes python3's torch before the system's", async (t) => {
    const root = temporaryTree(t, {
      ...libtorchFiles('site/torch/'),
      ...libtorchFiles('system/', '1.13.0'),
      'site/torch/version.py': "__version__ = '2.4.1+cpu'\ncuda = None\n",
    });
    const pythonTorch = async () => path.join(root, 'site/torch');
    const found = await findLibtorch({
      env: {},
      platform,
      systemPlaces: [placeIn(path.join(root, 'system'))],
      pythonTorch,
      environments: () => [],
    });
    assert.equal(found?.source, 'python');
    assert.equal(found?.version, '2.4.1+cpu');
  });

  test("finds conda's headers and libraries in the prefix", async (t) => {
    const root = temporaryTree(t, {
      ...libtorchFiles(''),
      'lib/python3.12/site-packages/torch/version.py': "__version__ = '2.4.1'\n",
    });
    const pythonTorch = async () => path.join(root, 'lib/python3.12/site-packages/torch');
    const found = await findLibtorch({ env: {}, platform, systemPlaces: [], pythonTorch, environments: () => [] });
    assert.equal(found?.libDir, path.join(root, 'lib'));
  });

  test('skips one that is too old and says so', async (t) => {
    const root = temporaryTree(t, { ...libtorchFiles('old/', '1.8.1'), ...libtorchFiles('new/', '2.9.0') });
    /** @type {string[]} */
    const skipped = [];
    const systemPlaces = ['old', 'new'].map((name) => placeIn(path.join(root, name)));
    const found = await findLibtorch({
      env: {},
      platform,
      systemPlaces,
      pythonTorch: noPython,
      environments: () => [],
      onSkip: (reason) => skipped.push(reason),
    });
    assert.equal(found?.version, '2.9.0');
    assert.match(String(skipped[0]), /libtorch 1\.8\.1 in .* is older than 1\.13/);
  });

  test("takes the environment of setup:torch before the system's, and lists all", async (t) => {
    const root = temporaryTree(t, { ...libtorchFiles('site/torch/', '2.14.1'), ...libtorchFiles('system/', '1.13.0') });
    const found = await findAllLibtorch({
      env: {},
      platform,
      systemPlaces: [placeIn(path.join(root, 'system'))],
      pythonTorch: noPython,
      environments: () => [path.join(root, 'site/torch')],
    });
    assert.deepEqual(
      found.map(({ source, version }) => [source, version]),
      [
        ['setup:torch', '2.14.1'],
        ['system', '1.13.0'],
      ],
    );
  });

  test("takes the system's where the torch of python3 is only links to it", async (t) => {
    const root = temporaryTree(t, { ...libtorchFiles('system/', '1.13.0'), ...libtorchFiles('site/torch/', '1.13.0') });
    rmSync(path.join(root, 'site/torch/lib/libtorch_cpu.so'));
    symlinkSync(path.join(root, 'system/lib/libtorch_cpu.so'), path.join(root, 'site/torch/lib/libtorch_cpu.so'));
    const found = await findAllLibtorch({
      env: {},
      platform,
      systemPlaces: [placeIn(path.join(root, 'system'))],
      pythonTorch: async () => path.join(root, 'site/torch'),
      environments: () => [],
    });
    assert.deepEqual(
      found.map(({ source }) => source),
      ['system'],
    );
  });

  test("takes Debian's libtorch for LIBTORCH=/usr", async (t) => {
    const files = libtorchFiles('usr/', '1.13.0');
    const multiarch = Object.fromEntries(
      Object.entries(files).map(([name, text]) => [name.replace('usr/lib/', 'usr/lib/x86_64-linux-gnu/'), text]),
    );
    const root = temporaryTree(t, multiarch);
    if (process.arch !== 'x64') return t.skip('the folder is named after this processor');
    const found = await findLibtorch({ env: { LIBTORCH: path.join(root, 'usr') }, platform });
    assert.equal(found?.libDir, path.join(root, 'usr/lib/x86_64-linux-gnu'));
  });

  test('is null where there is none', async () => {
    assert.equal(
      await findLibtorch({ env: {}, platform, systemPlaces: [], pythonTorch: noPython, environments: () => [] }),
      null,
    );
  });

  test('reads the CUDA version and finds the headers and libcudart beside torch', async (t) => {
    const root = temporaryTree(t, {
      ...libtorchFiles('site/torch/', '2.11.0'),
      'site/torch/lib/libtorch_cuda.so': '',
      'site/torch/version.py': "__version__ = '2.11.0+cu130'\ncuda: Optional[str] = '13.0'\n",
      'site/nvidia/cu13/include/cuda_runtime_api.h': '#define CUDART_VERSION  13000\n',
      'site/nvidia/cu13/include/crt/host_defines.h': '',
      'site/nvidia/cu13/lib/libcudart.so.13': '',
    });
    const pythonTorch = async () => path.join(root, 'site/torch');
    const found = await findLibtorch({ env: {}, platform, systemPlaces: [], pythonTorch, environments: () => [] });
    assert.equal(found?.cuda, '13.0');
    assert.equal(found?.cudaIncludeDir, path.join(root, 'site/nvidia/cu13/include'));
    assert.equal(found?.cudart, path.join(root, 'site/nvidia/cu13/lib/libcudart.so.13'));
  });
});

suite('a wrong LIBTORCH', () => {
  /** @param {string} folder */
  const find = (folder) =>
    findLibtorch({
      env: { LIBTORCH: folder },
      platform,
      systemPlaces: [],
      pythonTorch: noPython,
      environments: () => [],
    });

  test('that does not exist is an error that says what was expected', async () => {
    await assert.rejects(find('/does/not/exist'), {
      code: 'LIBTORCH',
      message:
        /^LIBTORCH=\/does\/not\/exist: there is no such folder\.\nExpected .*include\/ATen and lib\/libtorch_cpu\.so/,
    });
  });
  test('without the library names what is missing', async (t) => {
    const root = temporaryTree(t, libtorchFiles(''));
    rmSync(path.join(root, 'lib/libtorch_cpu.so'));
    await assert.rejects(find(root), { code: 'LIBTORCH', message: /it has no lib\/libtorch_cpu\.so\./ });
  });
  test('that is too old names its version', async (t) => {
    await assert.rejects(find(temporaryTree(t, libtorchFiles('', '1.12.1'))), {
      code: 'LIBTORCH',
      message: /its version is 1\.12\.1/,
    });
  });
});
