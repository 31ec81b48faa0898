/**
 * Text files as chunks of UTF-8: lists of images come from every system, and Windows' tools write UTF-16. Which of both it
 * is, the mark of byte order says, or else where the zero bytes of the first letters are.
 */
import { isUtf8 } from 'node:buffer';
import fs from 'node:fs';
import { TextDecoder } from 'node:util';
import { UserError } from '../errors.js';

const chunkBytes = 1 << 20;

/**
 * The bytes of `file` as UTF-8, without a mark of byte order; each chunk is valid until the next. UTF-8 itself is not
 * checked. Reads without giving way. Throws UserError DATA_LAYOUT for UTF-32 and for incomplete UTF-16, and
 * DATA_NOT_FOUND when the file cannot be read.
 */
export function* utf8Chunks(file: string): Generator<Buffer, void, void> {
  const handle = open(file);
  try {
    let decoder: TextDecoder | undefined;
    const chunk = Buffer.allocUnsafe(chunkBytes);
    for (let first = true; ; first = false) {
      const bytes = chunk.subarray(0, readSome(handle, chunk, file));
      const { encoding, mark } = first ? encodingOf(bytes, file) : { encoding: undefined, mark: 0 };
      if (encoding !== undefined) decoder = new TextDecoder(encoding, { fatal: true });
      const isLast = bytes.length === 0;
      if (decoder !== undefined) yield Buffer.from(decoded(decoder, bytes, { isLast, file }));
      else if (!isLast) yield bytes.subarray(mark);
      if (isLast) return;
    }
  } finally {
    fs.closeSync(handle);
  }
}

function open(file: string): number {
  try {
    return fs.openSync(file, 'r');
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function readSome(handle: number, chunk: Buffer, file: string): number {
  try {
    return fs.readSync(handle, chunk);
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function unreadable(file: string, cause: unknown): UserError {
  return new UserError('DATA_NOT_FOUND', `${file} cannot be read: ${(cause as Error).message}`, { cause });
}

interface Encoding {
  /** Undefined for UTF-8. */
  readonly encoding: 'utf-16le' | 'utf-16be' | undefined;
  /** Length of UTF-8's mark of byte order; a decoder leaves out its own. */
  readonly mark: number;
}

function encodingOf(start: Buffer, file: string): Encoding {
  const begins = (...bytes: number[]): boolean => start.subarray(0, bytes.length).equals(Buffer.from(bytes));
  if (begins(0xff, 0xfe, 0, 0) || begins(0, 0, 0xfe, 0xff))
    throw new UserError('DATA_LAYOUT', `${file} is UTF-32; expected UTF-8 or UTF-16. Save it as UTF-8.`);
  if (begins(0xff, 0xfe)) return { encoding: 'utf-16le', mark: 0 };
  if (begins(0xfe, 0xff)) return { encoding: 'utf-16be', mark: 0 };
  if (begins(0xef, 0xbb, 0xbf)) return { encoding: undefined, mark: 3 };
  if (start.length >= 4 && start[0] !== 0 && start[1] === 0 && start[3] === 0) return { encoding: 'utf-16le', mark: 0 };
  if (start.length >= 4 && start[0] === 0 && start[1] !== 0 && start[2] === 0) return { encoding: 'utf-16be', mark: 0 };
  return { encoding: undefined, mark: 0 };
}

/** All of `bytes` as text; `name` is for messages. What is no UTF-8 becomes U+FFFD. Throws as `utf8Chunks`. */
export function textOf(bytes: Buffer, name: string): string {
  const { encoding, mark } = encodingOf(bytes, name);
  if (encoding === undefined) return bytes.toString('utf8', mark);
  return decoded(new TextDecoder(encoding, { fatal: true }), bytes, { isLast: true, file: name });
}

function decoded(decoder: TextDecoder, bytes: Buffer, { isLast, file }: { isLast: boolean; file: string }): string {
  try {
    return decoder.decode(bytes, { stream: !isLast });
  } catch {
    throw new UserError('DATA_LAYOUT', `${file} is truncated or damaged UTF-16. Save it as UTF-8.`);
  }
}

/** The text of `bytes` for a message, where bytes that are no UTF-8 stand as `\xE9`. */
export function readableBytes(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = letterLength(bytes, at);
    const letter = Buffer.from(bytes.subarray(at, at + Math.max(1, length)));
    text += length > 0 ? letter.toString() : `\\x${letter.toString('hex').toUpperCase()}`;
    at += letter.length;
  }
  return text;
}

/** Bytes of the letter at `at`; 0 when none begins there. */
function letterLength(bytes: Uint8Array, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++)
    if (isUtf8(bytes.subarray(at, at + length))) return length;
  return 0;
}
