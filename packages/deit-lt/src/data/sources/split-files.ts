/** Two files that list images, one for each split: `a_train.txt` with `a_test.txt` beside it, or both with a comma between. */
import fs from 'node:fs';
import path from 'node:path';
import { UserError } from '../../errors.js';

export interface SplitFiles {
  readonly train: string;
  readonly test: string | undefined;
}

export interface SplitFilesOptions {
  /** Extensions of such files, with the dot and in lower case. */
  readonly extensions: readonly string[];
  /** What stands in the test file's name where the other has "train"; the first that exists is taken. */
  readonly testNames: readonly string[];
  readonly log: (line: string) => void;
  /** As in `OpenContext`. */
  readonly reads: (file: string) => void;
}

/** The files that `spec` names, or undefined when it names no such file. Throws UserError DATA_NOT_FOUND. */
export function findSplitFiles(spec: string, options: SplitFilesOptions): SplitFiles | undefined {
  const fits = (file: string): boolean => isFileOf(file, options);
  if (fits(spec)) {
    options.reads(spec);
    return { train: spec, test: besides(spec, options) };
  }
  const [train, test, ...more] = spec.split(',').map((part) => part.trim());
  if (train === undefined || test === undefined || more.length > 0 || !fits(train)) return undefined;
  if (!fits(test)) throw new UserError('DATA_NOT_FOUND', `the list of test images ${test} does not exist`);
  for (const file of [train, test]) options.reads(file);
  return { train, test };
}

function isFileOf(file: string, { extensions }: SplitFilesOptions): boolean {
  if (!extensions.includes(path.extname(file).toLowerCase())) return false;
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** `ImageNet_LT_test.txt` for `ImageNet_LT_train.txt`. */
function besides(train: string, options: SplitFilesOptions): string | undefined {
  const base = path.basename(train);
  if (!base.includes('train')) return undefined;
  const candidates = options.testNames.map((name) => path.join(path.dirname(train), base.replace('train', name)));
  for (const file of candidates) options.reads(file);
  const [test, ...unused] = candidates.filter((file) => isFileOf(file, options));
  if (test !== undefined)
    options.log(`test images: ${test}${unused.length > 0 ? `; not used: ${unused.join(', ')}` : ''}`);
  return test;
}
