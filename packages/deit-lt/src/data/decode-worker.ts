/** A thread that decodes image files, cuts windows out of them and resizes these; `DecodePool` gives it work. */
import { parentPort } from 'node:worker_threads';
import { UserError } from '../errors.js';
import { decodeImage } from './decode.js';
import type { DecodeAnswer, DecodeTask } from './decode-pool.js';
import { resampleImage } from './resample-image.js';

async function decodeWindow({ path, window, size, filter }: DecodeTask): Promise<Uint8Array> {
  return resampleImage(await decodeImage(path), window, size, filter);
}

async function answer(task: DecodeTask): Promise<void> {
  try {
    const pixels = await decodeWindow(task);
    parentPort?.postMessage({ id: task.id, pixels } satisfies DecodeAnswer, [pixels.buffer as ArrayBuffer]);
  } catch (error) {
    const code = error instanceof UserError ? error.code : undefined;
    const message = error instanceof Error ? error.message : String(error);
    parentPort?.postMessage({ id: task.id, error: { code, message } } satisfies DecodeAnswer);
  }
}

parentPort?.on('message', (task: DecodeTask) => void answer(task));
