/** CIFAR-10 and CIFAR-100 as a data set in memory, in any of their published forms. */
import { UserError } from '../../errors.js';
import type { Dataset } from '../dataset.js';
import { requireDistinct } from '../sources/require-names.js';
import { type CifarBatch, joinBatches, requireLabels } from './batch.js';
import { readBinaryBatch, readBinaryNames } from './binary.js';
import type { CifarFiles } from './files.js';
import type { CifarLayout } from './layouts.js';
import { readPythonBatch, readPythonNames } from './python.js';

interface Format {
  batch(content: Uint8Array, file: string, layout: CifarLayout): CifarBatch;
  names(content: Uint8Array, file: string, layout: CifarLayout): string[];
}

const formats: Record<CifarLayout['format'], Format> = {
  binary: { batch: readBinaryBatch, names: readBinaryNames },
  python: { batch: readPythonBatch, names: readPythonNames },
};

/** Reads all images. Throws `UserError` DATA_LAYOUT naming the file that is missing or damaged. */
export function readCifar(name: string, files: CifarFiles): Dataset {
  const { layout } = files;
  const format = formats[layout.format];
  const classNames = format.names(required(files, layout.meta), layout.meta, layout);
  if (classNames.length !== layout.numClasses)
    throw new UserError(
      'DATA_LAYOUT',
      `${layout.meta} in ${files.where} has ${classNames.length} class names, expected ${layout.numClasses}`,
    );
  requireDistinct(classNames, layout.meta);
  const readSplit = (names: readonly string[]): Dataset['train'] => {
    const batches = names.map((file) => format.batch(required(files, file), file, layout));
    for (const batch of batches) requireLabels(batch, layout.numClasses);
    return joinBatches(batches);
  };
  return { name, classNames, train: readSplit(layout.train), test: readSplit(layout.test) };
}

function required(files: CifarFiles, name: string): Uint8Array {
  const content = files.read(name);
  if (content === undefined)
    throw new UserError('DATA_LAYOUT', `${files.where} has no ${name}: it is incomplete; unpack the archive again`);
  return content;
}
