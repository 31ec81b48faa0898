/** `deit-lt tau`: τ-normalisation of a trained classifier, τ chosen on validation images. */
import path from 'node:path';
import { normalizeRun, type TauResult } from '../training/tau-normalization.js';
import { backgroundOfRun } from './background.js';
import { required } from './choose-recipe.js';
import type { CommandInput } from './command-spec.js';
import { commandWords } from './command-words.js';
import { openData } from './open-data.js';
import { outputRows, resultsText, resultsTitle } from './results-table.js';
import { defaultFolder } from './training-run.js';

export async function run({ args, options, context }: CommandInput): Promise<undefined> {
  const data = required(options.data, '--data is missing: the data set that the model was trained on');
  const dataset = await openData(data, options, context, { background: backgroundOfRun(path.resolve(args[0]!)) });
  const folder = path.resolve(options.out ?? defaultFolder('tau'));
  const { tau } = options;
  const result = await normalizeRun({
    dataset,
    run: args[0]!,
    folder,
    ...(tau !== undefined && { tau }),
    reporter: await context.reporter(),
    signal: context.signal,
    command: commandWords(['tau', path.resolve(args[0]!)], { ...options, out: folder }),
  });
  if (options.json === true) context.printJson(result);
  else context.print(textOf(result));
  context.note(`The run is in ${folder}.`);
}

function textOf({ tau, scores, before, evaluation }: TauResult): string {
  const how = scores.length === 0 ? '' : ', chosen on the validation images';
  const first = `τ = ${tau}${how}`;
  if (before === undefined || evaluation === undefined) return `${first}; there are no test images.`;
  const rows = [...outputRows(before, 'before'), ...outputRows(evaluation, 'normalised')];
  return `${first}\n\n${resultsText(resultsTitle(evaluation.avg.images, 'test'), rows, 'test')}`;
}
