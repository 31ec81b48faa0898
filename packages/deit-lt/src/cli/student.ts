/** `deit-lt student`: the student alone, from a teacher that is there. */
import { trainStudent } from '../training/train.js';
import { required } from './choose-recipe.js';
import type { CommandInput } from './context.js';
import { runResults } from './results-table.js';
import { sayNext } from './say-next.js';
import { prepareRun } from './training-run.js';

export async function run(input: CommandInput): Promise<undefined> {
  if (input.options.resume !== true) requireTeacher(input.options.teacher);
  const { training, options } = await prepareRun(input);
  const { evaluation } = await trainStudent({ ...training, teacher: requireTeacher(options.teacher) });
  const evaluations = { teacher: undefined, vit: undefined, student: evaluation };
  input.context.print(`\n${runResults(evaluations, training.dataset.test === undefined ? 'validation' : 'test')}`);
  sayNext(input.context, training.folder, options);
}

function requireTeacher(teacher: string | undefined): string {
  return required(teacher, '--teacher is missing: the run folder of a teacher. "deit-lt train" trains both.');
}
