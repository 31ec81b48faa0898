/**
 * Frees the pixels of images that are done with. Node counts memory outside of its heap, but collects only some time
 * later, and images of hundreds of megabytes are not to pile up until then.
 */

import { setImmediate } from 'node:timers/promises';
import v8 from 'node:v8';
import vm from 'node:vm';

let collect: (() => void) | undefined;

/** Takes some milliseconds. Resolves when what was found is freed. */
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
