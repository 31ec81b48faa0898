/** Pieces of an open file, without ever asking for more memory than the file has bytes. */
import fs from 'node:fs';

export class FileReader implements Disposable {
  readonly size: number;
  #fd: number | undefined;

  /** Throws what `fs` throws, and Error for a folder, a pipe or a device. */
  constructor(readonly path: string) {
    const found = fs.statSync(path); // asked first, because opening a pipe would wait for its writer
    if (!found.isFile())
      throw new Error(`it is ${found.isDirectory() ? 'a folder' : 'a device or a pipe'}, not a file`);
    this.#fd = fs.openSync(path, 'r');
    this.size = fs.fstatSync(this.#fd).size;
  }

  get fd(): number {
    if (this.#fd === undefined) throw new Error('internal: the file was closed');
    return this.#fd;
  }

  /** The bytes from `start` on. Throws Error when the file has them not. */
  read(start: number, length: number): ArrayBuffer {
    if (start < 0 || length < 0 || start + length > this.size)
      throw new Error(`it is cut off: it has ${this.size} bytes and needs ${start + length}`);
    const memory = new ArrayBuffer(length);
    for (let done = 0; done < length; ) {
      const piece = new Uint8Array(memory, done, Math.min(1 << 30, length - done)); // Node takes at most 2 GiB at once
      const read = fs.readSync(this.fd, piece, 0, piece.length, start + done);
      if (read === 0) throw new Error('it has become shorter while it was read');
      done += read;
    }
    return memory;
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    this.#fd = undefined;
  }
}
