import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import * as torch from '../src/index.js';

const file = new URL('./helpers/worker-tasks.js', import.meta.url);

function start(task: string, argument = 0): Worker {
  return new Worker(file, { workerData: { task, argument } });
}

/** The task's result, once its thread has ended with exit code 0. */
async function run<T>(task: string, argument = 0): Promise<T> {
  const worker = start(task, argument);
  const [[message], [code]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
  assert.equal(code, 0);
  return message as T;
}

suite('worker threads', () => {
  test('compute at once, each with the same result as without the others, while the main thread computes too', async () => {
    const both = Promise.all([run<number[]>('compute', 200), run<number[]>('compute', 200)]);
    const x = torch.ones(64, 64);
    for (let i = 0; i < 200; i++) {
      assert.equal(
        torch.tidy(() => x.matmul(x).sum().item()),
        64 ** 3,
      );
      if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const [first, second] = await both;
    assert.deepEqual(first, second);
    assert.deepEqual(await run('compute', 200), first);
  });

  test('have their own errors', async () => {
    assert.match(await run('fail'), /aten::mm: mat1 and mat2 shapes cannot be multiplied.*self: float32\[2, 3\]/s);
  });

  test('may end with tensors, graphs, scopes and modes alive; the main thread notices nothing', async () => {
    const x = torch.ones(3, { requiresGrad: true });
    const loss = x.mul(2).sum();
    assert.equal(await run('leave', 1), true);
    assert.deepEqual(
      [torch.isGradEnabled(), torch.isAutocastEnabled('cpu'), torch.ones(1).isInference(), torch.ones(1).owner],
      [true, false, false, null],
    );
    loss.backward();
    assert.deepEqual(x.grad?.toArray(), [2, 2, 2]);
  });

  test('give back all memory when they end', async () => {
    await run('leave', 16);
    torch.cpu.emptyCache();
    const before = process.memoryUsage.rss();
    for (let i = 0; i < 8; i++) await run('leave', 16); // 64 MB each
    torch.cpu.emptyCache();
    const grown = process.memoryUsage.rss() - before;
    assert.ok(grown < 100e6, `eight workers left ${Math.round(grown / 1e6)} MB behind`);
  });

  test('can be terminated in the middle of their work', async () => {
    for (const products of [0, 1, 30, 300]) {
      const worker = start('spin', products);
      await once(worker, 'message');
      assert.equal(await worker.terminate(), 1);
    }
    assert.equal(torch.ones(4).sum().item(), 4);
  });

  test('do not lose the memory under a tensor when they send it away', async () => {
    const { received, still } = await run<{ received: Float32Array; still: number[] }>('transfer');
    assert.deepEqual(
      [Array.from(received), still],
      [
        [1, 2, 3],
        [1, 2, 3],
      ],
    );
  });
});
