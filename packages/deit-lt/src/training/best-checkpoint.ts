/** The figures of a training's best checkpoint, and by which rule it was chosen. */
import * as torch from '@deit-lt/torch';
import { loadWeights } from '../classifier/classifier.js';
import type { EvaluationResult } from '../evaluation/evaluate.js';
import { withLoraOf } from '../models/lora.js';
import type { Recipe, TrainingRecipe } from '../recipe/schema.js';
import { PredictionRecorder } from '../runs/predictions.js';
import { saveEvaluation } from '../runs/save-evaluation.js';
import { readWeights } from '../runs/training-state.js';
import { evaluateSplit } from './evaluate-epoch.js';
import type { LoopOptions } from './loop-options.js';

/**
 * The best checkpoint on the test images, or on the validation images when there are none; `evaluation.json` stores the
 * figures, `predictions.safetensors` the predictions for each image. The first process reads and writes.
 */
export async function evaluateBest(loop: LoopOptions): Promise<EvaluationResult | 'stopped' | undefined> {
  const { data, run, task, processes } = loop;
  const split = data.test ?? data.validation;
  if (split === undefined) return undefined;
  const epoch = await processes.lead(() => loadBest(loop));
  processes.spread(task.model.parameters());
  const recorder = new PredictionRecorder();
  const evaluation = await evaluateSplit(loop, split, recorder.keep);
  if (evaluation === 'stopped') return evaluation;
  const of = { split: data.test ? 'test' : 'validation', epoch, data: data.name } as const;
  await processes.lead(() => {
    run.checkOurs();
    saveEvaluation(run, { ...of, images: split, evaluation, recorder });
  });
  return evaluation;
}

/** Loads the weights of the best checkpoint; returns its epoch. */
function loadBest({ run, task, config }: LoopOptions): number {
  run.checkOurs();
  return torch.tidy(() => {
    const file = run.checkpoint('best');
    const best = readWeights(file, { run: config });
    loadWeights(task.model, withLoraOf(task.model, best.tensors), file);
    return best.epoch ?? 0;
  });
}

/** Describes the rule. */
export function ruleOf({ evaluation: { select } }: Recipe, { weights }: TrainingRecipe): string {
  const of = weights === 'ema' ? ' (averaged weights)' : '';
  if (select === 'last') return `the last epoch${of}`;
  if (select === 'test')
    return `highest overall accuracy on the test images${of}: the published protocol, which is too optimistic`;
  return `highest mean of the class accuracies on the validation images${of}`;
}
