/**
 * The objects in the lists of a JSON file, `{"images": [{…}, {…}], …}`, one after the other: annotations of millions of images are
 * longer than a JavaScript string may be.
 */
import fs from 'node:fs';
import { UserError } from '../errors.js';

const chunkBytes = 1 << 20;
const byte = { quote: 0x22, backslash: 0x5c, open: 0x7b, close: 0x7d, openList: 0x5b, closeList: 0x5d } as const;

export interface ListedObject {
  /** The key of the list at the top of the file. */
  readonly list: string;
  readonly object: Readonly<Record<string, unknown>>;
}

/**
 * The objects of the lists called `lists`, in the file's order. Reads without giving way. Throws UserError DATA_LAYOUT for
 * what is no JSON object, or is cut off.
 */
export function* objectsIn(file: string, lists: readonly string[]): Generator<ListedObject, void, void> {
  const handle = fs.openSync(file, 'r');
  try {
    const scanner = new Scanner(file, lists);
    const chunk = Buffer.allocUnsafe(chunkBytes);
    for (let bytes = fs.readSync(handle, chunk); bytes > 0; bytes = fs.readSync(handle, chunk))
      yield* scanner.scan(chunk.subarray(0, bytes));
    scanner.end();
  } finally {
    fs.closeSync(handle);
  }
}

/** Follows brackets and strings; parses only the objects that are wanted. */
class Scanner {
  #text = Buffer.alloc(0);
  #depth = 0;
  #started = false;
  /** Where the string begins that the text ends in, or −1. */
  #string = -1;
  #escaped = false;
  /** The last string at the top, and the list that is read. */
  #key = '';
  #list = '';
  /** Where the object begins, or −1. */
  #object = -1;

  constructor(
    readonly file: string,
    readonly lists: readonly string[],
  ) {}

  *scan(chunk: Buffer): Generator<ListedObject, void, void> {
    const kept = this.#object >= 0 ? this.#object : this.#string >= 0 ? this.#string : this.#text.length;
    const seen = this.#text.length - kept;
    this.#text = Buffer.concat([this.#text.subarray(kept), chunk]);
    if (this.#object >= 0) this.#object -= kept;
    if (this.#string >= 0) this.#string -= kept;
    if (!this.#started) this.#start();
    for (let i = seen; i < this.#text.length; i++) {
      const found = this.#string >= 0 ? this.#inString(i) : this.#outside(i);
      if (found !== undefined) yield found;
    }
  }

  end(): void {
    if (this.#depth > 0 || !this.#started) throw this.#wrong('it is cut off');
  }

  #start(): void {
    const first = this.#text
      .toString('utf8', 0, 64)
      .replace(/^\uFEFF/, '')
      .trimStart();
    if (first !== '' && !first.startsWith('{')) throw this.#wrong('expected {"images": [ … ], …}');
    this.#started = first !== '';
  }

  #inString(i: number): undefined {
    const value = this.#text[i];
    if (this.#escaped) this.#escaped = false;
    else if (value === byte.backslash) this.#escaped = true;
    else if (value === byte.quote) {
      if (this.#depth === 1) this.#key = this.#text.toString('utf8', this.#string + 1, i);
      this.#string = -1;
    }
  }

  #outside(i: number): ListedObject | undefined {
    const value = this.#text[i];
    if (value === byte.quote) this.#string = i;
    else if (value === byte.open || value === byte.openList) {
      if (this.#depth === 1) this.#list = value === byte.openList ? this.#key : '';
      if (this.#depth === 2 && value === byte.open && this.lists.includes(this.#list)) this.#object = i;
      this.#depth++;
    } else if (value === byte.close || value === byte.closeList) {
      this.#depth--;
      if (this.#depth === 2 && this.#object >= 0) return this.#finish(i);
    }
    return undefined;
  }

  #finish(i: number): ListedObject {
    const text = this.#text.toString('utf8', this.#object, i + 1);
    this.#object = -1;
    try {
      return { list: this.#list, object: JSON.parse(text) as Record<string, unknown> };
    } catch (error) {
      throw this.#wrong(`"${text.slice(0, 80)}" is no JSON: ${(error as Error).message}`);
    }
  }

  #wrong(what: string): UserError {
    return new UserError('DATA_LAYOUT', `${this.file} cannot be read as annotations: ${what}`);
  }
}
