/** A thread that decodes image files, cuts windows out of them and resizes these; `DecodePool` gives it work. */
import { parentPort } from 'node:worker_threads';
import { UserError } from '../errors.js';
import type { DecodeAnswer, DecodeTask } from './decode-pool.js';
import { decodeWindow } from './decode-window.js';

async function answer({ id, ...window }: DecodeTask): Promise<void> {
  try {
    const pixels = await decodeWindow(window);
    parentPort?.postMessage({ id, pixels } satisfies DecodeAnswer, [pixels.buffer as ArrayBuffer]);
  } catch (error) {
    const code = error instanceof UserError ? error.code : undefined;
    const message = error instanceof Error ? error.message : String(error);
    parentPort?.postMessage({ id, error: { code, message } } satisfies DecodeAnswer);
  }
}

parentPort?.on('message', (task: DecodeTask) => void answer(task));
