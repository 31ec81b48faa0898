/** The lines of a text file, one after the other: a list of a million images is never one string. */
import fs from 'node:fs';

const chunkBytes = 1 << 20;
const newline = 0x0a;

/** Without line ends (LF or CRLF) and the mark of byte order. Reads without giving way. */
export function* linesOf(file: string): Generator<string, void, void> {
  const handle = fs.openSync(file, 'r');
  try {
    let rest = Buffer.alloc(0);
    for (let atStart = true; ; ) {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      const bytes = fs.readSync(handle, chunk);
      const text = Buffer.concat([rest, chunk.subarray(0, bytes)]);
      const end = bytes === 0 ? text.length : text.lastIndexOf(newline) + 1;
      if (end > 0) {
        yield* split(text.toString('utf8', atStart && hasMark(text) ? 3 : 0, end));
        atStart = false;
      }
      rest = text.subarray(end);
      if (bytes === 0) return;
    }
  } finally {
    fs.closeSync(handle);
  }
}

const hasMark = (text: Buffer): boolean => text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf;

function* split(text: string): Generator<string, void, void> {
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf('\n', start);
    const end = found < 0 ? text.length : found;
    yield text.slice(start, text[end - 1] === '\r' && end > start ? end - 1 : end);
    start = end + 1;
  }
}
