/**
 * Trainings that begin with the weights of another run: all weights, or all but those of the classifier, which alone is
 * then trained (cRT: B. Kang et al., "Decoupling representation and classifier for long-tailed recognition", ICLR
 * 2020).
 */

import path from 'node:path';
import * as torch from '@deit-lt/torch';
import { compareClassNames } from '../classifier/class-names.js';
import { checkpointFile } from '../classifier/classifier.js';
import { UserError } from '../errors.js';
import { classifierNames } from '../models/classifier-layers.js';
import type { ImageModel } from '../models/model.js';
import { isForeign } from '../published/weight-source.js';
import type { TrainingRecipe } from '../recipe/schema.js';
import { sha256Of } from '../runs/files.js';
import type { RunConfig } from '../runs/run-folder.js';
import { readWeights } from '../runs/training-state.js';
import { suggestedCommand } from '../suggested-command.js';

/** Where the initial weights came from, as config.json records it. */
export type InitialWeights = NonNullable<RunConfig['from']>;

/** Throws UserError RECIPE when the recipe trains only the classifier and no initial weights are given. */
export function checkFrom(part: string, { learn }: Pick<TrainingRecipe, 'learn'>, from: string | undefined): void {
  if (learn === 'classifier' && from === undefined)
    throw new UserError(
      'RECIPE',
      `${part}.learn is "classifier", so it needs the weights of another run: give its folder with --from RUN, or set ${part}.learn=all.`,
    );
}

/**
 * Gives `model` the weights of `from`, a run folder or checkpoint. With `learn: classifier` the layers that give logits
 * keep their random weights, and only they require a gradient afterwards. Throws UserError CHECKPOINT for weights of
 * another network, DATA_CLASSES for other classes.
 */
export function beginFrom(
  model: ImageModel,
  from: string,
  { learn, classNames }: Pick<TrainingRecipe, 'learn'> & { readonly classNames: readonly string[] },
): InitialWeights {
  const file = checkpointFile(from, 'best');
  if (isForeign(file))
    throw new UserError(
      'CHECKPOINT',
      `${file} is a checkpoint of another program: make a run of it with "${suggestedCommand('import', from, '--out', 'DIR')}", and start from that.`,
    );
  const own = learn === 'classifier' ? classifierNames(model) : new Set<string>();
  torch.tidy(() => {
    const { tensors, config } = readWeights(file);
    if (learn === 'all') checkClasses(config.data.classNames, classNames, file);
    const drawn = model.stateDict();
    load(model, new Map([...tensors].map(([name, value]) => [name, own.has(name) ? drawn.get(name)! : value])), file);
  });
  if (learn === 'classifier')
    for (const [name, parameter] of model.namedParameters()) if (!own.has(name)) parameter.requiresGrad_(false);
  return { path: path.resolve(from), sha256: sha256Of(file) };
}

function checkClasses(theirs: readonly string[], ours: readonly string[], file: string): void {
  if (compareClassNames(theirs, ours, file) !== null)
    throw new UserError('DATA_CLASSES', `the classes of ${file} are in another order than those of the data.`);
}

function load(model: ImageModel, tensors: ReadonlyMap<string, torch.Tensor>, file: string): void {
  try {
    model.loadStateDict(tensors);
  } catch (error) {
    throw new UserError(
      'CHECKPOINT',
      `${file} does not fit the network of this recipe: ${(error as Error).message}. Set model and imageSize of the recipe to those of that run.`,
      { cause: error },
    );
  }
}

/**
 * Sets training mode; a partly frozen network stays in evaluation mode, so that its features are those that the
 * classifier receives later.
 */
export function setTraining(model: torch.nn.AnyModule): void {
  model.train();
  if (model.parameters().some(({ requiresGrad }) => !requiresGrad)) model.eval();
}
