/** A view on a file of which only the pieces that are requested are read. */
import fs from 'node:fs';
import { type ByteSource, ByteView } from './byte-view.js';

/** Enough for the usual header; embedded previews and colour profiles are skipped. */
const piece = Buffer.allocUnsafeSlow(4096);

/**
 * Calls `look` with a view on `file`, which is read a piece at a time, synchronously. Throws the system's error, and
 * `Error` for what is not a regular file. The views of several files must not be interleaved.
 */
export function withFileView<T>(file: string, look: (view: ByteView) => T): T {
  if (!fs.statSync(file).isFile()) throw new Error('not a regular file'); // a pipe would be waited for
  const handle = fs.openSync(file, 'r');
  try {
    return look(new ByteView(new FilePieces(handle)));
  } finally {
    fs.closeSync(handle);
  }
}

class FilePieces implements ByteSource {
  readonly bytes = new DataView(piece.buffer, piece.byteOffset, piece.length);
  readonly length: number;
  readonly #handle: number;
  #start = 0;
  #end = 0;

  constructor(handle: number) {
    this.#handle = handle;
    this.length = fs.fstatSync(handle).size;
  }

  find(at: number, length: number): number {
    if (at < this.#start || at + length > this.#end) {
      this.#start = at;
      this.#end = at + fs.readSync(this.#handle, piece, 0, piece.length, at);
      if (at + length > this.#end) throw new RangeError('the file ends too early');
    }
    return at - this.#start;
  }
}
