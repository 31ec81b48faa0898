import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { assertClose, Reference } from './reference/reference.js';

suite('random streams', () => {
  const reference = new Reference();
  after(() => reference.stop());

  test("manualSeed(0); randn equals Python's bit for bit", async () => {
    const { x } = await reference.run('torch.manual_seed(0); out["x"] = torch.randn(33, 7)');
    torch.manualSeed(0);
    assertClose(torch.randn([33, 7]), x);
  });
});

suite('torch.tensor()', () => {
  test('gives float32 for numbers, bool for booleans, int64 for BigInts', () => {
    assert.equal(torch.tensor([1, 2]).dtype, 'float32');
    assert.equal(torch.tensor([true]).dtype, 'bool');
    assert.equal(torch.tensor([1n]).dtype, 'int64');
  });
});
