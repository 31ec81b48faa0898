/** Counts the tensors alive on the native side, as tests compare them before and after. */
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The engine's own count, which it does not show to others. */
const addon = new URL('./binding/addon.js', import.meta.resolve('@deit-lt/torch')).href;
const { native } = (await import(addon)) as { native(): { liveTensors(): number } };

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** The tensors alive now, with those that wait for the collector: what a test compares that wants them released before. */
export const liveTensors = (): number => native().liveTensors();

/** The tensors alive once the collector has taken what nobody holds: on a slow machine it may come at any other moment, too. */
export async function settledLiveTensors(): Promise<number> {
  for (let round = 0; round < 2; round++) {
    collect();
    await setImmediate(); // what was collected is released then
  }
  return liveTensors();
}
