/** `deit-lt student`: trains only the student, with an existing teacher. */
import { suggestedCommand } from '../suggested-command.js';
import { trainStudent } from '../training/train.js';
import { required } from './choose-recipe.js';
import type { CommandInput, Run } from './command-spec.js';
import { dryRun } from './dry-run.js';
import { finish } from './finish.js';
import { overSeeds } from './train-seeds.js';
import { prepareRun, resumes } from './training-run.js';

export const run: Run = (input) => overSeeds(input, trainOnce);

async function trainOnce(input: CommandInput): Promise<undefined> {
  if (!resumes(input.options)) requireTeacher(input.options.teacher);
  const prepared = await prepareRun(input);
  if (input.options.dryRun === true) return dryRun(prepared, ['student'], input.context);
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
