/** The words that start a command again from anywhere: as they were given, with full paths and the run folder. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { flagsOf, type Options, optionTable } from './option-table.js';

/** How the user reaches the program: through npm in a checkout, or installed. */
export function programWords(env: NodeJS.ProcessEnv = process.env): string[] {
  return env.npm_command === undefined ? ['deit-lt'] : ['npx', 'deit-lt'];
}

/** `deit-lt train --data /images --out /runs/x …`, one word each, without `--resume`. */
export function commandWords(command: string | readonly string[], options: Options): string[] {
  const names = Object.keys(optionTable).filter((name) => name !== 'resume') as (keyof Options)[];
  return [...programWords(), ...[command].flat(), ...names.flatMap((name) => optionWords(name, options[name]))];
}

function optionWords(name: keyof Options, value: Options[keyof Options]): string[] {
  const flag = flagsOf(name).split(' ')[0]!;
  if (optionTable[name].negated === true) return value === false ? [flag] : [];
  if (value === undefined || value === false) return [];
  if (value === true) return [flag];
  if (Array.isArray(value)) return value.flatMap((item) => [flag, item]);
  return [flag, isPath(name, String(value)) ? path.resolve(String(value)) : String(value)];
}

function isPath(name: keyof Options, value: string): boolean {
  if (name === 'out') return true;
  return ['data', 'root', 'teacher', 'from', 'recipe', 'plugin'].includes(name) && existsSync(value);
}
