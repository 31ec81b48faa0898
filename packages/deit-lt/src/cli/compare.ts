/** `deit-lt compare`: runs side by side, with how sure their figures and their differences are. */

import { bySeed, type ComparedModel, findModels, imagesKey, skippedNote } from '../analysis/compared-runs.js';
import { type Comparison, compareRuns } from '../analysis/comparison.js';
import { UserError } from '../errors.js';
import { smallBudgetMark } from '../recipe/small-budget.js';
import { evaluatingCommand } from '../runs/recorded-data.js';
import { recordedIn } from '../runs/run-folder.js';
import type { CommandInput } from './command-spec.js';
import { comparisonCsv, comparisonLatex, comparisonMarkdown, comparisonText } from './comparison-formats.js';

const formats: Readonly<Record<string, (comparison: Comparison) => string>> = {
  table: comparisonText,
  markdown: comparisonMarkdown,
  latex: comparisonLatex,
};

export async function run({ args, options, context }: CommandInput): Promise<undefined> {
  const { json = false, format } = options;
  if (json && format !== undefined)
    throw new UserError('USAGE', `--json and --format ${format} exclude each other: leave one out.`);
  const { models, missing, skipped } = findModels(args);
  const comparison = compareRuns(bySeed(models));
  for (const note of [...skipped.map(skippedNote), ...missing.map(withoutPredictions), ...doubts(models)])
    context.note(note);
  if (json) context.printJson(comparison);
  else if (format === 'csv') for (const line of comparisonCsv(comparison)) context.printData(line);
  else context.print(formats[format ?? 'table']!(comparison));
}

const withoutPredictions = (folder: string): string =>
  `${folder} is left out: it has no predictions.safetensors (${evaluatingCommand(folder, recordedIn(folder))} makes it).`;

/** Warnings about the accuracies. */
function doubts(models: readonly ComparedModel[]): string[] {
  return models.flatMap(({ name, config, predictions, groups }) => [
    ...(imagesKey({ predictions, groups }) === imagesKey(models[0]!)
      ? []
      : [
          `${name} was measured on other images or classes than ${models[0]!.name}, so they are not compared image by image.`,
        ]),
    ...(predictions.split === 'validation' ? [`${name} was measured on validation images.`] : []),
    ...(config.recipe.description.endsWith(smallBudgetMark)
      ? [`${name} was trained with --budget small: its accuracy says nothing about the recipe.`]
      : []),
    ...(config.recipe.evaluation.select === 'test'
      ? [
          `${name}: its epoch was chosen on the test images (evaluation.select: test), so its accuracy is too optimistic.`,
        ]
      : []),
  ]);
}
