import assert from 'node:assert/strict';
import os from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';

import { askPackageFolders, findPackageFolder, findPythonOnPath } from './find-python.mjs';
import { temporaryTree } from './temporary-tree.mjs';

const torchIn = (/** @type {string} */ site) => ({ [`${site}/torch/__init__.py`]: '' });

suite('findPythonOnPath()', () => {
  const pyenv = {
    'pyenv/shims/python3': '',
    'pyenv/versions/3.11.7/bin/python3': '',
    'pyenv/versions/3.12.1/bin/python3': '',
    'pyenv/version': '3.11.7\n',
  };

  test('follows a pyenv shim to the global version', (t) => {
    const root = temporaryTree(t, pyenv);
    assert.equal(
      findPythonOnPath({ env: { PATH: path.join(root, 'pyenv/shims') }, cwd: root }),
      path.join(root, 'pyenv/versions/3.11.7/bin/python3'),
    );
  });
  test("follows a pyenv shim to the folder's version", (t) => {
    const root = temporaryTree(t, { ...pyenv, 'project/.python-version': '3.12.1\n', 'project/src/file': '' });
    const found = findPythonOnPath({
      env: { PATH: path.join(root, 'pyenv/shims') },
      cwd: path.join(root, 'project/src'),
    });
    assert.equal(found, path.join(root, 'pyenv/versions/3.12.1/bin/python3'));
  });
  test('follows a pyenv shim to the system', (t) => {
    const root = temporaryTree(t, { ...pyenv, 'usr/bin/python3': '' });
    const PATH = ['pyenv/shims', 'usr/bin'].map((folder) => path.join(root, folder)).join(path.delimiter);
    assert.equal(
      findPythonOnPath({ env: { PATH, PYENV_VERSION: 'system' }, cwd: root }),
      path.join(root, 'usr/bin/python3'),
    );
  });
  test('is null without a python3', () => {
    assert.equal(findPythonOnPath({ env: { PATH: '/does/not/exist' } }), null);
  });
});

suite('findPackageFolder()', () => {
  /** @param {import('node:test').TestContext} t @param {Record<string, string>} files @param {NodeJS.ProcessEnv} [env] */
  const find = (t, files, env = { HOME: '/does/not/exist' }) => {
    const root = temporaryTree(t, { 'bin/python3': '', ...files });
    const folder = findPackageFolder(path.join(root, 'bin/python3'), 'torch', { env });
    return folder && path.relative(root, folder);
  };

  test('looks into site-packages', (t) => {
    assert.equal(find(t, torchIn('lib/python3.12/site-packages')), 'lib/python3.12/site-packages/torch');
  });
  test("looks into Debian's dist-packages", (t) => {
    assert.equal(find(t, torchIn('lib/python3/dist-packages')), 'lib/python3/dist-packages/torch');
  });
  test('looks only into a virtual environment that shares nothing', (t) => {
    const home = temporaryTree(t, { ...torchIn('lib/python3.12/site-packages'), 'bin/python3': '' });
    const config = (/** @type {string} */ shares) => ({
      'pyvenv.cfg': `home = ${home}/bin\ninclude-system-site-packages = ${shares}\n`,
      'lib/python3.12/site-packages/pip/__init__.py': '',
    });
    assert.equal(find(t, config('false')), null);
    assert.notEqual(find(t, config('true')), null);
  });
  test('looks without a home folder, as of a user id that is not in /etc/passwd', (t) => {
    t.mock.method(os, 'homedir', () => {
      throw new Error('uv_os_homedir returned ENOENT');
    });
    for (const env of [{}, { HOME: '' }])
      assert.equal(find(t, torchIn('lib/python3.12/site-packages'), env), 'lib/python3.12/site-packages/torch');
  });
  test('does not take a folder without __init__.py for a package', (t) => {
    assert.equal(find(t, { 'lib/python3.12/site-packages/torch/version.py': '' }), null);
  });
});

suite('askPackageFolders()', () => {
  test('gives the answers of Python', async () => {
    const run = async () => ({ code: 0, stdout: '["/site/torch", null]\n', output: '' });
    assert.deepEqual(await askPackageFolders('python3', ['torch', 'numpy'], { run }), ['/site/torch', null]);
  });
  test('is all null when Python does not start', async () => {
    const run = async () => ({ code: 127, stdout: '', output: 'pyenv: python3: command not found' });
    assert.deepEqual(await askPackageFolders('python3', ['torch'], { run }), [null]);
  });
});
