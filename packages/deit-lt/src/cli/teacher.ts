/** `deit-lt teacher`: the teacher alone. */
import { trainTeacher } from '../training/train.js';
import type { CommandInput } from './context.js';
import { runResults } from './results-table.js';
import { sayNext } from './say-next.js';
import { prepareRun } from './training-run.js';

export async function run(input: CommandInput): Promise<undefined> {
  const { training, options } = await prepareRun(input);
  const { evaluation } = await trainTeacher(training);
  const evaluations = { teacher: undefined, vit: undefined, student: undefined, teacher: evaluation };
  input.context.print(`\n${runResults(evaluations, training.dataset.test === undefined ? 'validation' : 'test')}`);
  sayNext(input.context, training.folder, options);
}
