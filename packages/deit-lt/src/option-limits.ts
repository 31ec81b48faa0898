/** Numbers that options of recipes may have: of the recipe itself, and of losses, networks and tasks. */
import { z } from 'zod';

/**
 * Upper limits, far above what any training uses. A larger value is a typing error (`lr=1e9`) that would end in an
 * out-of-memory error or a loss that is not finite.
 */
export const most = {
  epochs: 1_000_000,
  batch: 1 << 20,
  side: 16_384,
  channels: 1 << 16,
  depth: 1000,
  rate: 1000,
} as const;

export const probability = z.number().min(0).max(1);
export const positive = z.number().positive();
export const count = z.int().positive();
export const natural = z.int().nonnegative();
export const epochCount = natural.max(most.epochs);
export const rate = z.number().nonnegative().max(most.rate);
/** Side of images in pixels. */
export const side = count.max(most.side);
export const channels = count.max(most.channels);
