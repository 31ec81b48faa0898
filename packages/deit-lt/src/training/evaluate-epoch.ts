/** Evaluation of a training's model: after an epoch, on its validation images; at the end, on the test images. */
import type { LabelledSource } from '../data/prepare-data.js';
import { type EvaluateOptions, type EvaluationResult, evaluate } from '../evaluation/evaluate.js';
import { StoppedElsewhere } from '../evaluation/shared-batches.js';
import { setTraining } from './learn.js';
import type { LoopOptions } from './loop-options.js';

/** The accuracies after an epoch, of the weights and of the averaged ones. */
export interface Evaluated {
  readonly on: 'validation' | 'test';
  readonly raw: EvaluationResult;
  readonly ema: EvaluationResult | undefined;
}

/** Evaluates after `epoch` of `epochs`. Returns undefined when this epoch has no evaluation, `stopped` after the signal. */
export async function evaluateEpoch(
  options: LoopOptions,
  epoch: number,
  epochs: number,
): Promise<Evaluated | 'stopped' | undefined> {
  const { evaluation, data, ema } = options;
  if ((epoch + 1) % evaluation.every !== 0 && epoch !== epochs - 1) return undefined;
  const on = evaluation.select !== 'test' && data.validation !== undefined ? 'validation' : 'test';
  const split = on === 'validation' ? data.validation : data.test;
  if (split === undefined) return undefined;
  const raw = await evaluateSplit(options, split);
  const averaged = raw !== 'stopped' && ema && (await ema.swap(() => evaluateSplit(options, split)));
  return raw === 'stopped' || averaged === 'stopped' ? 'stopped' : { on, raw, ema: averaged || undefined };
}

export type EvaluateSplitOptions = Pick<
  LoopOptions,
  'task' | 'data' | 'pipelines' | 'evaluation' | 'placement' | 'reporter' | 'signal' | 'processes'
>;

/**
 * Returns the model's accuracies on `split` with its current weights; `stopped` when the signal came before all were
 * known, in any process. `keep` gets the best classes of each batch. The processes share the work.
 */
export async function evaluateSplit(
  { task, data, pipelines, evaluation, placement, reporter, signal, processes }: EvaluateSplitOptions,
  split: LabelledSource,
  keep?: EvaluateOptions['keep'],
): Promise<EvaluationResult | 'stopped'> {
  processes.spread(task.model.buffers()); // batch-norm statistics are those of shard 0, which the first process has
  task.model.eval();
  try {
    return await evaluate({
      ...split,
      groups: data.groups,
      outputClasses: data.classNames,
      pipeline: pipelines.eval,
      batchSize: evaluation.batchSize,
      logits: (images) => placement.autocast(() => task.logits(images)),
      device: placement.device,
      onProgress: (done, total) => reporter.progress('evaluating', done, total),
      processes,
      ...(keep && { keep }),
      ...(signal && { signal }),
    });
  } catch (error) {
    if (error instanceof StoppedElsewhere || (signal?.aborted && error === signal.reason)) return 'stopped';
    throw error;
  } finally {
    setTraining(task.model);
  }
}

/**
 * Returns the score that selects the best epoch: the mean of the per-class accuracies, so that the tail counts as much
 * as the head; null without an evaluation.
 */
export function scoreOf({ recipe, evaluation }: LoopOptions, evaluated: Evaluated | undefined): number | null {
  if (evaluated === undefined) return null;
  const { avg } = (recipe.weights === 'ema' ? evaluated.ema : undefined) ?? evaluated.raw;
  return evaluation.select === 'test' ? avg.overall : avg.balanced; // overall: the published rule
}
