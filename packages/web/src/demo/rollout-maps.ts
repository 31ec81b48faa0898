/** Attention rollout of the patches to CLS and to DIST. */
import { type PageAttention, rolloutRow } from 'deit-lt/browser';
import type { Seen } from './messages.js';

/** Nothing for a network without attention. */
export function mapsOf(attentions: Float32Array | undefined, shape: PageAttention | null): Seen['maps'] {
  if (attentions === undefined || shape === null) return {};
  const { grid, prefixTokens } = shape;
  const tokens = prefixTokens + grid[0] * grid[1];
  const row = (token: number) => rolloutRow(attentions, { ...shape, tokens }, token).slice(prefixTokens);
  return { cls: row(0), ...(prefixTokens === 2 && { dist: row(1) }) };
}
