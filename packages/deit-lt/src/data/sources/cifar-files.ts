/** CIFAR as the user has it: an unpacked folder, the folder around it, or the published archive. */
import { findCifarFolder, readCifarArchive } from '../cifar/files.js';
import { readCifar } from '../cifar/read.js';
import type { SourceKind } from '../open-options.js';
import { statsOf } from '../stats-of.js';

export const cifarFiles: SourceKind = {
  summary: 'a folder or .tar.gz archive of CIFAR-10 or CIFAR-100 (binary or Python version)',
  async open(spec, context) {
    const stats = statsOf(spec);
    if (stats?.isDirectory()) {
      const files = findCifarFolder(spec);
      return files === undefined ? undefined : readCifar(spec, files);
    }
    if (!stats?.isFile() || !/\.(tar\.gz|tgz)$/i.test(spec)) return undefined;
    return readCifar(spec, await readCifarArchive(spec, context));
  },
};
