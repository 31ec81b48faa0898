/** `deit-lt train`: teacher, then student; with `--vit` also the plain ViT. */
import { trainAll } from '../training/train.js';
import type { CommandInput } from './context.js';
import { runResults } from './results-table.js';
import { sayNext } from './say-next.js';
import { prepareRun } from './training-run.js';

export async function run(input: CommandInput): Promise<undefined> {
  const { training, options } = await prepareRun(input);
  const { teacher, vit, student } = await trainAll({ ...training, vit: options.vit === true });
  const evaluations = { teacher: teacher.evaluation, vit: vit?.evaluation, student: student.evaluation };
  input.context.print(`\n${runResults(evaluations, training.dataset.test === undefined ? 'validation' : 'test')}`);
  sayNext(input.context, training.folder, options);
}
