/** `deit-lt train`: teacher, then student; with `--vit` also the plain ViT. */
import { trainAll } from '../training/train.js';
import type { CommandInput, Run } from './command-spec.js';
import { dryRun } from './dry-run.js';
import { finish } from './finish.js';
import { overSeeds } from './train-seeds.js';
import { prepareRun } from './training-run.js';

export const run: Run = (input) => overSeeds(input, trainOnce);

async function trainOnce(input: CommandInput): Promise<undefined> {
  const prepared = await prepareRun(input);
  const vitToo = prepared.options.vit === true;
  if (input.options.dryRun === true)
    return dryRun(prepared, ['teacher', ...(vitToo ? (['vit'] as const) : []), 'student'], input.context);
  const { teacher, vit, student } = await trainAll({ ...prepared.training, vit: vitToo });
  finish(input.context, prepared, { teacher: teacher.evaluation, vit: vit?.evaluation, student: student.evaluation });
}
