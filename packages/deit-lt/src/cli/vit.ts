/** `deit-lt vit`: a plain ViT with the student's recipe, without a teacher. */
import { trainVit } from '../training/train.js';
import type { CommandInput, Run } from './command-spec.js';
import { dryRun } from './dry-run.js';
import { finish } from './finish.js';
import { overSeeds } from './train-seeds.js';
import { prepareRun } from './training-run.js';

export const run: Run = (input) => overSeeds(input, trainOnce);

async function trainOnce(input: CommandInput): Promise<undefined> {
  const prepared = await prepareRun(input);
  if (input.options.dryRun === true) return dryRun(prepared, ['vit'], input.context);
  const { evaluation } = await trainVit(prepared.training);
  finish(input.context, prepared, { vit: evaluation });
}
