/** The words that start a command again from anywhere: as they were given, with full paths and the run folder. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { datasetNames } from '../data/open.js';
import { durationWord } from '../format.js';
import { programWords } from '../suggested-command.js';
import { flagsOf, type Options, optionTable } from './option-table.js';

/** `deit-lt train --data /images --out /runs/x …`, one word each, without `--resume`. */
export function commandWords(command: string | readonly string[], options: Options): string[] {
  const names = Object.keys(optionTable).filter((name) => name !== 'resume') as (keyof Options)[];
  return [...programWords(), ...[command].flat(), ...names.flatMap((name) => optionWords(name, options[name]))];
}

/** Options with which a command finds the same test images as the training. */
const sameData = ['split', 'testSplit', 'root', 'check', 'skipBad', 'offline'] as const;

/** `--data my-images --split 0.1 --skip-bad …`: the data of a training for a command that evaluates its run. */
export function dataWords(options: Options): string[] {
  return ['--data', options.data ?? 'DATA', ...sameData.flatMap((name) => optionWords(name, options[name]))];
}

function optionWords(name: keyof Options, value: Options[keyof Options]): string[] {
  const flag = flagsOf(name).split(' ')[0]!;
  if (optionTable[name].negated === true) return value === false ? [flag] : [];
  if (value === undefined || value === false) return [];
  if (value === true) return [flag];
  if (optionTable[name].type === 'duration') return [flag, durationWord(Number(value))];
  if (Array.isArray(value)) return value.flatMap((item) => [flag, item]);
  return [flag, fullPath(name, String(value))];
}

/**
 * Converts a value that names files; other values are unchanged. A name of a data set or a recipe wins over a file of
 * that name.
 */
function fullPath(name: keyof Options, value: string): string {
  if (name === 'out') return path.resolve(value);
  if (
    !['data', 'root', 'teacher', 'from', 'recipe', 'plugin', 'changes', 'calibration', 'prior', 'priorFrom'].includes(
      name,
    )
  )
    return value;
  if (name === 'prior' && ['uniform', 'training'].includes(value)) return value;
  if (name === 'data' && datasetNames.includes(value)) return value;
  if (name === 'recipe' && !/\.(ya?ml|json)$/.test(value)) return value;
  if (existsSync(value)) return path.resolve(value);
  const pair = name === 'data' ? value.split(',').map((file) => file.trim()) : []; // training and test list
  return pair.length === 2 && pair.every((file) => existsSync(file))
    ? pair.map((file) => path.resolve(file)).join(',')
    : value;
}
