/**
 * Learning rates exactly as the published code applies them, for recipes that repeat its runs. They differ from ours
 * in when a value takes effect, not in what is meant by it; docs/differences.md says which is which.
 */
import { optim } from '@deit-lt/torch';
import type { Place, ScheduleConfig, ScheduleSpan } from './schedule-config.js';

type Warmup = Pick<ScheduleConfig, 'warmupEpochs' | 'warmupLr'>;

/** Epochs from which factors apply, and those factors. */
export interface Steps {
  readonly milestones: readonly number[];
  readonly factors: readonly number[];
}

/**
 * DeiT-LT's student: timm's cosine with warm-up, whose time is not shifted by the warm-up. With one batch per update it is
 * stepped after each epoch with that epoch's number, so that epoch e runs at value(e − 1) and epoch 0 at the start. With
 * accumulation it is stepped before the first batch of each window and before the last batch of the epoch.
 */
export function publishedCosine(
  { warmupEpochs, warmupLr, minLr }: Warmup & { readonly minLr: number },
  { lr, epochs }: ScheduleSpan,
  { epoch, batch, batches, accumulation = 1 }: Place,
): number {
  const stepped = batch === batches - 1 ? batch : batch - (batch % accumulation);
  const time = accumulation === 1 ? Math.max(0, epoch - 1) : epoch + stepped / batches;
  return optim.schedules.cosine(time, { lr, total: epochs, minLr, warmup: warmupEpochs, warmupLr });
}

/**
 * The LDAM teachers (Saddle-LongTail), by epoch: `lr · (epoch + 1)/warmup` up to the full rate in the last epoch of the
 * warm-up, then the factors from their milestones on.
 */
export function publishedSteps(
  { warmupEpochs, milestones, factors }: Pick<Warmup, 'warmupEpochs'> & Steps,
  { lr }: ScheduleSpan,
  { epoch }: Place,
): number {
  const number = epoch + 1;
  const last = milestones.findLastIndex((milestone) => number > milestone);
  if (number <= warmupEpochs) return (lr * number) / warmupEpochs;
  return last === -1 ? lr : lr * factors[last]!;
}

/**
 * The PaCo teachers on CIFAR, by epoch: the warm-up goes one epoch on, to `lr · (warmup + 1)/warmup`, and the factors apply one
 * epoch after their milestones.
 */
export function publishedPacoSteps(
  { warmupEpochs, milestones, factors }: Pick<Warmup, 'warmupEpochs'> & Steps,
  { lr }: Pick<ScheduleSpan, 'lr'>,
  { epoch }: Pick<Place, 'epoch'>,
): number {
  const last = milestones.findLastIndex((milestone) => epoch > milestone);
  if (epoch <= warmupEpochs) return (lr / warmupEpochs) * (epoch + 1);
  return last === -1 ? lr : lr * factors[last]!;
}

/**
 * The PaCo teachers on the large data sets, by epoch: a warm-up that reaches the full rate in its last epoch, then a cosine
 * that is one epoch ahead and ends just above 0.
 */
export function publishedPacoCosine(
  { warmupEpochs }: Pick<Warmup, 'warmupEpochs'>,
  { lr, epochs }: ScheduleSpan,
  { epoch }: Pick<Place, 'epoch'>,
): number {
  if (epoch < warmupEpochs) return (lr / warmupEpochs) * (epoch + 1);
  const share = (epoch - warmupEpochs + 1) / (epochs - warmupEpochs + 1);
  return lr * 0.5 * (1 + Math.cos(Math.PI * share));
}
