/** Counting the tensors alive on the native side, as tests compare them before and after. */
import { native } from '../../src/binding/addon.js';
import { collect } from './collect.js';

/**
 * The tensors alive once the collector has taken what earlier tests left: the count to start from, since
 * the collector may run at any moment later.
 */
export function settledLiveTensors(): number {
  collect();
  return native().liveTensors();
}
