/** The device of one of several processes: all train on cards, each on its own, or all on the CPU. */
import { UserError } from '../errors.js';
import type { Recipe } from '../recipe/schema.js';
import type { Processes } from './processes.js';

/**
 * Returns the device of this process for the recipe's `device`: `auto` is the cards where each process has one for itself. All
 * processes call it. Throws UserError RECIPE for `cuda` in a process without a card, and for one card for all.
 */
export function deviceOfProcess(
  device: Recipe['device'],
  { rank, count, card, any }: Pick<Processes, 'rank' | 'count' | 'card' | 'any'>,
): string {
  if (count === 1 || device === 'cpu') return device;
  if (device !== 'auto' && device !== 'cuda')
    throw new UserError(
      'RECIPE',
      `device: ${count} processes cannot train on ${device} alone: each takes a card of its own. Use --set device=cuda, device=cpu, or one process.`,
    );
  const isWithout = typeof card !== 'number';
  if (device === 'auto') return any(isWithout) || isWithout ? 'cpu' : `cuda:${card}`;
  if (!isWithout) return `cuda:${card}`;
  throw new UserError(
    'RECIPE',
    `device: cuda was requested, but process ${rank} of ${count} (from 0) has no card of its own: ${card.reason}. Use --set device=cpu, or as many processes as there are cards.`,
  );
}
