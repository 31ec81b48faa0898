/** An evaluation that several processes share, of a network that is given by the images alone. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { evaluationPipeline } from '../../src/classifier/classifier.js';
import { prepareData } from '../../src/data/prepare-data.js';
import { type EvaluationResult, evaluate } from '../../src/evaluation/evaluate.js';
import type { Processes } from '../../src/training/processes.js';
import { tinyDataset, tinyRecipe } from '../training-tiny.js';

export interface SharedEvaluation {
  readonly result: EvaluationResult | string;
  /** Images that this process evaluated. */
  readonly images: number;
  readonly kept: readonly number[];
}

/** Evaluates in batches of 4; with `stopIn`, a signal comes to that process after its first batch. */
export async function evaluateShared(processes: Processes, stopIn?: number): Promise<SharedEvaluation> {
  const recipe = tinyRecipe();
  const { test, groups, classNames } = prepareData(tinyDataset(), recipe);
  const controller = new AbortController();
  let images = 0;
  const kept: number[] = [];
  const result = await evaluate({
    ...test!,
    groups,
    outputClasses: classNames,
    pipeline: evaluationPipeline(recipe.student),
    batchSize: 4,
    processes,
    signal: controller.signal,
    keep: (_, best) => void kept.push(...best),
    logits: (batch) => {
      images += batch.size(0);
      if (processes.rank === stopIn) controller.abort();
      const flat = batch.reshape([batch.size(0), -1]);
      const logits = flat.narrow(1, 0, classNames.length);
      return { avg: logits, cls: logits.mul(-1), dist: logits.square(), expertCosine: flat.mean(1) };
    },
  }).catch((error: Error) => error.name);
  return { result, images, kept };
}

/** Writes the findings of a process of several into `folder`, with and without a signal. */
export async function keepShared(folder: string, processes: Processes): Promise<void> {
  const found = [await evaluateShared(processes), await evaluateShared(processes, 1)];
  writeFileSync(path.join(folder, `evaluation-${processes.count}-${processes.rank}.json`), JSON.stringify(found));
}
