import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { inspect } from 'node:util';
import { inspectCustom } from './inspect-custom.js';

suite('inspectCustom', () => {
  test("is Node's util.inspect.custom, of which an object prints itself", () => {
    assert.equal(inspectCustom, inspect.custom);
    assert.equal(inspect({ [inspectCustom]: () => 'itself' }), 'itself');
  });
});
