/** `deit-lt train`: teacher, then student; with `--vit` also the plain ViT. */
import { trainAll } from '../training/train.js';
import type { CommandInput } from './command-spec.js';
import { finish } from './finish.js';
import { prepareRun } from './training-run.js';

export async function run(input: CommandInput): Promise<undefined> {
  const prepared = await prepareRun(input);
  const { teacher, vit, student } = await trainAll({ ...prepared.training, vit: prepared.options.vit === true });
  finish(input.context, prepared, { teacher: teacher.evaluation, vit: vit?.evaluation, student: student.evaluation });
}
