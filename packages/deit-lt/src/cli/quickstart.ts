/**
 * `deit-lt quickstart`: the whole method in minutes. Teacher, plain ViT and student on drawn shapes, or on the user's own
 * small images, and a table that compares them.
 */
import { splitOff } from '../data/split.js';
import { trainAll } from '../training/train.js';
import type { CommandInput } from './command-spec.js';
import { finish } from './finish.js';
import type { Options } from './option-table.js';
import { type PreparedRun, prepareRun, resumes } from './training-run.js';

/** Share of each class that is used for testing if the user's data have no test images and `--split` is not given. */
const testShare = 0.2;

export async function run(input: CommandInput): Promise<undefined> {
  const { context } = input;
  context.note('quickstart: trains a teacher, a plain ViT and a student, one after the other');
  const prepared = await prepareRun({ ...input, options: withData(input.options), recipeByDefault: 'quickstart' });
  const measured = withTest(prepared, context.note);
  const { teacher, vit, student } = await trainAll({ ...measured.training, vit: true });
  const evaluations = { teacher: teacher.evaluation, vit: vit?.evaluation, student: student.evaluation };
  finish(context, measured, evaluations, [
    [['quickstart', '--data', 'FOLDER'], 'the same on your images: FOLDER has one folder per class'],
    [['train', '--data', 'cifar10', '--imbalance', '100'], 'photographs; takes much longer'],
  ]);
}

/** A resumed run knows its data. */
function withData(options: Options): Options {
  return resumes(options) ? options : { data: 'shapes', ...options };
}

function withTest(prepared: PreparedRun, note: (line: string) => void): PreparedRun {
  const { training, options } = prepared;
  if (training.dataset.test !== undefined) return prepared;
  note(`no test images: ${100 * testShare} % of each class are set aside for testing (--split sets another share)`);
  const dataset = splitOff(training.dataset, testShare);
  return { training: { ...training, dataset }, options: { ...options, split: testShare } };
}
