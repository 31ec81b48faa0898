/**
 * `deit-lt quickstart`: the whole method in minutes. Teacher, plain ViT and student on drawn shapes, or on the user's own
 * small images, and a table that compares them.
 */
import type { Dataset } from '../data/dataset.js';
import { splitOff } from '../data/split.js';
import { trainAll } from '../training/train.js';
import type { CommandInput } from './context.js';
import { runResults } from './results-table.js';
import { sayNext } from './say-next.js';
import { prepareRun } from './training-run.js';

/** Of each class, when the user's data have no test images and nothing is said. */
const defaultSplit = 0.2;

export async function run(input: CommandInput): Promise<undefined> {
  const { context } = input;
  const { data = 'shapes', ...given } = input.options;
  const fresh = given.resume !== true || input.options.data !== undefined;
  const asked = fresh ? { ...given, data } : given;
  context.note('quickstart: teacher, plain ViT and student, one after the other');
  const { training, options } = await prepareRun({ ...input, options: asked, recipeByDefault: 'quickstart' });
  const { dataset, split } = withTest(training.dataset, options.split, context.note);
  const { teacher, vit, student } = await trainAll({ ...training, dataset, vit: true });
  const evaluations = { teacher: teacher.evaluation, vit: vit?.evaluation, student: student.evaluation };
  context.print(`\n${runResults(evaluations, 'test')}`);
  sayNext(context, training.folder, { ...options, ...(split !== undefined && { split }) }, [
    [['quickstart', '--data', 'FOLDER'], 'the same on your images: a folder with a folder for each class'],
    [['train', '--data', 'cifar10', '--imbalance', '100'], 'a real long tail; takes longer'],
  ]);
}

function withTest(
  dataset: Dataset,
  split: number | undefined,
  note: (line: string) => void,
): { dataset: Dataset; split: number | undefined } {
  if (dataset.test !== undefined) return { dataset, split };
  note(`no test images: ${100 * defaultSplit} % of each class are kept aside as such (other shares: --split)`);
  return { dataset: splitOff(dataset, defaultSplit), split: defaultSplit };
}
