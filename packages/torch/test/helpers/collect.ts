/** Runs the garbage collector, which Node offers only behind a flag; setting it here spares every test command the flag. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
export const collect = runInNewContext('gc') as () => void;
