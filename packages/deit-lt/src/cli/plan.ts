/** `deit-lt plan`: what a training of these data would be on this machine, and why; `--save` writes it as a recipe. */
import { stringify } from 'yaml';
import { UserError } from '../errors.js';
import { durationWord } from '../format.js';
import { recipeValues } from '../recipe/recipe-values.js';
import { writeFileAtomic } from '../runs/files.js';
import { suggestedCommand } from '../suggested-command.js';
import { backgroundOfOptions } from './background.js';
import { checkEarly, chooseRecipe, settingsOf } from './choose-recipe.js';
import type { CommandInput } from './command-spec.js';
import { dataWords } from './command-words.js';
import { openData } from './open-data.js';
import type { Options } from './option-table.js';
import { planJson, planText } from './plan-text.js';
import { type Planned, planData, trainsOfCommand } from './planned-recipe.js';

export async function run({ args: [data], options, context }: CommandInput): Promise<undefined> {
  checkEarly(options);
  const { savePlan: file, speed: measures } = options;
  if (file !== undefined) checkRecipeFile(file);
  const dataset = await openData(data!, options, context, { background: backgroundOfOptions(options) });
  const trains = trainsOfCommand('train', options);
  const startsAtOnce = file === undefined; // a saved plan is trained without a measurement
  const planned = await planData(dataset, options, context, { trains, measures, startsAtOnce });
  if (file !== undefined) writeFileAtomic(file, recipeText(planned, options));
  if (options.json === true) context.printJson(planJson(planned.plan, planned.data));
  else context.print(planText(planned.plan, planned.data, { ...context, settings: settingsOf(options) }));
  const own = chooseRecipe({}, dataset);
  if (own !== undefined)
    context.note(
      '',
      `These data have a recipe of their own, "${own.name}", which "${suggestedCommand('train', ...words(data!, options))}" takes.`,
    );
  context.note('', ...nextLines(data!, options));
}

/** The command that trains the plan. */
function nextLines(data: string, options: Options): string[] {
  const { savePlan: file, time, goal } = options;
  const asPlanned = [
    ...(time === undefined ? [] : ['--time', durationWord(time)]),
    ...(goal === undefined ? [] : ['--goal', goal]),
    ...(options.vit === true ? ['--vit'] : []),
  ];
  if (file === undefined) return [`To train it: ${suggestedCommand('train', ...words(data, options), ...asPlanned)}`];
  const vit = options.vit === true ? ['--vit'] : [];
  return [
    `The plan is in ${file}. To train it: ${suggestedCommand('train', ...words(data, options), '--recipe', file, ...vit)}`,
  ];
}

const words = (data: string, options: Options): string[] => dataWords({ ...options, data });

/** The plan as a recipe file, with the reasons above it. The user's settings are in it. */
function recipeText({ plan, data, recipe }: Planned, options: Options): string {
  const { description, extends: base } = plan.values;
  const values =
    settingsOf(options).length === 0 ? plan.values : { description, ...recipeValues(String(base), recipe) };
  const lines = [
    `A plan of deit-lt for ${data.name}. Edit it, and train with --recipe.`,
    `Input size: ${plan.why}.`,
    ...plan.warnings.map(({ text }) => `Warning: ${text}`),
  ];
  const comments = lines.map((line) => `# ${line.replace(/\s+/g, ' ')}\n`).join('');
  return `${comments}${stringify(values, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}

/** Throws UserError USAGE for a name that `--recipe` would take for that of a recipe. */
function checkRecipeFile(file: string): void {
  if (/\.(ya?ml)$/.test(file)) return;
  throw new UserError('USAGE', `--save ${file}: the name of a recipe file ends in .yaml.`);
}
