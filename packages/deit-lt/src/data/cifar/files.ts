/** The files of CIFAR, from an unpacked folder or straight from the published archive (nothing is unpacked to disk). */
import fs from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';
import tar from 'tar-stream';
import { UserError } from '../../errors.js';
import type { OpenContext } from '../open-options.js';
import { type CifarLayout, cifarLayouts, filesOf } from './layouts.js';

/** The files of one layout. `where` is the folder or archive, for messages. */
export interface CifarFiles {
  readonly where: string;
  readonly layout: CifarLayout;
  /** The content of a file, or undefined when it is not there. */
  read(name: string): Uint8Array | undefined;
}

/**
 * The CIFAR files in `folder` or in a folder of the published name within it, or undefined. Throws `UserError`
 * DATA_LAYOUT when both CIFAR-10 and CIFAR-100 are there.
 */
export function findCifarFolder(folder: string, layouts = cifarLayouts): CifarFiles | undefined {
  const found = layouts.flatMap((layout) => {
    const candidates = [folder, path.join(folder, layout.folder)];
    const where = candidates.find((where) => [layout.train[0]!, layout.meta].every((name) => isFile(where, name)));
    return where === undefined ? [] : [{ where, layout }];
  });
  const first = found[0];
  if (first === undefined) return undefined;
  const other = found.find(({ layout }) => layout.dataset !== first.layout.dataset);
  if (other !== undefined)
    throw new UserError('DATA_LAYOUT', `${folder} has two data sets: give ${first.where} or ${other.where}`);
  const read = (name: string): Uint8Array | undefined =>
    isFile(first.where, name) ? fs.readFileSync(path.join(first.where, name)) : undefined;
  return { ...first, read };
}

function isFile(folder: string, name: string): boolean {
  try {
    return fs.statSync(path.join(folder, name)).isFile();
  } catch {
    return false; // also where one may not look, such as a cache folder of somebody else
  }
}

/** The largest file of the published archives has 184 MB, all of them together 190 MB. */
const maxEntryBytes = 2 ** 28;
const maxTotalBytes = 2 ** 30;

/**
 * Reads a `.tar.gz` archive of CIFAR into memory, only the files that belong to it. Throws `UserError` DATA_LAYOUT
 * when the archive is damaged, absurdly large or not CIFAR.
 */
export async function readCifarArchive(
  archive: string,
  { onProgress, signal }: Pick<OpenContext, 'onProgress' | 'signal'>,
): Promise<CifarFiles> {
  const contents = await unpackKnownFiles(archive, { onProgress, signal }).catch((cause: unknown) => {
    signal?.throwIfAborted();
    if (cause instanceof UserError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UserError('DATA_LAYOUT', `${archive} cannot be unpacked (${reason}): download it again`, { cause });
  });
  const layout = cifarLayouts.find((layout) => contents.has(path.posix.join(layout.folder, layout.train[0]!)));
  if (layout === undefined)
    throw new UserError(
      'DATA_LAYOUT',
      `${archive} is not an archive of CIFAR-10 or CIFAR-100; unpack it and give the folder`,
    );
  return { where: archive, layout, read: (name) => contents.get(path.posix.join(layout.folder, name)) };
}

async function unpackKnownFiles(
  archive: string,
  { onProgress, signal }: Pick<OpenContext, 'onProgress' | 'signal'>,
): Promise<Map<string, Uint8Array>> {
  const known = new Set(cifarLayouts.flatMap((layout) => filesOf(layout).map((name) => `${layout.folder}/${name}`)));
  const contents = new Map<string, Uint8Array>();
  const extract = tar.extract();
  extract.on('entry', (header, stream, next) => {
    const name = path.posix.normalize(header.name);
    stream.on('error', () => {}); // the extractor reports it
    if (header.type !== 'file' || !known.has(name)) {
      stream.on('end', next).resume();
      return;
    }
    if ((header.size ?? 0) > maxEntryBytes) {
      next(tooLarge(archive));
      return;
    }
    const chunks: Buffer[] = [];
    stream.on('data', (chunk) => chunks.push(chunk as Buffer));
    stream.on('end', () => {
      contents.set(name, Buffer.concat(chunks));
      next();
    });
  });
  const source = fs.createReadStream(archive);
  const progress = countBytes((done) => onProgress({ what: `reading ${path.basename(archive)}`, done, total }));
  const total = fs.statSync(archive).size;
  const limit = countBytes((done) => {
    if (done > maxTotalBytes) throw tooLarge(archive);
  });
  await pipeline(source, progress, zlib.createGunzip(), limit, extract, { signal });
  return contents;
}

/** Passes chunks on and reports the number of bytes so far. */
function countBytes(onBytes: (done: number) => void): (chunks: AsyncIterable<Buffer>) => AsyncGenerator<Buffer> {
  return async function* count(chunks) {
    let done = 0;
    for await (const chunk of chunks) {
      done += chunk.length;
      onBytes(done);
      yield chunk;
    }
  };
}

function tooLarge(archive: string): UserError {
  return new UserError('DATA_LAYOUT', `${archive} unpacks to far more than CIFAR has: it is not the published archive`);
}
