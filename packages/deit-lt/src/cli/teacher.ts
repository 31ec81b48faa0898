/** `deit-lt teacher`: trains only the teacher. */
import { trainTeacher } from '../training/train.js';
import type { CommandInput } from './command-spec.js';
import { finish } from './finish.js';
import { prepareRun } from './training-run.js';

export async function run(input: CommandInput): Promise<undefined> {
  const prepared = await prepareRun(input);
  const { evaluation } = await trainTeacher(prepared.training);
  finish(input.context, prepared, { teacher: evaluation });
}
