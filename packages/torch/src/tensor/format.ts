/** Placeholder until the printing helper lands. */
import type { Tensor } from './tensor.js';
export function formatTensor(t: Tensor): string { return JSON.stringify(t.toArray()); }
