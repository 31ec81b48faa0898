/** `deit-lt student`: trains only the student, with an existing teacher. */
import { suggestedCommand } from '../suggested-command.js';
import { trainStudent } from '../training/train.js';
import { required } from './choose-recipe.js';
import type { CommandInput } from './command-spec.js';
import { finish } from './finish.js';
import { prepareRun, resumes } from './training-run.js';

export async function run(input: CommandInput): Promise<undefined> {
  if (!resumes(input.options)) requireTeacher(input.options.teacher);
  const prepared = await prepareRun(input);
  const { evaluation } = await trainStudent({
    ...prepared.training,
    teacher: requireTeacher(prepared.options.teacher),
  });
  finish(input.context, prepared, { student: evaluation });
}

function requireTeacher(teacher: string | undefined): string {
  return required(
    teacher,
    `--teacher is missing: the run folder of a teacher. "${suggestedCommand('train')}" trains both.`,
  );
}
