/** The values of a recipe with which a training may have fewer epochs than the recipe says. */
import { partOf } from './part.js';

/** Returns why a finished training may have fewer epochs than its recipe, behind a comma; undefined if it cannot. */
export function whyFewerEpochs(config: Parameters<typeof partOf>[0]): string | undefined {
  const reasons = [
    ...(partOf(config).timeLimit === null ? [] : ['a limit of time']),
    ...(config.recipe.evaluation.earlyStopping === null ? [] : ['early stopping']),
  ];
  return reasons.length === 0 ? undefined : `with ${reasons.join(' and ')}`;
}
