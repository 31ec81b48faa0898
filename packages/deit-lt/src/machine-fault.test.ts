import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { torch } from './index.js';
import { passMachineFault } from './machine-fault.js';

const coded = (code: string): Error => Object.assign(new Error(code), { code });

suite('passMachineFault()', () => {
  for (const fault of [new torch.BridgeError('BRIDGE_NOT_LOADED', 'no libtorch'), coded('EMFILE'), coded('ENFILE')])
    test(`throws "${fault.message}" again`, () =>
      assert.throws(
        () => passMachineFault(fault),
        (error) => error === fault,
      ));

  for (const fault of [coded('ENOENT'), coded('OUT_OF_MEMORY'), new Error('the file is damaged'), 'text'])
    test(`returns for "${String(fault)}"`, () => passMachineFault(fault));
});
