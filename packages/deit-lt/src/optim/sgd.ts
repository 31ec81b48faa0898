/** SGD as the published teachers use it: every parameter is decayed, biases and norms too. */
import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import { probability } from '../option-limits.js';
import { optimizerEntry } from './optimizer-entry.js';

export const sgdEntry = optimizerEntry({
  name: 'sgd',
  options: z.object({
    momentum: probability.optional().describe('SGD only'),
    nesterov: z.boolean().optional().describe('SGD only'),
  }),
  create: (learning, { lr, weightDecay, momentum = 0, nesterov = false }) =>
    new torch.optim.SGD(
      learning.namedParameters().map(([, parameter]) => parameter),
      { lr, weightDecay, momentum, nesterov },
    ),
  unusualRate: 10,
  numbersPerWeight: 1,
});
