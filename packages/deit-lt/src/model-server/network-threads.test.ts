import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { chooseThreads } from './network-threads.js';

/** A network that takes `ms` for each batch, by a clock of its own. */
function network(ms: (images: number, threads: number) => number) {
  let [clock, threads, runs] = [0, 0, 0];
  return {
    run: async (images: number): Promise<void> => {
      runs++;
      clock += ms(images, threads);
    },
    now: () => clock,
    setThreads: (count: number): void => {
      threads = count;
    },
    state: () => ({ threads, runs }),
  };
}

suite('chooseThreads()', () => {
  test('takes one thread where it is faster, by the size of the batch', async () => {
    const each = network((images, threads) => (threads === 1 ? 2 * images : 5 + images / 2));
    const choice = await chooseThreads(each.run, { ...each, most: 4 });
    assert.deepEqual([1, 7, 8, 64].map(choice.of), [1, 1, 4, 4]);
    assert.equal(each.state().threads, 4);
  });

  test('does not try out a large network, nor one thread only', async () => {
    const large = network((images) => 30 * images);
    assert.equal((await chooseThreads(large.run, { ...large, most: 4 })).of(1), 4);
    assert.equal(large.state().runs, 1);
    const small = network(() => 1);
    assert.equal((await chooseThreads(small.run, { ...small, most: 1 })).of(1), 1);
    assert.equal(small.state().runs, 0);
  });

  test('passes on the error of a network', async () => {
    const run = () => Promise.reject(new Error('not finite'));
    await assert.rejects(chooseThreads(run, { most: 2, setThreads: () => {} }), /not finite/);
  });
});
