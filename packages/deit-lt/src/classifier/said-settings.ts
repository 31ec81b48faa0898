/** Settings for a model from elsewhere against what its file says: a hint may add to it, and not contradict it. */
import { headsOf } from '../description/heads.js';
import type { ModelDescription, ModelFacts } from '../description/model-description.js';
import { UserError } from '../errors.js';
import { isValues, type Values } from '../recipe/merge.js';
import { applySettings } from '../recipe/settings.js';

/** Throws UserError RECIPE that names the first of `settings` that says something else than `file`. */
export function requireAgreement(settings: readonly string[], facts: ModelFacts, file: string): void {
  const said = saidBy(facts);
  const given = applySettings({}, settings);
  for (const part of ['student', 'teacher'] as const) {
    const values = given[part];
    if (isValues(values)) requirePart(part, values, said, file);
  }
}

/** The values by the keys of a recipe's part. */
function saidBy({ description, numHeads, mean, std, filter }: ModelFacts): Values {
  if (description === undefined) return { ...known({ mean, std, filter }), model: known({ numHeads }) };
  const { architecture, imageSize, evalSize, ...rest } = description;
  const heads = headsIn(description);
  const { mean: means, std: deviations, filter: resampling } = rest;
  return {
    imageSize,
    evalSize,
    mean: means,
    std: deviations,
    filter: resampling,
    model: { ...architecture, ...known({ numHeads: heads }) },
  };
}

function headsIn({ architecture }: ModelDescription): number | undefined {
  return architecture.numHeads ?? headsOf(architecture.name);
}

function known(values: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function requirePart(prefix: string, given: Values, said: Values, file: string): void {
  for (const [key, value] of Object.entries(given)) {
    const own = said[key];
    if (own === undefined) continue;
    const place = `${prefix}.${key}`;
    if (isValues(own) && isValues(value)) requirePart(place, value, own, file);
    else if (JSON.stringify(own) !== JSON.stringify(value))
      throw new UserError(
        'RECIPE',
        `--set ${place}=${JSON.stringify(value)}: ${file} has ${JSON.stringify(own)}. Leave the setting out.`,
      );
  }
}
