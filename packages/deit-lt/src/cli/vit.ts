/** `deit-lt vit`: a plain ViT with the student's recipe, without a teacher. */
import { trainVit } from '../training/train.js';
import type { CommandInput } from './context.js';
import { runResults } from './results-table.js';
import { sayNext } from './say-next.js';
import { prepareRun } from './training-run.js';

export async function run(input: CommandInput): Promise<undefined> {
  const { training, options } = await prepareRun(input);
  const { evaluation } = await trainVit(training);
  const evaluations = { teacher: undefined, vit: undefined, student: undefined, vit: evaluation };
  input.context.print(`\n${runResults(evaluations, training.dataset.test === undefined ? 'validation' : 'test')}`);
  sayNext(input.context, training.folder, options);
}
