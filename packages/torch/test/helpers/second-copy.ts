/**
 * Two copies of the package in one process, as npm installs them when two packages ask for different versions: what
 * test/second-copy.test.ts starts. Arguments: the folder of the other copy, and what to try, one after another. Prints the results as JSON.
 */
import { once } from 'node:events';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import * as first from '../../src/index.js';

type Torch = typeof first;
const [folder = '', ...names] = isMainThread ? process.argv.slice(2) : (workerData as string[]);
const second = (await import(pathToFileURL(path.join(folder, 'dist/src/index.js')).href)) as Torch;

/** Products, a draw, a gradient through this package's own kernel, and an error. */
function work(torch: Torch): unknown {
  torch.manualSeed(0);
  const x = torch.ones([2, 2], { dtype: 'bfloat16', requiresGrad: true });
  const y = torch.nn.functional.gelu(x.matmul(x));
  y.sum().backward();
  let message = '';
  try {
    torch.ones(2, 3).mm(torch.ones(2, 3));
  } catch (error) {
    message = (error as Error).constructor === torch.TorchError ? 'a TorchError of this copy' : String(error);
  }
  return [torch.randn(2).toArray(), x.grad?.toArray(), message];
}

async function inWorker(which: string): Promise<unknown> {
  const worker = new Worker(new URL(import.meta.url), { workerData: [folder, which] });
  const [[result], [code]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
  return [result, code];
}

/** What is thrown, as its class, code and message. */
function thrown(run: () => unknown): unknown {
  try {
    run();
    return 'nothing';
  } catch (error) {
    const { name, code, message } = error as Error & { code?: string };
    return { name, code, message };
  }
}

const tasks: Record<string, () => unknown> = {
  /** By turns, with tensors of both alive. */
  both: () => [work(first), work(second), work(first), work(second)],
  /** What either says that is allocated, with and without a tensor of the other. */
  memory() {
    const before = [first, second].map((torch) => torch.cpu.memoryStats().allocated);
    const large = second.ones(1 << 20);
    const after = [first, second].map((torch) => torch.cpu.memoryStats().allocated);
    large.dispose();
    return after.map((bytes, i) => bytes - (before[i] as number));
  },
  mixed: () => thrown(() => second.add(second.ones(2), first.ones(2) as never)),
  refused() {
    first.ones(1);
    return thrown(() => second.ones(1));
  },
  /** The copy that is first loaded, and defines the operators, ends with its thread. */
  async workers() {
    return [await inWorker('one'), work(first), await inWorker('both'), work(second)];
  },
  one: () => work(second),
};

const results: unknown[] = [];
for (const name of names) results.push(await tasks[name]?.());
if (isMainThread) process.stdout.write(JSON.stringify(results));
else parentPort?.postMessage(results[0]);
