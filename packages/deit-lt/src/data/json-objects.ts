/**
 * The objects in the lists of a JSON file, `{"images": [{…}, {…}], …}`, one after the other: annotations of millions of
 * images are longer than a JavaScript string may be.
 */
import { isUtf8 } from 'node:buffer';
import { UserError } from '../errors.js';
import { readableBytes, utf8Chunks } from './text-chunks.js';

/** An annotation has no such length; a file that lacks a bracket may be one object of gigabytes. */
const longestObject = 1 << 26;
const byte = { quote: 0x22, backslash: 0x5c, open: 0x7b, close: 0x7d, openList: 0x5b, closeList: 0x5d } as const;

export interface ListedObject {
  /** The key of the list at the top of the file. */
  readonly list: string;
  readonly object: Readonly<Record<string, unknown>>;
}

/**
 * The objects of the lists called `lists`, in the file's order. Reads without giving way. Throws UserError DATA_LAYOUT
 * for what is no JSON object, or is cut off.
 */
export function* objectsIn(file: string, lists: readonly string[]): Generator<ListedObject, void, void> {
  const scanner = new Scanner(file, lists);
  for (const chunk of utf8Chunks(file)) yield* scanner.scan(chunk);
  scanner.end();
}

const isSpace = (value: number | undefined): boolean =>
  value === 0x20 || value === 0x0a || value === 0x0d || value === 0x09;

/** Follows brackets and strings; parses only the objects that are wanted. */
class Scanner {
  #text = Buffer.alloc(0);
  /** The brackets that are open, one in the other. */
  readonly #open: number[] = [];
  #started = false;
  /** Offset of the string that the text ends in, or −1. */
  #string = -1;
  #escaped = false;
  /** The last string at the top, and the list that is read. */
  #key = '';
  #list = '';
  /** Offset of the object, or −1. */
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
    if (this.#text.length > longestObject) throw this.#wrong('an entry is longer than 64 MB');
    for (let i = seen; i < this.#text.length; i++) {
      const found = this.#string >= 0 ? this.#inString(i) : this.#outside(i);
      if (found !== undefined) yield found;
    }
  }

  end(): void {
    if (this.#open.length > 0 || !this.#started) throw this.#wrong('it is cut off');
  }

  #inString(i: number): undefined {
    const value = this.#text[i];
    if (this.#escaped) this.#escaped = false;
    else if (value === byte.backslash) this.#escaped = true;
    else if (value === byte.quote) {
      if (this.#open.length === 1) this.#key = this.#text.toString('utf8', this.#string + 1, i);
      this.#string = -1;
    }
  }

  #outside(i: number): ListedObject | undefined {
    const value = this.#text[i];
    if (this.#open.length === 0) return this.#atTop(value);
    if (value === byte.quote) this.#string = i;
    else if (value === byte.open || value === byte.openList) {
      const depth = this.#open.push(value);
      if (depth === 2) this.#list = value === byte.openList ? this.#key : '';
      if (depth === 3 && value === byte.open && this.lists.includes(this.#list)) this.#object = i;
    } else if (value === byte.close || value === byte.closeList) {
      if (this.#open.pop() !== value - 2) throw this.#wrong('its brackets do not match');
      if (this.#open.length === 2 && this.#object >= 0) return this.#finish(i);
    }
    return undefined;
  }

  /** Before the object of the file, and after it. */
  #atTop(value: number | undefined): undefined {
    if (isSpace(value)) return;
    if (this.#started) throw this.#wrong('there is text after its last bracket');
    if (value !== byte.open) throw this.#wrong('expected {"images": [ … ], …}');
    this.#started = true;
    this.#open.push(value);
  }

  #finish(i: number): ListedObject {
    const bytes = this.#text.subarray(this.#object, i + 1);
    this.#object = -1;
    if (!isUtf8(bytes)) throw this.#wrong(`"${readableBytes(bytes.subarray(0, 200))}" is not UTF-8`);
    const text = bytes.toString();
    try {
      return { list: this.#list, object: JSON.parse(text) as Record<string, unknown> };
    } catch (error) {
      throw this.#wrong(`"${text.slice(0, 80)}" is not JSON: ${(error as Error).message}`);
    }
  }

  #wrong(what: string): UserError {
    return new UserError('DATA_LAYOUT', `${this.file} cannot be read as annotations: ${what}`);
  }
}
