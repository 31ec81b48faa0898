/**
 * Reads a header's JSON as the caller expects it, value by value. `JSON.parse` would keep the last of two
 * equal keys without a word and build whatever a hostile file nests or lists; here nothing is built but
 * what the caller asks for, and nesting that the format does not have is never followed.
 */
import { quote, type SafetensorsCode, SafetensorsError, type SafetensorsProblem } from './error.js';

export type Kind = 'an object' | 'an array' | 'a string' | 'a number' | 'a boolean' | 'null' | 'no JSON value';

const kinds: Record<string, Kind> = {
  '{': 'an object',
  '[': 'an array',
  '"': 'a string',
  t: 'a boolean',
  f: 'a boolean',
  n: 'null',
  '-': 'a number',
};

const numberPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** 100 MB of short keys would take gigabytes as objects; no real file has a hundredth of this. */
export const maxKeys = 1_000_000;

export class HeaderScanner {
  /** The tensor that is being read, for messages. */
  tensor: string | undefined;
  #at = 0;

  constructor(
    readonly text: string,
    readonly path: string | undefined,
  ) {}

  fail(code: SafetensorsCode, what: string, problem: SafetensorsProblem = {}): never {
    throw new SafetensorsError(code, what, { path: this.path, tensor: this.tensor, ...problem });
  }

  /** Reads an object, giving each key to `member`, which reads its value. Throws for a key that occurs twice. */
  object(what: string, member: (key: string) => void): void {
    this.#require('an object', what);
    const seen = new Set<string>();
    this.#list('}', () => {
      if (this.#next() !== '"') this.#syntax('a key in quotes');
      const key = this.#string();
      if (seen.has(key)) this.fail('DUPLICATE', `${quote(key)} stands twice in ${what}`);
      if (seen.size === maxKeys) this.fail('HEADER_LENGTH', `${what} has more than ${maxKeys} keys`);
      seen.add(key);
      if (this.#next() !== ':') this.#syntax("':'");
      this.#at++;
      member(key);
    });
  }

  /** Reads an array; `item` reads each value. */
  array(what: string, item: (index: number) => void): void {
    this.#require('an array', what);
    let index = 0;
    this.#list(']', () => item(index++));
  }

  string(what: string, code: SafetensorsCode = 'FIELD'): string {
    this.#require('a string', what, code);
    return this.#string();
  }

  /** Reads a number that is whole, not negative and exact, written in plain digits; else throws `code`. */
  wholeNumber(what: string, code: SafetensorsCode): number {
    this.#require('a number', what);
    const literal = this.#number();
    const value = /^\d+$/.test(literal) ? Number(literal) : Number.NaN;
    if (Number.isSafeInteger(value)) return value;
    return this.fail(code, what, {
      expected: 'a whole number from 0 to 2^53 - 1 in plain digits',
      found: literal.slice(0, 40),
    });
  }

  /** Throws unless only spaces follow. */
  end(): void {
    if (this.#next() !== '') this.#syntax('nothing after the header but spaces');
  }

  kind(): Kind {
    const next = this.#next();
    return kinds[next] ?? (next >= '0' && next <= '9' ? 'a number' : 'no JSON value');
  }

  #require(kind: Kind, what: string, code: SafetensorsCode = 'FIELD'): void {
    const found = this.kind();
    if (found === 'no JSON value') this.#syntax(kind);
    if (found !== kind) this.fail(code, what, { expected: kind, found });
  }

  /** Reads from an opening bracket to `close`, with commas between the items. */
  #list(close: string, item: () => void): void {
    this.#at++;
    if (this.#next() === close) {
      this.#at++;
      return;
    }
    for (;;) {
      item();
      const next = this.#next();
      this.#at++;
      if (next === close) return;
      if (next !== ',') {
        this.#at--;
        this.#syntax(`',' or '${close}'`);
      }
    }
  }

  /** The next character after spaces; empty at the end. */
  #next(): string {
    for (;;) {
      const c = this.text.charCodeAt(this.#at);
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return this.text.charAt(this.#at);
      this.#at++;
    }
  }

  #string(): string {
    const from = this.#at;
    let to = from;
    do {
      to = this.text.indexOf('"', to + 1);
      if (to < 0) this.fail('HEADER_JSON', `the header is not JSON: the string at character ${from} has no end`);
    } while (this.#isEscaped(to));
    this.#at = to + 1;
    return this.#decoded(this.text.slice(from, to + 1), from);
  }

  #isEscaped(quoteAt: number): boolean {
    let at = quoteAt;
    while (this.text.charCodeAt(at - 1) === 0x5c) at--;
    return (quoteAt - at) % 2 === 1;
  }

  #decoded(literal: string, from: number): string {
    let value: string | undefined;
    try {
      value = JSON.parse(literal) as string;
    } catch {
      // Falls through to the error below: a control character or an unknown escape.
    }
    if (value === undefined || hasLoneSurrogate(value)) {
      this.fail(
        'HEADER_JSON',
        `the header is not JSON: the string at character ${from} has an escape or a character that is not valid`,
        { found: quote(literal) },
      );
    }
    return value;
  }

  #number(): string {
    numberPattern.lastIndex = this.#at;
    const literal = numberPattern.exec(this.text)?.[0];
    if (literal === undefined) this.#syntax('a number');
    this.#at += literal.length;
    return literal;
  }

  #syntax(expected: string): never {
    const next = this.#next();
    const found = next === '' ? 'the end' : quote(this.text.slice(this.#at, this.#at + 20));
    return this.fail('HEADER_JSON', `the header is not JSON at character ${this.#at}`, { expected, found });
  }
}

/** True for half of a surrogate pair, which has no UTF-8 form. */
export function hasLoneSurrogate(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}
