/** `deit-lt teacher`: trains only the teacher. */
import { trainTeacher } from '../training/train.js';
import type { CommandInput, Run } from './command-spec.js';
import { dryRun } from './dry-run.js';
import { finish } from './finish.js';
import { overSeeds } from './train-seeds.js';
import { prepareRun } from './training-run.js';

export const run: Run = (input) => overSeeds(input, trainOnce);

async function trainOnce(input: CommandInput): Promise<undefined> {
  const prepared = await prepareRun(input);
  if (input.options.dryRun === true) return dryRun(prepared, ['teacher'], input.context);
  const { evaluation } = await trainTeacher(prepared.training);
  finish(input.context, prepared, { teacher: evaluation });
}
