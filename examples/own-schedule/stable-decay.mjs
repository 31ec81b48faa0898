// A schedule of one's own: warm-up, then a constant learning rate, then a straight line down over the last `decay` of the
// training: `lr` up to share 1 − decay, then `minLr + (lr − minLr)·(1 − share)/decay`.
// S. Hu et al., "MiniCPM", 2024, arXiv 2404.06395.
import { registerSchedule, z } from 'deit-lt';

registerSchedule({
  name: 'stable-decay',
  options: z.object({
    decay: z.number().gt(0).max(1).default(0.2).describe('share of the epochs after the warm-up'),
    minLr: z.number().nonnegative().default(0).describe('at the end'),
  }),
  // The warm-up comes before, from the keys that all schedules have.
  create:
    ({ decay, minLr }, { lr }) =>
    ({ share }) =>
      minLr + (lr - minLr) * Math.min(1, (1 - share) / decay),
});
