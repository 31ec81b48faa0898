/**
 * The parameters that a recipe trains (`learn`): all, those of the last blocks, biases alone (BitFit, Zaken et al., 2022; on
 * long tails in LIFT, Shi et al., 2024), low-rank matrices beside frozen layers (LoRA), or those of the classifier alone.
 */
import type * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import { classifierNames } from '../models/classifier-layers.js';
import { layerOrder } from '../models/layer-order.js';
import { addLora, isLora } from '../models/lora.js';
import type { ImageModel } from '../models/model.js';
import type { TrainingRecipe } from '../recipe/schema.js';
import type { PartName } from '../recipe/training-kind.js';

type Learn = TrainingRecipe['learn'];

/**
 * Takes the gradient from all parameters that `learn` does not train; adds the matrices of `lora:RANK`. Throws UserError RECIPE
 * for more blocks than the network has, or a network whose blocks are not known.
 */
export function limitLearning(model: ImageModel, learn: Learn, part: PartName): void {
  if (learn === 'all') return;
  const rank = rankOf(learn);
  if (rank !== undefined) addLora(model, rank, part);
  const trained = trainedNames(model, learn, part);
  for (const [name, parameter] of model.namedParameters()) if (!trained.has(name)) parameter.requiresGrad_(false);
}

function trainedNames(model: ImageModel, learn: Exclude<Learn, 'all'>, part: PartName): Set<string> {
  if (learn === 'classifier') return classifierNames(model);
  if (learn.startsWith('blocks:')) return namesOfLast(model, Number(learn.slice('blocks:'.length)), part);
  const small = learn === 'biases' ? (name: string) => name.endsWith('.bias') : isLora;
  const names = model.namedParameters().map(([name]) => name);
  return new Set([...names.filter((name) => small(name) || name === distToken), ...classifierNames(model)]);
}

/** Where DIST begins as a copy of CLS, it would stay one in frozen layers. */
const distToken = 'dist_token';

/** The rank of `lora:RANK`; undefined for another value. */
function rankOf(learn: Learn): number | undefined {
  return learn.startsWith('lora:') ? Number(learn.slice('lora:'.length)) : undefined;
}

/** The names in the last `count` blocks and behind them. */
function namesOfLast(model: ImageModel, count: number, part: PartName): Set<string> {
  const names = model.namedParameters().map(([name]) => name);
  const order = layerOrder(names);
  if (order === undefined)
    throw new UserError(
      'RECIPE',
      `${part}.learn is "blocks:${count}", but the parameters of this network show no blocks; set it to all or classifier.`,
    );
  const last = Math.max(...order.values());
  const blocks = last - 1; // besides the stem and the classifier
  if (count > blocks)
    throw new UserError(
      'RECIPE',
      `${part}.learn is "blocks:${count}", but the network has ${blocks} blocks; set it to blocks:${blocks}, or to all, which also trains what comes before them.`,
    );
  return new Set(names.filter((name) => order.get(name)! >= last - count));
}

/**
 * Sets training mode where all parameters learn. What is frozen stays in evaluation mode, without dropout and with its
 * batch-norm statistics, so that its features are those that the trained layers receive later.
 */
export function setTraining(model: torch.nn.AnyModule): void {
  model.eval();
  for (const module of model.modules()) {
    const parameters = module.parameters();
    if (parameters.length > 0 && parameters.every(({ requiresGrad }) => requiresGrad)) module.train();
  }
}
