/** `predict --sort-into`: image files in a folder for each class, as copies or links. Nothing is ever overwritten. */
import fs from 'node:fs/promises';
import path from 'node:path';
import { makeFolder } from '../make-folder.js';
import { writeError } from '../runs/files.js';
import type { Prediction } from './predict-files.js';

/** The part of a prediction that says where an image goes. */
type Sorted = Pick<Prediction, 'file' | 'unknown'> & {
  readonly top: readonly Pick<Prediction['top'][number], 'class'>[];
};

export interface SortOptions {
  readonly folder: string;
  /** Symbolic links instead of copies. */
  readonly link: boolean;
  readonly classNames: readonly string[];
}

const unknownClass = Symbol('unknown');

export class ImageSorter {
  readonly #folders: ReadonlyMap<string | typeof unknownClass, string>;
  /** Files that this command made: such a file is another image, even if it has the same content. */
  readonly #made = new Set<string>();
  /** The next number for a name that is taken. */
  readonly #numbers = new Map<string, number>();
  #count = 0;

  constructor(private readonly options: SortOptions) {
    this.#folders = folderNames(options.classNames);
  }

  /** Images that are in their folders now. */
  get count(): number {
    return this.#count;
  }

  /** Puts images into the folders of their classes. Throws UserError RUN_FOLDER. */
  async add(predictions: readonly Sorted[]): Promise<void> {
    for (const prediction of predictions) await this.#place(prediction); // in order: the same command gives the same names
  }

  async #place({ file, top, unknown }: Sorted): Promise<void> {
    const name = unknown === true || top[0] === undefined ? unknownClass : top[0].class;
    const folder = path.join(this.options.folder, this.#folders.get(name)!);
    try {
      makeFolder(folder);
      for (let target = this.#nameIn(folder, file); ; target = this.#nameIn(folder, file))
        if (await this.#put(file, target)) break;
      this.#count++;
    } catch (error) {
      throw writeError(folder, error);
    }
  }

  /** `a.jpg`, then `a (2).jpg`, …; each once. */
  #nameIn(folder: string, file: string): string {
    const target = path.join(folder, path.basename(file));
    const number = (this.#numbers.get(target) ?? 0) + 1;
    this.#numbers.set(target, number);
    if (number === 1) return target;
    const { dir, name, ext } = path.parse(target);
    return path.join(dir, `${name} (${number})${ext}`);
  }

  /** Returns false when the name is taken by another image. */
  async #put(file: string, target: string): Promise<boolean> {
    try {
      if (this.options.link) await fs.symlink(path.resolve(file), target);
      else await copyWhole(file, target);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      // Of an earlier command that was stopped before it wrote its line, perhaps.
      return !this.#made.has(target) && (await isSame(file, target, this.options.link));
    }
    this.#made.add(target);
    return true;
  }
}

/** Copies under another name first: a copy that was cut off must not look like the image. Throws EEXIST. */
async function copyWhole(file: string, target: string): Promise<void> {
  const temporary = `${target}.tmp-${process.pid}`;
  try {
    await fs.copyFile(file, temporary);
    await fs.link(temporary, target).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') throw error;
      return fs.copyFile(temporary, target, fs.constants.COPYFILE_EXCL); // of a file system without hard links
    });
  } finally {
    await fs.rm(temporary, { force: true });
  }
}

async function isSame(file: string, target: string, link: boolean): Promise<boolean> {
  const stats = await fs.lstat(target);
  if (stats.isSymbolicLink()) return link && (await fs.readlink(target)) === path.resolve(file);
  if (link || !stats.isFile() || stats.size !== (await fs.stat(file)).size) return false;
  const [a, b] = await Promise.all([fs.readFile(file), fs.readFile(target)]);
  return a.equals(b);
}

/** A folder's name for each class, without what would lead elsewhere, and different from all others. */
export function folderNames(classNames: readonly string[]): ReadonlyMap<string | typeof unknownClass, string> {
  const taken = new Set<string>();
  const unique = (wanted: string): string => {
    let name = wanted;
    for (let number = 2; taken.has(name.toLowerCase()); number++) name = `${wanted} (${number})`;
    taken.add(name.toLowerCase()); // file systems of other systems do not tell A from a
    return name;
  };
  const names = classNames.map((name): [string, string] => [name, unique(safeName(name))]);
  return new Map<string | typeof unknownClass, string>([...names, [unknownClass, unique('unknown')]]);
}

/** Longest name of a folder in bytes, with room for a number. */
const longestName = 240;

function safeName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  const plain = name.replace(/[/\\\0-\x1f\x7f]/g, '_').trim();
  const cut = Buffer.byteLength(plain) <= longestName ? plain : Buffer.from(plain).subarray(0, longestName).toString();
  return /^\.*$/.test(cut) ? `_${cut}` : cut;
}
