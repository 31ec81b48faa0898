/** Whether processes can share the shards of what a command trains, found before they are started. */
import { UserError } from '../errors.js';
import { loadRecipe } from '../recipe/load.js';
import type { Recipe } from '../recipe/schema.js';
import { applySettings } from '../recipe/settings.js';
import type { PartName } from '../recipe/training-kind.js';
import { settingsOf } from './choose-recipe.js';
import type { CommandInput } from './command-spec.js';
import { earlierRun } from './earlier-run.js';
import type { Options } from './option-table.js';

/** The parts of the recipe that a command trains. */
function partsOf(command: string): PartName[] {
  if (command === 'train') return ['teacher', 'student'];
  return [command === 'teacher' ? 'teacher' : 'student'];
}

/** Throws UserError USAGE when `count` processes cannot share the shards of a part that `command` trains. */
export function checkShards({ command, options, parse }: CheckedCommand, count: number): void {
  for (const part of partsOf(command)) {
    const shards = shardsOf({ command, options, parse }, part);
    if (shards % count === 0) continue;
    throw new UserError(
      'USAGE',
      `${part}.shards is ${shards}, which ${count} processes cannot share: each takes as many shards as the others. ${divisors(shards)}or set ${part}.shards to ${count} or a multiple of it (--set ${part}.shards=${count}); ${part}.batchSize is the batch of one shard, so that an update has shards × batchSize images.`,
    );
  }
}

export interface CheckedCommand {
  readonly command: string;
  readonly options: Options;
  readonly parse: CommandInput['parse'];
}

/** Of the recipe that is named or resumed, else of the settings: a recipe that is chosen by the data has one shard. */
function shardsOf({ command, options, parse }: CheckedCommand, part: PartName): number {
  const { recipe, resume, out, budget } = options;
  const settings = settingsOf(options);
  if (recipe !== undefined) return loadRecipe(recipe, { settings, budget })[part].shards;
  const earlier =
    resume === true && out !== undefined ? earlierRun(out, { command, given: options, parse }) : undefined;
  if (earlier !== undefined) return earlier.recipe[part].shards;
  const { [part]: values } = applySettings({}, settings) as Partial<Record<PartName, Partial<Recipe[PartName]>>>;
  const { shards = loadRecipe('default')[part].shards } = values ?? {};
  return Number.isInteger(shards) ? shards : 0; // what is no number is refused with the recipe
}

function divisors(shards: number): string {
  const possible = Array.from({ length: shards }, (_, i) => i + 1).filter((n) => n > 1 && shards % n === 0);
  return possible.length === 0 ? 'Use one process, ' : `Use ${possible.slice(0, 8).join(', ')} processes, `;
}
