/** Schedules without a slope: factors from milestones on, and the same learning rate to the end. */
import { z } from 'zod';
import { UserError } from '../errors.js';
import { positive } from '../option-limits.js';
import { publishedPacoSteps, publishedSteps, type Steps } from './published-schedules.js';
import { scheduleEntry } from './schedule-entry.js';

/** The factor of the last milestone that `time` has reached, 1 before the first. */
export function factorAt({ milestones, factors }: Steps, time: number): number {
  if (milestones.length !== factors.length)
    throw new UserError(
      'RECIPE',
      `schedule: expected as many factors as milestones, found ${factors.length} and ${milestones.length}.`,
    );
  let last = { milestone: Number.NEGATIVE_INFINITY, factor: 1 };
  milestones.forEach((milestone, i) => {
    if (milestone <= time && milestone >= last.milestone) last = { milestone, factor: factors[i]! };
  });
  return last.factor;
}

/** `lr · factor` of the last milestone that was reached. */
export const stepEntry = scheduleEntry({
  name: 'step',
  options: z
    .object({
      milestones: z
        .array(z.number().nonnegative())
        .default([])
        .describe('step: after these epochs (below 1: shares) the factors apply'),
      factors: z.array(positive).default([]).describe('step: of the base learning rate, one for each milestone'),
    })
    .refine(({ milestones, factors }) => milestones.length === factors.length, {
      error: ({ input }) => {
        const { milestones, factors } = input as Steps;
        return `${milestones.length} milestones and ${factors.length} factors: expected one factor for each`;
      },
    }),
  epochOptions: ['milestones'],
  create:
    (steps, { lr }) =>
    ({ time }) =>
      lr * factorAt(steps, time),
  published: { published: publishedSteps, 'published-paco': publishedPacoSteps },
});

/** `lr`. */
export const constantEntry = scheduleEntry({
  name: 'constant',
  options: z.object({}),
  create:
    (_, { lr }) =>
    () =>
      lr,
});
