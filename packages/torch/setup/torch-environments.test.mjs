import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';

import { temporaryTree } from './temporary-tree.mjs';
import { completeMarker, environmentsFolder, findTorchEnvironments } from './torch-environments.mjs';

/** @param {string} version @param {boolean} [isComplete] */
const environment = (version, isComplete = true) => {
  const folder = `python/torch-${version}`;
  return {
    [`${folder}/bin/python3`]: '',
    [`${folder}/pyvenv.cfg`]: 'home = /usr/bin\n',
    [`${folder}/lib/python3.11/site-packages/torch/__init__.py`]: '',
    ...(isComplete && { [`${folder}/${completeMarker}`]: '' }),
  };
};

suite('findTorchEnvironments()', () => {
  test('gives the newest version first and leaves out what is not complete', (t) => {
    const files = { ...environment('2.9.1'), ...environment('2.14.1'), ...environment('2.11.0', false) };
    const root = temporaryTree(t, files);
    for (const version of ['2.9.1', '2.14.1', '2.11.0'])
      chmodSync(path.join(root, `python/torch-${version}/bin/python3`), 0o755);
    const found = findTorchEnvironments({ DEIT_LT_CACHE: root });
    assert.deepEqual(
      found.map(({ version }) => version),
      ['2.14.1', '2.9.1'],
    );
    assert.equal(found[0]?.torchFolder, path.join(root, 'python/torch-2.14.1/lib/python3.11/site-packages/torch'));
  });

  test('is empty where there is no such folder', () => {
    assert.deepEqual(findTorchEnvironments({ DEIT_LT_CACHE: '/does/not/exist' }), []);
  });
});

test('environmentsFolder() follows the cache folder of the command line', () => {
  assert.equal(environmentsFolder({ DEIT_LT_CACHE: '/c' }), '/c/python');
  assert.equal(environmentsFolder({ XDG_CACHE_HOME: '/x' }), '/x/deit-lt/python');
  assert.equal(environmentsFolder({ HOME: '/home/ada' }), '/home/ada/.cache/deit-lt/python');
});
