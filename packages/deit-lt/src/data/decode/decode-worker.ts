/** A thread that measures and decodes image files, cuts windows out of them and resizes these; `DecodePool` gives it work. */
import { parentPort, workerData } from 'node:worker_threads';
import { UserError } from '../../errors.js';
import { examineFiles } from '../index/examine.js';
import { joinBudget } from './budget.js';
import { imageSize, loadSharp, quickFileSize } from './decode.js';
import type { DecodeAnswer, DecodeResult, DecodeTask, DecodeWorkerData } from './decode-pool.js';
import { decodeWindows } from './decode-window.js';

async function answer(task: DecodeTask): Promise<void> {
  try {
    parentPort?.postMessage({ id: task.id, result: await work(task) } satisfies DecodeAnswer);
  } catch (error) {
    const code = error instanceof UserError ? error.code : undefined;
    const message = error instanceof Error ? error.message : String(error);
    parentPort?.postMessage({ id: task.id, error: { code, message } } satisfies DecodeAnswer);
  }
}

async function work(task: DecodeTask): Promise<DecodeResult> {
  if ('paths' in task) return measure(task.paths);
  if ('files' in task) return examineFiles(task);
  return decodeWindows(task);
}

async function measure(paths: readonly string[]): Promise<Int32Array> {
  loadSharp().catch(() => {}); // these files are decoded next, and then say what is wrong
  const sizes = new Int32Array(2 * paths.length);
  for (const [i, file] of paths.entries()) {
    const { width, height } = quickFileSize(file) ?? (await imageSize(file));
    sizes.set([width, height], 2 * i);
  }
  return sizes;
}

const { limitBytes, memory, own } = workerData as DecodeWorkerData;
joinBudget(limitBytes, memory, own);
parentPort?.on('message', (task: DecodeTask) => void answer(task));
