/** `metrics.jsonl`: a line for each epoch. A line that is not one is left out and told of; the others still count. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { UserError } from '../errors.js';
import { checked, parsedJson } from './read-json.js';
import type { EpochRecord } from './reporter.js';
import { epochSchema } from './run-schema.js';

/** Read together. */
const pieceBytes = 4 << 20;
/** An epoch of a million classes has less. */
const longestLine = 128 << 20;
const newLine = 0x0a;

/** Parses a line: returns an epoch, or the reason why it is not one. Undefined for an empty line. */
export function readLine(line: string): { readonly record: EpochRecord } | { readonly problem: string } | undefined {
  if (line.trim() === '') return undefined;
  try {
    return { record: checked(parsedJson(line), epochSchema) };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

/**
 * Whole lines that come one after the other from an open file, also when it grows meanwhile; what is half written
 * waits.
 */
export class LineReader {
  /** Offset of the next line, and number of lines before it. */
  offset = 0;
  lines = 0;

  /** Calls `onLine` with each line that is whole by now; undefined for one that is longer than any epoch's. */
  read(file: number, onLine: (line: string | undefined) => void): void {
    const piece = Buffer.allocUnsafe(pieceBytes);
    for (;;) {
      const bytes = readSync(file, piece, 0, piece.length, this.offset);
      const end = piece.subarray(0, bytes).lastIndexOf(newLine) + 1;
      if (end > 0) for (const line of piece.toString('utf8', 0, end - 1).split('\n')) this.#pass(line, onLine);
      else if (bytes < piece.length || !this.#readLong(file, onLine)) return;
      this.offset += end;
    }
  }

  #pass(line: string | undefined, onLine: (line: string | undefined) => void): void {
    this.lines++;
    onLine(line);
  }

  /** A line of more than a piece. Returns whether it is whole. */
  #readLong(file: number, onLine: (line: string | undefined) => void): boolean {
    const pieces: Buffer[] = [];
    for (let at = this.offset; ; at += pieceBytes) {
      const piece = Buffer.alloc(pieceBytes);
      const bytes = readSync(file, piece, 0, piece.length, at);
      const end = piece.subarray(0, bytes).indexOf(newLine);
      const isTooLong = at - this.offset > longestLine;
      if (!isTooLong) pieces.push(piece.subarray(0, end < 0 ? bytes : end));
      if (end < 0 && bytes < pieceBytes) return false;
      if (end < 0) continue;
      this.offset = at + end + 1;
      this.#pass(isTooLong ? undefined : Buffer.concat(pieces).toString('utf8'), onLine);
      return true;
    }
  }
}

/** Describes the problem of a line in a sentence that names it. `line` is counted from 1. */
export function badLine(file: string, line: number, problem: string): string {
  return `${file}, line ${line} is left out: ${problem}.`;
}

/** Largest number of lines that are named one by one. */
const namedLines = 3;

/** Sentences on bad lines: some of them, and how many there are. */
export function badLines(file: string, bad: readonly { readonly line: number; readonly problem: string }[]): string[] {
  const named = bad.slice(0, namedLines).map(({ line, problem }) => badLine(file, line, problem));
  const more = bad.length - named.length;
  return more === 0 ? named : [...named, `${file}: ${more} more ${more === 1 ? 'line is' : 'lines are'} left out.`];
}

/**
 * The epochs in `file`; none where there is no such file. `onBad` gets sentences on lines that are none. Throws
 * UserError RUN_FOLDER where it cannot be opened.
 */
export function readMetricsFile(file: string, onBad: (note: string) => void = () => {}): EpochRecord[] {
  const records: EpochRecord[] = [];
  const bad: { line: number; problem: string }[] = [];
  const reader = new LineReader();
  withFile(file, (descriptor) =>
    reader.read(descriptor, (line) => {
      const found = line === undefined ? { problem: 'it is too long' } : readLine(line);
      if (found === undefined) return;
      if ('record' in found) records.push(found.record);
      else bad.push({ line: reader.lines, problem: found.problem });
    }),
  );
  for (const note of badLines(file, bad)) onBad(note);
  return records;
}

/** Opens `file` for reading without waiting for the writer of a pipe. Throws the error of the system. */
export function openAtOnce(file: string): number {
  return openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
}

/** A device, such as /dev/full, may never end. */
function withFile(file: string, use: (descriptor: number) => void): void {
  let descriptor: number;
  try {
    descriptor = openAtOnce(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    throw new UserError('RUN_FOLDER', `${file} cannot be read: ${message}.`, { cause: error });
  }
  try {
    if (fstatSync(descriptor).isFile()) use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
