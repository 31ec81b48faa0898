import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { firstOnMachine } from './first-on-machine.js';

/** A meeting of `count` processes: resolves for all when the last one comes. */
function meeting(count: number): () => Promise<void> {
  let came = 0;
  let open: () => void;
  const all = new Promise<void>((resolve) => {
    open = resolve;
  });
  return () => {
    if (++came === count) open();
    return all;
  };
}

suite('firstOnMachine()', () => {
  test('opens in one process of each machine, and in the others when all of those are done', async () => {
    const locals = [0, 1, 2, 0, 1]; // two machines
    const meet = meeting(locals.length);
    const events: string[] = [];
    const opened = locals.map((local, rank) =>
      firstOnMachine({ count: locals.length, local, meet }, async () => {
        events.push(`starts ${local}`);
        await new Promise((resolve) => setTimeout(resolve, 10 * (rank + 1)));
        events.push(`ends ${local}`);
        return rank;
      }),
    );
    assert.deepEqual(await Promise.all(opened), [0, 1, 2, 3, 4]);
    assert.deepEqual(events.slice(0, 4), ['starts 0', 'starts 0', 'ends 0', 'ends 0']);
    assert.equal(events.length, 10);
  });

  test('opens at once where there is one process', async () => {
    const meet = (): Promise<void> => assert.fail('nobody comes');
    assert.equal(await firstOnMachine({ count: 1, local: 0, meet }, async () => 'data'), 'data');
  });
});
