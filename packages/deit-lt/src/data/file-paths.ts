/**
 * Paths of image files without a string for each: names in one block of bytes, folders once. Half a million paths of
 * iNaturalist are 20 MB instead of 80, and nothing for the collector to look at.
 */
import path from 'node:path';
import { GrowingInts, GrowingText } from './growing.js';

/** Paths by number, made when they are requested. */
export interface FilePaths {
  readonly length: number;
  get(index: number): string;
}

/** The data of `PackedPaths`. */
export interface PackedParts {
  /** Each once; with the separator at the end. */
  readonly folders: readonly string[];
  /** For each file, an index of `folders`. */
  readonly folderOf: Int32Array;
  /** The names within the folders, one after the other, UTF-8. */
  readonly names: Uint8Array;
  /** End of each name in `names`. */
  readonly ends: Int32Array;
}

export class PackedPaths implements FilePaths {
  readonly length: number;
  readonly #names: Buffer;

  constructor(readonly parts: PackedParts) {
    const { names, folderOf } = parts;
    this.length = folderOf.length;
    this.#names = Buffer.from(names.buffer, names.byteOffset, names.byteLength);
  }

  get(index: number): string {
    const { folders, folderOf } = this.parts;
    return folders[folderOf[index]!]! + this.nameIn(index);
  }

  /** The name of file `index` within its folder. */
  nameIn(index: number): string {
    const { ends } = this.parts;
    return this.#names.toString('utf8', index === 0 ? 0 : ends[index - 1], ends[index]);
  }
}

/** A choice of other paths, in any order. */
class ChosenPaths implements FilePaths {
  readonly length: number;

  constructor(
    readonly from: FilePaths,
    readonly ids: Int32Array,
  ) {
    this.length = ids.length;
  }

  get(index: number): string {
    return this.from.get(this.ids[index]!);
  }
}

/** The paths `ids` of `paths`, which it shares; a choice of a choice costs no more than one. */
export function choosePaths(paths: FilePaths, ids: Int32Array): FilePaths {
  if (!(paths instanceof ChosenPaths)) return new ChosenPaths(paths, ids);
  return new ChosenPaths(
    paths.from,
    ids.map((id) => paths.ids[id]!),
  );
}

/** Collects paths one by one. */
export class PathsBuilder {
  readonly #folders = new Map<string, number>();
  readonly #folderOf = new GrowingInts();
  readonly #names = new GrowingText();
  readonly #ends = new GrowingInts();

  get length(): number {
    return this.#folderOf.length;
  }

  /** `file` is absolute and has no `..`. */
  add(file: string): void {
    const cut = file.lastIndexOf(path.sep) + 1;
    this.addIn(this.folder(file.slice(0, cut)), file.slice(cut));
  }

  /** The number of a folder, which is absolute. */
  folder(folder: string): number {
    const closed = folder.endsWith(path.sep) ? folder : folder + path.sep;
    const known = this.#folders.get(closed);
    if (known !== undefined) return known;
    this.#folders.set(closed, this.#folders.size);
    return this.#folders.size - 1;
  }

  /** The file `name` of the folder of that number. */
  addIn(folder: number, name: string): void {
    this.#names.push(name);
    this.#folderOf.push(folder);
    this.#ends.push(this.#names.length);
  }

  finish(): PackedPaths {
    return new PackedPaths({
      folders: [...this.#folders.keys()],
      folderOf: this.#folderOf.toArray(),
      names: this.#names.toArray(),
      ends: this.#ends.toArray(),
    });
  }
}

/** Absolute paths, packed. */
export function packPaths(files: Iterable<string>): PackedPaths {
  const builder = new PathsBuilder();
  for (const file of files) builder.add(path.resolve(file));
  return builder.finish();
}
