/** Every class of a list needs a training image. */
import { UserError } from '../../errors.js';

/** Throws UserError DATA_CLASSES that names up to ten of the classes that `labels` lack; `list` is where they should be. */
export function requireTrained(list: string, labels: Int32Array, names: readonly string[]): void {
  const seen = new Set(labels);
  const missing = names.filter((_, label) => !seen.has(label));
  if (missing.length === 0) return;
  const shown = missing.slice(0, 10).join(', ') + (missing.length > 10 ? `, … (${missing.length})` : '');
  const hint = missing[0] === '0' ? '; labels count from 0, not from 1' : '';
  throw new UserError('DATA_CLASSES', `${list}: no training images of class ${shown}${hint}`);
}
