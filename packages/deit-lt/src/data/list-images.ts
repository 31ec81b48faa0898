/** Finds the image files under a folder, by their extensions, and folders in a folder. */
import type { Dirent } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../errors.js';
import { nameNotUtf8, renameHint } from './file-names.js';

/** Extensions of image files, in lower case and without the dot. */
export const imageExtensions: readonly string[] =
  'jpg jpeg jpe jfif pjpeg png apng webp gif tif tiff avif heic heif bmp ppm pgm pbm pnm jp2 jxl'.split(' ');
const isImageExtension = new Set(imageExtensions);

/** Returns whether the name is that of an image. */
export function isImageName(name: string): boolean {
  return isImageExtension.has(path.extname(name).slice(1).toLowerCase());
}

export interface FoundFiles {
  /** Absolute paths, sorted by name, folder by folder. */
  readonly images: string[];
  /** Files that no image extension has, such as notes. */
  readonly others: string[];
}

/** Files of operating systems, in lower case: macOS, Windows, Linux, and Synology's indexer of images. */
const systemNames = new Set([
  '__macosx',
  'icon\r',
  'thumbs.db',
  'ehthumbs.db',
  'desktop.ini',
  '$recycle.bin',
  'system volume information',
  'lost+found',
  '@eadir',
  '#recycle',
]);

/** True for names that are no part of the data: hidden files and what systems leave in folders. */
export function isHidden(name: string): boolean {
  return name.startsWith('.') || systemNames.has(name.toLowerCase());
}

/** The order of code points, as Python sorts; JavaScript's own differs for rare characters. */
export function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export interface WalkOptions {
  /** Called with each folder before it is read. */
  onFolder?: ((folder: string) => void) | undefined;
  /** Called with each link that is not followed since it leads to a folder around it. */
  onLoop?: ((link: string) => void) | undefined;
  /** Whether a folder is read. Default: each is. */
  enters?: ((folder: string) => boolean) | undefined;
}

/**
 * All files under `folder`, at any depth; hidden files are left out. Links are followed, but for those to a folder
 * around them: its files are not those of this folder. A link to nothing counts as an image when its name may be one's,
 * and is then reported with those that cannot be read; so does an image whose name is no UTF-8. Throws UserError
 * DATA_NOT_FOUND for a folder that cannot be listed and DATA_LAYOUT for one whose name is no UTF-8.
 */
export async function filesUnder(folder: string, options: WalkOptions = {}): Promise<FoundFiles> {
  const found: FoundFiles = { images: [], others: [] };
  const start = path.resolve(folder);
  const around = await fs.realpath(path.dirname(start)).catch(() => path.dirname(start));
  await walk(start, [around], found, options);
  return found;
}

async function walk(folder: string, around: readonly string[], found: FoundFiles, options: WalkOptions): Promise<void> {
  options.onFolder?.(folder);
  const chain = [...around, await realPath(folder)];
  const entries = await entriesIn(folder);
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const folders: string[] = [];
  for (const entry of entries) {
    const file = path.join(folder, entry.name);
    const kind = await kindOf(entry, file, chain);
    if (kind === 'loop') options.onLoop?.(file);
    else if (kind === 'folder') folders.push(file);
    else if (kind === 'file' ? isImageName(entry.name) : kind === 'broken' && mayBeImage(entry.name))
      found.images.push(file);
    else found.others.push(file);
  }
  for (const inner of folders) if (options.enters?.(inner) ?? true) await walk(inner, chain, found, options);
}

/** Returns whether a broken link may have been a folder: its name has no extension. */
const mayBeImage = (name: string): boolean => isImageName(name) || path.extname(name) === '';

async function entriesIn(folder: string): Promise<Dirent[]> {
  const entries = await fs.readdir(folder, { withFileTypes: true }).catch((cause) => notListed(folder, cause));
  return entries.filter(({ name }) => !isHidden(name));
}

async function realPath(folder: string): Promise<string> {
  return fs.realpath(folder).catch((cause) => notListed(folder, cause));
}

async function notListed(folder: string, cause: NodeJS.ErrnoException): Promise<never> {
  await requireUtf8Name(folder);
  throw new UserError('DATA_NOT_FOUND', `the folder ${folder} cannot be listed: ${cause.message}`, { cause });
}

/** Throws UserError DATA_LAYOUT when the name of the existing `folder` is not UTF-8. */
async function requireUtf8Name(folder: string): Promise<void> {
  const name = await nameNotUtf8(folder);
  if (name !== undefined)
    throw new UserError(
      'DATA_LAYOUT',
      `${path.dirname(folder)} has a folder whose name is not UTF-8, ${name}: ${renameHint}`,
    );
}

/**
 * `broken` links lead to nothing, `loop` to a folder around them; `other` are pipes and devices, which are not read.
 */
type EntryKind = 'file' | 'folder' | 'broken' | 'loop' | 'other';

/** `chain` has the real paths of the folders around the entry. */
async function kindOf(entry: Dirent, file: string, chain: readonly string[]): Promise<EntryKind> {
  if (entry.isDirectory()) return 'folder';
  if (!entry.isSymbolicLink()) return entry.isFile() ? 'file' : 'other';
  const stats = await fs.stat(file).catch(() => undefined);
  if (stats === undefined) return 'broken';
  if (!stats.isDirectory()) return stats.isFile() ? 'file' : 'other';
  const target = await realPath(file);
  const closed = target.endsWith(path.sep) ? target : target + path.sep;
  return chain.some((folder) => `${folder}${path.sep}`.startsWith(closed)) ? 'loop' : 'folder';
}

export interface FoundFolders {
  /** Sorted as Python sorts. */
  readonly names: readonly string[];
  /** Links to the folder itself, or to one around it. */
  readonly loops: readonly string[];
  /** Links to nothing. */
  readonly broken: readonly string[];
  /** Files that are images by their names. */
  readonly images: readonly string[];
}

/** Lists the entries of `folder` without hidden names. Throws as `filesUnder`. */
export async function foldersIn(folder: string): Promise<FoundFolders> {
  const chain = [await realPath(folder)];
  const found = { names: [] as string[], loops: [] as string[], broken: [] as string[], images: [] as string[] };
  for (const entry of await entriesIn(folder)) {
    const kind = await kindOf(entry, path.join(folder, entry.name), chain);
    if (kind === 'folder') found.names.push(entry.name);
    else if (kind === 'loop') found.loops.push(entry.name);
    else if (kind === 'broken') found.broken.push(entry.name);
    else if (kind === 'file' && isImageName(entry.name)) found.images.push(entry.name);
  }
  for (const name of found.names) await requireUtf8Name(path.join(folder, name));
  found.names.sort(byCodePoints);
  return found;
}
