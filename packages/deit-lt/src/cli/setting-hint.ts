/** Helps with an option that is a value of the recipe: `--epochs 90` → `--set student.epochs=90`. */
import { visible } from '../text/visible.js';
import { commandTable } from './command-table.js';
import type { UsageError } from './program.js';

/** Says how the unknown option of `error` is set; undefined if it is not a value of a recipe. */
export async function settingHint(
  { message, command }: UsageError,
  words: readonly string[],
): Promise<string | undefined> {
  const name = /^unknown option '--([\w.-]+)/.exec(message)?.[1];
  const takesSettings = commandTable.some((spec) => spec.name === command && spec.options.includes('set'));
  if (name === undefined || !takesSettings) return undefined;
  const { recipeKeys } = await import('../recipe/keys.js');
  const wanted = name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  const keys = recipeKeys().filter((key) => key === wanted || key.endsWith(`.${wanted}`));
  if (keys.length === 0) return undefined;
  const value = givenValue(name, words);
  return `\n${visible(
    `In a recipe it is ${keys
      .slice(0, 4)
      .map((key) => `--set ${key}=${value}`)
      .join(' or ')}`,
  )}`;
}

function givenValue(name: string, words: readonly string[]): string {
  const at = words.findIndex((word) => word === `--${name}` || word.startsWith(`--${name}=`));
  const word = words[at] ?? '';
  const value = word.includes('=') ? word.slice(word.indexOf('=') + 1) : words[at + 1];
  return value === undefined || value.startsWith('--') ? '…' : value;
}
