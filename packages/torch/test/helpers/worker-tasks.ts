/** What test/workers.test.ts runs in worker threads: each task's result is sent to the main thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { native } from '../../src/binding/addon.js';
import * as torch from '../../src/index.js';

const kept: unknown[] = [];

const tasks = {
  /** Products, gradients and draws from an own generator, many times over. */
  compute(rounds: number): number[] {
    const generator = new torch.Generator().manualSeed(4);
    const w = torch.randn([32, 32], { generator, requiresGrad: true });
    let sum = 0;
    for (let i = 0; i < rounds; i++) {
      torch.tidy(() => {
        w.matmul(torch.randn([32, 32], { generator }))
          .relu()
          .sum()
          .backward();
        sum += w.grad?.abs().sum().toNumber() ?? 0;
        w.grad = null;
      });
    }
    return [sum, native().liveTensors()];
  },

  /** Leaves tensors of every kind of owner alive, and every mode changed. */
  leave(megabytes: number): boolean {
    const memory = new Float32Array(megabytes << 18).fill(1);
    const shared = torch.fromTypedArray(memory);
    const weight = torch.ones(megabytes << 18, { requiresGrad: true });
    kept.push(
      shared,
      weight,
      weight.mul(shared).sum(),
      torch.scope(),
      torch.ones(megabytes << 18),
      shared.view(2, -1),
      new torch.Generator(),
    );
    native().setGradEnabled(false);
    native().pushInferenceMode(true);
    native().enterAutocast('cpu', true, 15, true);
    return torch.isAutocastEnabled('cpu');
  },

  /** Never ends by itself; sends a message after so many products. */
  spin(products: number): void {
    const x = torch.ones(200, 200);
    for (let done = 0; ; done++) {
      if (done === products) parentPort?.postMessage('spinning');
      kept[0] = x.matmul(x).add(torch.fromTypedArray(new Float32Array(200)));
    }
  },

  /** Gives its memory away while a tensor uses it. */
  transfer(): { received: Float32Array; still: unknown } {
    const memory = new Float32Array([1, 2, 3]);
    const tensor = torch.fromTypedArray(memory);
    let received = memory;
    try {
      received = structuredClone(memory, { transfer: [memory.buffer] });
    } catch {} // newer Node refuses
    return { received, still: tensor.toArray() };
  },

  fail(): string {
    try {
      torch.ones(2, 3).mm(torch.ones(2, 3));
      return 'no error';
    } catch (error) {
      return (error as Error).message;
    }
  },
};

const { task, argument } = workerData as { task: keyof typeof tasks; argument: number };
parentPort?.postMessage(tasks[task](argument));
