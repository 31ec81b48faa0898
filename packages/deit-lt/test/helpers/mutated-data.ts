/** The parsers of what lies on a disk beside images, each with files to damage and what must come of them. */
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { DecodedCache } from '../../src/data/cache/decoded-cache.js';
import type { Dataset } from '../../src/data/dataset.js';
import { packPaths } from '../../src/data/file-paths.js';
import { openDataset } from '../../src/data/open.js';
import { UserError } from '../../src/errors.js';
import { binaryFiles, layoutOf, writeArchive, writeFolder } from './cifar.js';
import { numpyArray, python2Files } from './cifar-pickles.js';
import { writeImage } from './images.js';
import { mutated } from './mutations.js';
import { write } from './temporary-folder.js';

/** What became of a damaged file. `refused` is a clear error; all but the first two are faults of ours. */
export type Outcome = 'read' | 'refused' | 'wrong' | 'crashed';

export interface Tried {
  readonly outcome: Outcome;
  /** How the file was damaged. */
  readonly what: string;
  readonly message: string;
}

/** A parser with files that it reads, in a folder of its own. */
export interface Subject {
  /** Damages one of the files by `seed`, reads them, and puts the file right again. */
  attempt(seed: number): Promise<Tried>;
}

/** A way to make the subject of each parser in an empty folder. */
export const parsers: Readonly<Record<string, (folder: string) => Promise<Subject>>> = {
  'list files': async (folder) => {
    await writeImages(folder);
    const line = (i: number): string => `images/${i}.png ${i % 3}\n`;
    write(path.join(folder, 'train.txt'), `# a list\n${[0, 1, 2, 3, 4].map(line).join('')}`);
    write(path.join(folder, 'val.txt'), `${line(5)}${line(4)}`);
    return listSubject(folder, 'train.txt', ['train.txt', 'val.txt']);
  },
  'list files, tabs and names': async (folder) => {
    await writeImages(folder);
    const lines = [0, 1, 2, 3, 4, 5].map((i) => `images/${i}.png\t${['gray wolf', 'Äsche', '梨'][i % 3]}\r\n`);
    write(path.join(folder, 'train.txt'), lines.join(''));
    return listSubject(folder, 'train.txt', ['train.txt']);
  },
  'list files, UTF-16': async (folder) => {
    await writeImages(folder);
    const lines = [0, 1, 2, 3, 4, 5].map((i) => `images/${i}.png ${i % 3}\r\n`);
    write(path.join(folder, 'train.txt'), Buffer.from(`\uFEFF${lines.join('')}`, 'utf16le'));
    return listSubject(folder, 'train.txt', ['train.txt']);
  },
  'names of classes': async (folder) => {
    await writeImages(folder);
    write(path.join(folder, 'train.txt'), [0, 1, 2].map((i) => `images/${i}.png ${i}\n`).join(''));
    write(path.join(folder, 'classes.txt'), 'gray wolf\nÄsche\n梨\n');
    return listSubject(folder, 'train.txt', ['classes.txt']);
  },
  'annotations (JSON)': async (folder) => {
    await writeImages(folder);
    const ids = [0, 1, 2, 3, 4, 5];
    const content = (chosen: readonly number[]): string =>
      JSON.stringify({
        info: { year: 2018 },
        images: chosen.map((id) => ({ id, file_name: `images/${id}.png`, width: 8 })),
        annotations: chosen.map((id) => ({ id: 10 + id, image_id: id, category_id: id % 3 })),
        categories: [0, 1, 2].map((id) => ({ id, name: `Genus "${id}" ü` })),
      });
    write(path.join(folder, 'train.json'), content(ids.slice(0, 5)));
    write(path.join(folder, 'val.json'), content(ids.slice(4)));
    return listSubject(folder, 'train.json', ['train.json', 'val.json']);
  },
  'CIFAR, binary': async (folder) => {
    const files = binaryFiles(layoutOf('cifar-10-batches-bin'));
    writeFolder(folder, files);
    return filesSubject(folder, [...files.keys()], () => openDataset(folder, { cacheDir: path.join(folder, 'cache') }));
  },
  'CIFAR, Python': async (folder) => {
    const files = python2Files(layoutOf('cifar-10-batches-py'), numpyArray);
    writeFolder(folder, files);
    return filesSubject(folder, [...files.keys()], () => openDataset(folder, { cacheDir: path.join(folder, 'cache') }));
  },
  'CIFAR, archive': (folder) => archiveSubject(folder, false),
  'CIFAR, archive as packed again': (folder) => archiveSubject(folder, true),
  'index of many files': indexSubject,
  'decoded pixels': decodedSubject,
};

async function writeImages(folder: string): Promise<void> {
  for (let i = 0; i < 6; i++) await writeImage(path.join(folder, 'images', `${i}.png`), [40 * i, 0, 0], 4, 3);
}

function listSubject(folder: string, list: string, damaged: readonly string[]): Subject {
  return filesSubject(folder, damaged, () =>
    openDataset(path.join(folder, list), { cacheDir: path.join(folder, 'cache') }),
  );
}

/** Any data set may be read from a damaged file, as long as it is whole in itself. */
function filesSubject(folder: string, names: readonly string[], open: () => Promise<Dataset>): Subject {
  const files = names.map((name) => path.join(folder, name));
  return { attempt: (seed) => attempt(files, seed, async () => checkWhole(await open())) };
}

/** Of an archive the compressed bytes are damaged, or those in it (which a checksum protects no more). */
async function archiveSubject(folder: string, packedAgain: boolean): Promise<Subject> {
  const archive = path.join(folder, 'cifar-10-binary.tar.gz');
  const layout = layoutOf('cifar-10-batches-bin');
  await writeArchive(archive, layout.folder, binaryFiles(layout));
  const packing = packedAgain
    ? { unpack: zlib.gunzipSync, pack: (bytes: Buffer) => zlib.gzipSync(bytes, { level: 1 }) }
    : undefined;
  const open = async (): Promise<void> =>
    checkWhole(await openDataset(archive, { cacheDir: path.join(folder, 'cache') }));
  return { attempt: (seed) => attempt([archive], seed, open, packing) };
}

/** A damaged cache never shows: what is opened is what would be without it. */
async function indexSubject(folder: string): Promise<Subject> {
  const [data, cacheDir] = [path.join(folder, 'data'), path.join(folder, 'cache')];
  for (let i = 0; i < 6; i++)
    await writeImage(path.join(data, i < 5 ? 'train' : 'test', `class ${i % 2}`, `${i}.png`), [40 * i, 0, 0], 4 + i, 3);
  const open = (): Promise<Dataset> => openDataset(data, { cacheDir, checkFiles: 'headers' });
  const truth = describe(await open());
  const place = path.join(cacheDir, 'index');
  const index = path.join(place, fs.readdirSync(place)[0]!);
  const same = async (): Promise<void> => {
    if (describe(await open()) !== truth) throw new WrongError('the data set differs from the files');
  };
  return { attempt: (seed) => attempt([index], seed, same) };
}

async function decodedSubject(folder: string): Promise<Subject> {
  await writeImages(folder);
  const paths = packPaths(Array.from({ length: 1000 }, (_, i) => path.join(folder, 'images', `${i % 6}.png`)));
  const now = Date.now;
  Date.now = () => now() + 60_000; // the files count as old
  const cache = await DecodedCache.for(paths, { cacheDir: path.join(folder, 'cache'), maxBytes: 2 ** 20 });
  Date.now = now;
  const block = { width: 4, height: 3, pixels: Uint8Array.from({ length: 1000 * 36 }, (_, i) => i * 7) };
  const written = { bad: new Map([[3, { path: '/nowhere/3.png', reason: 'is empty' }]]), block };
  await cache!.write(written);
  const show = ({ bad, block }: typeof written): string =>
    JSON.stringify([[...bad], block.width, block.height, Buffer.from(block.pixels).toString('base64')]);
  const same = async (): Promise<void> => {
    const kept = await cache!.read();
    if (kept === undefined) throw new UserError('DATA_NOT_FOUND', 'no entry');
    if (
      kept.block === undefined ||
      show({ bad: new Map(kept.bad), block: kept.block as typeof block }) !== show(written)
    )
      throw new WrongError('the entry differs from what was written');
  };
  return { attempt: (seed) => attempt([cache!.file], seed, same) };
}

class WrongError extends Error {}

const describe = ({ classNames, train, test }: Dataset): string =>
  JSON.stringify([
    classNames,
    ...[train, test!].map(({ images, labels }) => Array.from(labels, (l, i) => [l, images.nameOf(i)])),
  ]);

/** Throws WrongError when labels, classes and images do not go together. */
function checkWhole({ classNames, train, test }: Dataset): void {
  for (const split of [train, ...(test === undefined ? [] : [test])]) {
    if (split.images.length !== split.labels.length) throw new WrongError('as many labels as images are expected');
    if (split.labels.some((label) => !(label >= 0 && label < classNames.length)))
      throw new WrongError('a label is no class');
    const { images } = split;
    if (images.kind === 'memory' && images.pixels.length !== images.length * images.width * images.height * 3)
      throw new WrongError('the pixels are not those of the images');
  }
  if (new Set(classNames).size !== classNames.length) throw new WrongError('two classes have one name');
}

interface Packing {
  unpack(bytes: Buffer): Buffer;
  pack(bytes: Buffer): Buffer;
}

async function attempt(
  files: readonly string[],
  seed: number,
  open: () => Promise<void>,
  { unpack, pack }: Packing = { unpack: (bytes) => bytes, pack: (bytes) => bytes },
): Promise<Tried> {
  const file = files[seed % files.length]!;
  const whole = fs.readFileSync(file);
  const { bytes, what } = mutated(unpack(whole), seed);
  fs.writeFileSync(file, pack(bytes));
  const named = `${path.basename(file)}: ${what}`;
  try {
    return { ...(await outcomeOf(open)), what: named };
  } finally {
    fs.writeFileSync(file, whole);
  }
}

async function outcomeOf(open: () => Promise<void>): Promise<Omit<Tried, 'what'>> {
  try {
    await open();
    return { outcome: 'read', message: '' };
  } catch (error) {
    if (error instanceof WrongError) return { outcome: 'wrong', message: error.message };
    if (error instanceof UserError && isClear(error.message)) return { outcome: 'refused', message: error.message };
    return { outcome: 'crashed', message: String(error instanceof Error ? error.stack : error) };
  }
}

/** Of a length that a person reads, without our own words for bugs or a stack. */
const isClear = (message: string): boolean =>
  message.length < 5000 && !/internal:|\n {4}at |undefined|\[object /.test(message) && message.trim() !== '';
