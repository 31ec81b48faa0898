/** The thread in which an ONNX model runs; `OnnxSession` gives it work, and may sleep until the flag is set. */
import { workerData } from 'node:worker_threads';
import { loadRuntime, type Runtime, type Session } from './runtime.js';
import type { SessionAnswer, SessionStart, SessionTask, Values } from './session-messages.js';

const { file, threads, flag, port } = workerData as SessionStart;

/**
 * Sends the answer to a sleeping thread. The first answer, which is waited for as events are, must not touch the flag.
 */
function answer(message: SessionAnswer): void {
  port.postMessage(message);
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
}

async function start(): Promise<void> {
  const runtime = await loadRuntime();
  if (runtime === undefined) return port.postMessage({ error: 'no runtime' } satisfies SessionAnswer);
  try {
    const session = await runtime.InferenceSession.create(file, { logSeverityLevel: 3, intraOpNumThreads: threads });
    port.on('message', (task: SessionTask) => void work(runtime, session, task));
    port.on('close', () => void session.release());
    port.postMessage({ inputs: session.inputMetadata, outputs: session.outputMetadata } satisfies SessionAnswer);
  } catch (error) {
    port.postMessage({ error: (error as Error).message } satisfies SessionAnswer);
  }
}

async function work({ Tensor }: Runtime, session: Session, { feeds, wanted }: SessionTask): Promise<void> {
  try {
    const tensors = Object.entries(feeds).map(([name, { data, dims }]) => [name, new Tensor('float32', data, dims)]);
    const found = Object.entries(await session.run(Object.fromEntries(tensors), wanted));
    const results = found.map(([name, { data, dims }]): [string, Values] => [name, { data, dims }]);
    answer({ results: Object.fromEntries(results) });
  } catch (error) {
    answer({ error: (error as Error).message });
  }
}

await start();
