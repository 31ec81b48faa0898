import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { deviceOfProcess } from './device-of-process.js';
import { alone } from './processes.js';

suite('deviceOfProcess()', () => {
  const process = (card: number | { reason: string }, others: boolean) => ({
    rank: 3,
    count: 4,
    card,
    any: (isWithout: boolean) => isWithout || others,
  });
  const without = { reason: 'its machine has 1 card' };

  test('gives each process its own card', () => {
    assert.equal(deviceOfProcess('cuda', process(1, false)), 'cuda:1');
    assert.equal(deviceOfProcess('auto', process(1, false)), 'cuda:1');
  });

  test('takes the CPU by itself where one process has no card', () => {
    assert.equal(deviceOfProcess('auto', process(1, true)), 'cpu');
    assert.equal(deviceOfProcess('auto', process(without, false)), 'cpu');
    assert.equal(deviceOfProcess('cpu', process(1, false)), 'cpu');
  });

  test('leaves the device of a training in one process', () => {
    assert.equal(deviceOfProcess('cuda:1', alone), 'cuda:1');
    assert.equal(deviceOfProcess('auto', alone), 'auto');
  });

  test('refuses a card that is not there, and one card for all', () => {
    assert.throws(() => deviceOfProcess('cuda', process(without, false)), {
      code: 'RECIPE',
      message:
        /^device: cuda was requested, but process 3 of 4 \(from 0\) has no card of its own: its machine has 1 card\. Use --set device=cpu/,
    });
    assert.throws(() => deviceOfProcess('cuda:1', process(1, false)), {
      code: 'RECIPE',
      message: /^device: 4 processes cannot train on cuda:1 alone/,
    });
  });
});
