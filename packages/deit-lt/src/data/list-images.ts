/** Finds the image files under a folder, by their extensions. */
import type { Dirent } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';

const imageExtensions = new Set(
  'jpg jpeg jpe jfif pjpeg png apng webp gif tif tiff avif heic heif bmp ppm pgm pbm pnm jp2 jxl'.split(' '),
);

export interface FoundFiles {
  /** Absolute paths, sorted by name, folder by folder. */
  readonly images: string[];
  /** Files that no image extension has, such as notes. */
  readonly others: string[];
}

/** True for names that are no part of the data: hidden files and what macOS adds to archives. */
export function isHidden(name: string): boolean {
  return name.startsWith('.') || name === '__MACOSX';
}

/** The order of code points, as Python sorts; JavaScript's own differs for rare characters. */
export function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** All files under `folder`, at any depth; links are followed, hidden files left out. */
export async function filesUnder(folder: string, { onFolder }: WalkOptions = {}): Promise<FoundFiles> {
  const found: FoundFiles = { images: [], others: [] };
  await walk(path.resolve(folder), [], found, onFolder);
  return found;
}

export interface WalkOptions {
  /** Called with each folder before it is read. */
  onFolder?: (folder: string) => void;
}

async function walk(
  folder: string,
  parents: readonly string[],
  found: FoundFiles,
  onFolder: WalkOptions['onFolder'],
): Promise<void> {
  const real = await fs.realpath(folder);
  if (parents.includes(real)) return; // a link to a folder around it
  onFolder?.(folder);
  const entries = (await fs.readdir(folder, { withFileTypes: true })).filter(({ name }) => !isHidden(name));
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const folders: string[] = [];
  for (const entry of entries) {
    const file = path.join(folder, entry.name);
    if (await isFolder(entry, file)) folders.push(file);
    else if (imageExtensions.has(path.extname(entry.name).slice(1).toLowerCase())) found.images.push(file);
    else found.others.push(file);
  }
  for (const inner of folders) await walk(inner, [...parents, real], found, onFolder);
}

/** A link to nothing counts as a file: it is then reported as one that cannot be read. */
export async function isFolder(entry: Dirent, file: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return (await fs.stat(file).catch(() => undefined))?.isDirectory() ?? false;
}

/** The names of the folders in `folder`, sorted as Python sorts. */
export async function foldersIn(folder: string): Promise<string[]> {
  const entries = (await fs.readdir(folder, { withFileTypes: true })).filter(({ name }) => !isHidden(name));
  const names: string[] = [];
  for (const entry of entries) if (await isFolder(entry, path.join(folder, entry.name))) names.push(entry.name);
  return names.sort(byCodePoints);
}
