/** `deit-lt study ladder`: a recipe, and changes that are added one by one, over several seeds, in one table. */
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../errors.js';
import { accuracyNames } from '../evaluation/class-figures.js';
import { columnsExplained, withInterval } from '../evaluation/figure-text.js';
import { accuracy, duration } from '../format.js';
import { checkRecipe } from '../recipe/load.js';
import { applySettings } from '../recipe/settings.js';
import { writeFileAtomic } from '../runs/files.js';
import { type Change, readChanges } from '../studies/ladder/changes.js';
import { type LadderStudy, type RungResult, type RungRun, runLadder } from '../studies/ladder/study.js';
import { chooseRecipe, required } from './choose-recipe.js';
import type { CommandInput } from './command-spec.js';
import { markdownTable } from './comparison-formats.js';
import { type Column, formatTable } from './table.js';
import { seedsOf } from './train-seeds.js';
import { prepareRun } from './training-run.js';

export async function run(input: CommandInput): Promise<undefined> {
  const { context } = input;
  const file = required(input.options.changes, '--changes is missing: a YAML file with the list of changes');
  const [changes, seeds] = [readChanges(file), seedsOf(input.options.seeds)];
  const { training, options } = await prepareRun(input);
  const recipeWith = ({ name, set }: Change) => {
    try {
      const chosen = chooseRecipe({ ...options, set: [...(options.set ?? []), ...set] }, training.dataset);
      return chosen?.recipe ?? checkRecipe(applySettings({ ...training.recipe }, set), 'the planned recipe');
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(error.code, `${file}, "${name}": ${error.message}`, { cause: error });
    }
  };
  const rungs = rungsOf(changes).map((rung) => ({ name: rung.name, recipe: recipeWith(rung) }));
  const same = rungs.find(({ recipe }, i) => i > 0 && isDeepStrictEqual(recipe, rungs[i - 1]!.recipe));
  if (same !== undefined)
    throw new UserError(
      'RECIPE',
      `${file}, "${same.name}": the recipe has these values already, so the change would be trained for nothing. Remove it or change other values.`,
    );
  const study = await runLadder(training, rungs, seeds);
  const text = (format: typeof formatTable): string =>
    `${titleOf(study)}\n\n${format(columns, study.rungs.map(rowOf))}\n\n${notes(study).join('\n')}`;
  const { folder } = training;
  writeFileAtomic(path.join(folder, 'ladder.md'), `${text(markdownTable)}\n`);
  if (options.json === true) context.printJson(study);
  else context.print(text(formatTable));
  context.note('', `ladder.json and ladder.md are in ${folder}.`);
}

/** The recipe as it is, then each change with those before it. */
function rungsOf(changes: readonly Change[]): Change[] {
  const upTo = (i: number): string[] => changes.slice(0, i + 1).flatMap(({ set }) => set);
  return [{ name: 'the recipe', set: [] }, ...changes.map(({ name }, i) => ({ name: `+ ${name}`, set: upTo(i) }))];
}

const right = (title: string): Column => ({ title, align: 'right' });
const columns: readonly Column[] = [
  { title: 'rung' },
  right('balanced'),
  right('change'),
  ...accuracyNames.filter((name) => name !== 'balanced').map(right),
  right('CLS'),
  right('DIST'),
  right('teacher'),
  right('training'),
];

function rowOf({ name, runs, balanced, change }: RungResult): string[] {
  const mean = (of: (run: RungRun) => number | null): string => accuracy(meanOf(runs.map(of)));
  return [
    name,
    withInterval(balanced.mean, balanced.interval),
    change === null ? '–' : withInterval(change.mean, change.interval),
    ...accuracyNames.filter((each) => each !== 'balanced').map((each) => mean((run) => run.accuracy[each])),
    mean(({ cls }) => cls),
    mean(({ dist }) => dist),
    mean(({ teacherAccuracy }) => teacherAccuracy),
    duration(meanOf(runs.map(({ seconds }) => seconds)) ?? Number.NaN),
  ];
}

function meanOf(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>(
    (sum, value) => (sum === null || value === null ? null : sum + value / values.length),
    0,
  );
}

function titleOf({ split, seeds }: LadderStudy): string {
  return `Accuracy of the student in % on ${split} images, mean over ${seeds.length === 1 ? 'one seed' : `${seeds.length} seeds`} (${seeds.join(', ')})`;
}

function notes({ seeds }: LadderStudy): string[] {
  return [
    `(${columnsExplained}; change: of balanced, to the row above; CLS, DIST and teacher: balanced; training: of the student)`,
    seeds.length === 1
      ? 'With one seed there are no intervals: a change of a few points may be chance (--seeds 0,1,2).'
      : "In brackets: 95 % intervals of the mean over the seeds, by Student's t; those of changes are paired by seed.",
  ];
}
