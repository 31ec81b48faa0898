/**
 * Two files that list images, one for each split: `a_train.txt` with `a_test.txt` beside it, or both with a comma
 * between.
 */
import path from 'node:path';
import { UserError } from '../../errors.js';
import { statsOf } from '../stats-of.js';

export interface SplitFiles {
  readonly train: string;
  readonly test: string | undefined;
}

export interface SplitFilesOptions {
  /** Extensions of such files, with the dot and in lower case. */
  readonly extensions: readonly string[];
  /** Words that replace "train" in the name of the test file; the first file that exists is used. */
  readonly testNames: readonly string[];
  /** The same as in `OpenContext`. */
  readonly testSplit: string | undefined;
  readonly log: (line: string) => void;
  readonly reads: (file: string) => void;
}

/** The files that `spec` names, or undefined when it names no such file. Throws UserError DATA_NOT_FOUND or USAGE. */
export function findSplitFiles(spec: string, options: SplitFilesOptions): SplitFiles | undefined {
  const fits = (file: string): boolean => isFileOf(file, options);
  if (fits(spec)) {
    options.reads(spec);
    return { train: spec, test: besides(spec, options) };
  }
  const [train, test, ...more] = spec.split(',').map((part) => part.trim());
  if (train === undefined || test === undefined || more.length > 0 || !fits(train)) return undefined;
  if (options.testSplit !== undefined)
    throw new UserError('USAGE', `--test-split ${options.testSplit}: --data names the list of test images, ${test}`);
  if (!fits(test)) throw new UserError('DATA_NOT_FOUND', `the list of test images ${test} does not exist`);
  for (const file of [train, test]) options.reads(file);
  return { train, test };
}

function isFileOf(file: string, { extensions }: SplitFilesOptions): boolean {
  if (!extensions.includes(path.extname(file).toLowerCase())) return false;
  return statsOf(file)?.isFile() ?? false;
}

/** `ImageNet_LT_test.txt` for `ImageNet_LT_train.txt`. */
function besides(train: string, options: SplitFilesOptions): string | undefined {
  const { testSplit, testNames, reads, log } = options;
  const base = path.basename(train);
  const names = testSplit === undefined ? testNames : [testSplit];
  const candidates = base.includes('train')
    ? names.map((name) =>
        path.join(
          path.dirname(train),
          base.replace('train', () => name),
        ),
      )
    : [];
  for (const file of candidates) reads(file);
  const [test, ...unused] = candidates.filter((file) => isFileOf(file, options));
  if (test === undefined && testSplit !== undefined)
    throw new UserError(
      'USAGE',
      `--test-split ${testSplit}: ${candidates[0] === undefined ? `the name ${base} does not contain "train"` : `${candidates[0]} does not exist`}`,
    );
  if (test !== undefined)
    log(`test images: ${test}${unused.length > 0 ? `; not used: ${unused.join(', ')} (--test-split chooses)` : ''}`);
  return test;
}
