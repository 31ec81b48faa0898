/** A model's classes against the data's: the same names in another order are re-mapped, others are an error. */
import { UserError } from '../errors.js';

/**
 * For each class of the data, the index of the model's class of that name; null when the orders are equal.
 * Throws UserError DATA_CLASSES that names the classes which only one side has.
 */
export function compareClassNames(
  model: readonly string[],
  data: readonly string[],
  modelFile: string,
): Int32Array | null {
  const missing = data.filter((name) => !model.includes(name));
  const extra = model.filter((name) => !data.includes(name));
  if (missing.length > 0 || extra.length > 0)
    throw new UserError(
      'DATA_CLASSES',
      `the classes of ${modelFile} are not those of the data: ${[only('the model', extra), only('the data', missing)].filter(Boolean).join('; ')}.`,
    );
  const order = Int32Array.from(data, (name) => model.indexOf(name));
  return order.every((index, c) => index === c) ? null : order;
}

function only(who: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const shown = names.slice(0, 8).join(', ');
  return `only ${who} has ${shown}${names.length > 8 ? ` and ${names.length - 8} more` : ''}`;
}
