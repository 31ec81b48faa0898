/** The names `cifar10` and `cifar100`: found in the cache folder, else downloaded there. */
import fs from 'node:fs';
import path from 'node:path';
import { UserError } from '../../errors.js';
import { type CifarFiles, findCifarFolder, readCifarArchive } from '../cifar/files.js';
import { type CifarLayout, cifarLayouts } from '../cifar/layouts.js';
import { readCifar } from '../cifar/read.js';
import { download, downloadError, md5Of } from '../download.js';
import type { OpenContext, SourceKind } from '../open-options.js';

const server = 'https://www.cs.toronto.edu/~kriz';

export const cifarNames: SourceKind = {
  summary: '`cifar10`, `cifar100`: downloaded when first used',
  names: ['cifar10', 'cifar100'],
  async open(spec, context) {
    const layouts = cifarLayouts.filter(({ dataset }) => dataset === spec);
    if (layouts.length === 0) return undefined;
    return readCifar(spec, await findOrFetch(layouts, context));
  },
};

/**
 * The files of the first of `layouts` (forms of one data set) that lies in the cache folder, unpacked or as archive;
 * else of the archive of the first layout, downloaded from `baseUrl`. Throws `UserError` DOWNLOAD.
 */
export async function findOrFetch(
  layouts: readonly CifarLayout[],
  context: OpenContext,
  baseUrl = server,
): Promise<CifarFiles> {
  const unpacked = findCifarFolder(context.cacheDir, layouts);
  if (unpacked !== undefined) return unpacked;
  const archives = layouts.map((layout) => ({ ...layout, target: path.join(context.cacheDir, layout.archive) }));
  const present = archives.find(({ target }) => fs.existsSync(target));
  if (present !== undefined) {
    await requireMd5(present.target, present.md5);
    return readCifarArchive(present.target, context);
  }
  const { target, archive, md5 } = archives[0]!;
  const url = `${baseUrl}/${archive}`;
  if (context.offline) throw downloadError(url, target, new Error('--offline forbids the download'));
  context.log(`downloading ${url} to ${context.cacheDir}`);
  await download({ url, target, md5 }, context);
  return readCifarArchive(target, context);
}

async function requireMd5(file: string, md5: string): Promise<void> {
  const got = await md5Of(file);
  if (got !== md5)
    throw new UserError('DOWNLOAD', `${file} is damaged: its MD5 is ${got}, expected ${md5}. Remove it and try again`);
}
