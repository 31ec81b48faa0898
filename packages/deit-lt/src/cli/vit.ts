/** `deit-lt vit`: a plain ViT with the student's recipe, without a teacher. */
import { trainVit } from '../training/train.js';
import type { CommandInput } from './command-spec.js';
import { finish } from './finish.js';
import { prepareRun } from './training-run.js';

export async function run(input: CommandInput): Promise<undefined> {
  const prepared = await prepareRun(input);
  const { evaluation } = await trainVit(prepared.training);
  finish(input.context, prepared, { vit: evaluation });
}
