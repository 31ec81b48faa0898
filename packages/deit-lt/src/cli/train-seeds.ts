/** `--seeds`: one training after the other, which differ in their seed alone, and mean and interval of all. */
import path from 'node:path';
import { bySeed, findModels } from '../analysis/compared-runs.js';
import { compareRuns } from '../analysis/comparison.js';
import { UserError } from '../errors.js';
import { suggestedCommand } from '../suggested-command.js';
import { required } from './choose-recipe.js';
import type { CommandInput, Run } from './command-spec.js';
import { comparisonText } from './comparison-formats.js';

/** Runs `train` for each seed of `--seeds`, into OUT/seed-SEED; once where there is no such option. */
export async function overSeeds(input: CommandInput, train: Run): Promise<number | undefined> {
  const { options, context } = input;
  if (options.seeds === undefined) return train(input);
  const seeds = seedsOf(options.seeds);
  const out = required(options.out, '--seeds needs a folder for its runs: --out DIR');
  if (options.set?.some((setting) => /^\s*seed\s*=/.test(setting)))
    throw new UserError('USAGE', '--seeds and --set seed=… exclude each other: leave one out.');
  const { seeds: _, ...rest } = options;
  for (const [i, seed] of seeds.entries()) {
    context.note(`seed ${seed} (${i + 1} of ${seeds.length})`);
    const set = [...(options.set ?? []), `seed=${seed}`];
    await train({ ...input, options: { ...rest, set, out: path.join(out, `seed-${seed}`) } });
  }
  if (options.dryRun === true) return undefined;
  const folders = seeds.map((seed) => path.join(out, `seed-${seed}`));
  context.print(`\n${comparisonText(compareRuns(bySeed(findModels(folders).models)))}`);
  context.note('', `The same table, and other formats of it: ${suggestedCommand('compare', out)}`);
  return undefined;
}

/** Throws UserError USAGE. */
export function seedsOf(text = '0,1,2'): number[] {
  const seeds = text.split(',').map((part) => (/^\s*\d{1,9}\s*$/.test(part) ? Number(part) : Number.NaN));
  if (seeds.some(Number.isNaN) || new Set(seeds).size < seeds.length)
    throw new UserError(
      'USAGE',
      `--seeds ${text}: expected different whole numbers with commas between, such as 0,1,2.`,
    );
  return seeds;
}
