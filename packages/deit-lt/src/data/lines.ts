/** The lines of a text file, one after the other: a list of a million images is never one string. */
import { isUtf8 } from 'node:buffer';
import { UserError } from '../errors.js';
import { readableBytes, utf8Chunks } from './text-chunks.js';

const newline = 0x0a;
/** A list of images has no such line; other files may be one line of gigabytes. */
const longestLine = 1 << 24;

/**
 * Without line ends (LF, CRLF or CR) and the mark of byte order; UTF-8 or UTF-16. Reads without giving way. Throws UserError
 * DATA_LAYOUT that names the line which is not text, and what `utf8Chunks` throws.
 */
export function* linesOf(file: string): Generator<string, void, void> {
  let rest = Buffer.alloc(0);
  let number = 1;
  for (const chunk of utf8Chunks(file)) {
    const bytes = Buffer.concat([rest, chunk]);
    const end = bytes.lastIndexOf(newline) + 1;
    const whole = bytes.subarray(0, end);
    checkText(whole, file, number);
    for (const line of split(whole.toString())) {
      yield line;
      number++;
    }
    rest = bytes.subarray(end);
    if (rest.length > longestLine)
      throw new UserError('DATA_LAYOUT', `${file} line ${number} is longer than 16 MB: this is not a list of images`);
  }
  checkText(rest, file, number);
  yield* split(rest.toString());
}

/** Throws UserError DATA_LAYOUT for the first line of `bytes`, number `first` of the file, that is not text. */
function checkText(bytes: Buffer, file: string, first: number): void {
  if (isUtf8(bytes) && !bytes.includes(0)) return;
  let number = first;
  for (let start = 0; start < bytes.length; number++) {
    const found = bytes.indexOf(newline, start);
    const line = bytes.subarray(start, found < 0 ? bytes.length : found);
    if (line.includes(0))
      throw new UserError('DATA_LAYOUT', `${file} line ${number} has a zero byte: this is not a text file`);
    if (!isUtf8(line)) throw notUtf8(line, `${file} line ${number}`);
    start += line.length + 1;
  }
}

function notUtf8(line: Buffer, where: string): UserError {
  const shown = readableBytes(line.subarray(0, 200)).trimEnd();
  return new UserError(
    'DATA_LAYOUT',
    `${where} is not UTF-8: "${shown}". Convert the file (iconv -f latin1 -t utf-8), and rename files on the disk whose names are not UTF-8 (convmv).`,
  );
}

function* split(text: string): Generator<string, void, void> {
  if (text === '') return;
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === '') lines.pop();
  yield* lines;
}
