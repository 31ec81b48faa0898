import assert from 'node:assert/strict';
import { test } from 'node:test';

import { detectSystem } from './operating-system.mjs';

test('detectSystem() knows the families by ID and ID_LIKE', () => {
  /** @param {string} osRelease */
  const kind = (osRelease) => detectSystem({ platform: 'linux', osRelease }).kind;
  assert.equal(kind('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n'), 'debian');
  assert.equal(kind('ID=ubuntu\nID_LIKE=debian\n'), 'debian');
  assert.equal(kind('ID=linuxmint\nID_LIKE="ubuntu debian"\n'), 'debian');
  assert.equal(kind('ID=fedora\n'), 'fedora');
  assert.equal(kind('ID="rocky"\nID_LIKE="rhel centos fedora"\n'), 'fedora');
  assert.equal(kind('ID=arch\n'), 'linux');
  assert.equal(kind(''), 'linux');
  assert.equal(detectSystem({ platform: 'darwin' }).kind, 'macos');
  assert.equal(detectSystem({ platform: 'win32' }).kind, 'other');
});

test('detectSystem() names the system as a person knows it', () => {
  assert.equal(
    detectSystem({ platform: 'linux', osRelease: 'PRETTY_NAME="Ubuntu 24.04 LTS"\nID=ubuntu\n' }).name,
    'Ubuntu 24.04 LTS',
  );
});
