/** `deit-lt analyze`: writes `analysis.json` into the run folder. */
import path from 'node:path';
import { runFoldersIn } from '../analysis/compared-runs.js';
import { type AnalyzeResult, analyzeRun } from '../analysis/run/analyze-run.js';
import { count } from '../format.js';
import { analysisText } from './analysis-text.js';
import { backgroundOfRun } from './background.js';
import { required } from './choose-recipe.js';
import type { CommandInput } from './command-spec.js';
import { openData } from './open-data.js';
import { openOptions } from './open-model.js';

export async function run({ args, options, context }: CommandInput): Promise<undefined> {
  const data = required(options.data, '--data is missing: the data set that the model was trained on');
  const runs = runFoldersIn(args[0]!);
  const dataset = await openData(data, options, context, { background: backgroundOfRun(runs[0]!) });
  const reporter = await context.reporter();
  const { signal } = context;
  const found: (AnalyzeResult & { readonly folder: string })[] = [];
  for (const folder of runs) {
    const result = await analyzeRun(folder, dataset, { ...openOptions(options), reporter, signal });
    found.push({ ...result, folder });
    context.note(written(folder, result));
  }
  if (options.json === true)
    context.printJson(found.length === 1 ? found[0]!.analysis : found.map((each) => each.analysis));
  else context.print(found.map(({ analysis, folder, name }) => analysisText(analysis, folder, name)).join('\n\n'));
}

function written(folder: string, { imagesPerSecond }: AnalyzeResult): string {
  const speed = imagesPerSecond === undefined ? '' : `, ${count(imagesPerSecond)} images/s`;
  return `${path.join(folder, 'analysis.json')} written${speed}`;
}
