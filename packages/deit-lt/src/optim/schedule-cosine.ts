/** Schedules that end at `minLr`: half a cosine, and the straight line of one cycle. */
import { z } from 'zod';
import { epochCount, rate } from '../option-limits.js';
import { publishedCosine, publishedPacoCosine } from './published-schedules.js';
import { scheduleEntry } from './schedule-entry.js';

const minLr = rate.default(0).describe('cosine and one-cycle: at the end');

/** `minLr + ½(lr − minLr)(1 + cos(π·share))`. */
export const cosineEntry = scheduleEntry({
  name: 'cosine',
  options: z.object({
    minLr,
    cooldownEpochs: epochCount.default(0).describe('cosine: epochs at minLr after the last'),
  }),
  epochOptions: ['cooldownEpochs'],
  create:
    ({ minLr }, { lr }) =>
    ({ share }) =>
      minLr + 0.5 * (lr - minLr) * (1 + Math.cos(Math.PI * share)),
  cooldown: ({ cooldownEpochs }) => cooldownEpochs,
  published: { published: publishedCosine, 'published-paco': publishedPacoCosine },
});

/** `minLr + (lr − minLr)(1 − share)`. */
export const oneCycleEntry = scheduleEntry({
  name: 'one-cycle',
  options: z.object({ minLr }),
  create:
    ({ minLr }, { lr }) =>
    ({ share }) =>
      minLr + (lr - minLr) * (1 - share),
});
