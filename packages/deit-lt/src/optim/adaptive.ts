/** AdamW and LAMB over timm's groups: no weight decay for biases, norms and tokens. */
import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import { positive, probability } from '../option-limits.js';
import { optimizerEntry } from './optimizer-entry.js';
import { parameterGroups } from './parameter-groups.js';

const options = z.object({
  betas: z.tuple([probability, probability]).optional().describe('AdamW and LAMB only'),
  eps: positive.optional().describe('AdamW and LAMB only: added to the root of the second moment'),
});

type Options = z.output<typeof options> & { readonly lr: number };

/** Options that a recipe leaves out are PyTorch's and timm's. */
const given = ({ lr, betas = [0.9, 0.999], eps }: Options) => ({ lr, betas, ...(eps !== undefined && { eps }) });

export const adamwEntry = optimizerEntry({
  name: 'adamw',
  options,
  create: (learning, { weightDecay, ...others }) =>
    new torch.optim.AdamW(parameterGroups(learning, { weightDecay }), given(others)),
  unusualRate: 0.1,
});

export const lambEntry = optimizerEntry({
  name: 'lamb',
  options,
  create: (learning, { weightDecay, ...others }) =>
    new torch.optim.Lamb(parameterGroups(learning, { weightDecay }), given(others)),
  unusualRate: 0.5,
});
