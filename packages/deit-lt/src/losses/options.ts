/** Options that several losses have, with their limits. */
import { z } from 'zod';

export const labelSmoothing = z
  .number()
  .min(0)
  .max(1)
  .default(0)
  .describe('part of a label that is spread evenly over all classes; soft targets are taken as they are');
