/** Long work on tensors blocks Node's event loop, on which signals, timers and the display wait. */
import { setImmediate } from 'node:timers/promises';

/** Lets the event loop go round once: a batch read from memory does not wait for anything, so nothing else would. */
export async function nextTurn(): Promise<void> {
  await setImmediate();
}
