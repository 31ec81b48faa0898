/** Small data sets in the published forms of CIFAR, written by hand. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';
import tar from 'tar-stream';
import { type CifarLayout, cifarLayouts, imageBytes, planeBytes } from '../../src/data/cifar/layouts.js';

export function layoutOf(folder: string): CifarLayout {
  return cifarLayouts.find((layout) => layout.folder === folder)!;
}

/** Image `n`: its red, green and blue planes count up from n, n + 50 and n + 100. */
export function planesOf(n: number): Buffer {
  return Buffer.from(Array.from({ length: imageBytes }, (_, i) => (n + 50 * Math.floor(i / planeBytes) + i) % 256));
}

/** What pixel `p` of image `n` must be: red, green, blue. */
export function pixelOf(n: number, p: number): number[] {
  return [0, 1, 2].map((c) => planesOf(n)[c * planeBytes + p]!);
}

/** Two images a file, labelled by file and place; image n is the n-th over all files, test last. */
export function binaryFiles(layout: CifarLayout): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const coarse = layout.dataset === 'cifar100' ? [200] : [];
  [...layout.train, ...layout.test].forEach((name, file) => {
    const records = [0, 1].map((i) => Buffer.from([...coarse, labelOf(layout, file, i), ...planesOf(2 * file + i)]));
    files.set(name, Buffer.concat(records));
  });
  const names = Array.from({ length: layout.numClasses }, (_, i) => `class ${i}`);
  files.set(layout.meta, Buffer.from(`${names.join('\n')}\n\n`));
  return files;
}

/** Every class of CIFAR-10 is in the ten training images; CIFAR-100 would need more than two. */
export function labelOf({ numClasses }: CifarLayout, file: number, place: number): number {
  return (numClasses - 1 - (2 * file + place) + numClasses) % numClasses;
}

export function writeFolder(folder: string, files: ReadonlyMap<string, Buffer>): void {
  fs.mkdirSync(folder, { recursive: true });
  for (const [name, content] of files) fs.writeFileSync(path.join(folder, name), content);
}

/** Writes a `.tar.gz` with `files` in `folder`, and returns its MD5. */
export async function writeArchive(
  archive: string,
  folder: string,
  files: ReadonlyMap<string, Buffer>,
): Promise<string> {
  const pack = tar.pack();
  pack.entry({ name: `${folder}/`, type: 'directory' });
  pack.entry({ name: `${folder}/readme.html` }, 'not needed');
  for (const [name, content] of files) pack.entry({ name: `${folder}/${name}` }, content);
  pack.finalize();
  await pipeline(pack, zlib.createGzip({ level: 1 }), fs.createWriteStream(archive));
  return createHash('md5').update(fs.readFileSync(archive)).digest('hex');
}
