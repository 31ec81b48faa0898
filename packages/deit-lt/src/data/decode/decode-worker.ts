/** A thread that measures and decodes image files, cuts windows out of them and resizes these; `DecodePool` gives it work. */
import { parentPort } from 'node:worker_threads';
import { UserError } from '../../errors.js';
import { examineFiles } from '../index/examine.js';
import { imageSize, loadSharp } from './decode.js';
import type { DecodeAnswer, DecodeResult, DecodeTask } from './decode-pool.js';
import { decodeWindows } from './decode-window.js';
import { jpegSize } from './jpeg-size.js';

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
  await decodeWindows(task);
  return undefined;
}

async function measure(paths: readonly string[]): Promise<Int32Array> {
  loadSharp().catch(() => {}); // these files are decoded next, and then say what is wrong
  const sizes = new Int32Array(2 * paths.length);
  for (const [i, file] of paths.entries()) {
    const { width, height } = jpegSize(file) ?? (await imageSize(file));
    sizes.set([width, height], 2 * i);
  }
  return sizes;
}

parentPort?.on('message', (task: DecodeTask) => void answer(task));
