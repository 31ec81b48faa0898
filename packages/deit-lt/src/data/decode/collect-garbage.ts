/**
 * Frees the pixels of images that are no longer used. Node counts memory outside of its heap, but collects only some time
 * later, and images of hundreds of megabytes must not accumulate until then.
 */

import { setImmediate } from 'node:timers/promises';
import v8 from 'node:v8';
import vm from 'node:vm';

let collect: (() => void) | undefined;

/** Resolves when unused memory is freed, after some milliseconds. */
export async function collectGarbage(): Promise<void> {
  collect ??= collector();
  collect();
  await setImmediate(); // Node frees memory that others allocated after the collection
}

/** V8's own function, which it shows only to contexts that are made while the flag is set. */
function collector(): () => void {
  v8.setFlagsFromString('--expose-gc');
  const gc = vm.runInNewContext('gc') as () => void;
  if (!process.execArgv.includes('--expose-gc')) v8.setFlagsFromString('--no-expose-gc');
  return gc;
}
