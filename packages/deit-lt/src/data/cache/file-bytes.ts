/**
 * The bytes of files, read into memory that is used again: libvips opens a file once for each format that it might
 * have, and fresh memory for each file costs more than reading it.
 */
import fs from 'node:fs';

/** Spare buffers, as many as files were read at once. */
const spare: Buffer[] = [];
const leastBytes = 1 << 18;

/**
 * Calls `use` with the bytes of `file`, which are valid until its promise settles. Reads without giving way: for
 * threads that do nothing else.
 */
export async function withFileBytes<T>(file: string, use: (bytes: Buffer) => Promise<T>): Promise<T> {
  const { memory, length } = read(file, spare.pop());
  try {
    return await use(memory.subarray(0, length));
  } finally {
    spare.push(memory);
  }
}

/** Reads `file` into `memory`, or into larger one. */
function read(file: string, memory: Buffer | undefined): { memory: Buffer; length: number } {
  const handle = fs.openSync(file, 'r');
  try {
    const { size } = fs.fstatSync(handle);
    const fitting =
      memory !== undefined && memory.length >= size ? memory : Buffer.allocUnsafeSlow(Math.max(leastBytes, 2 * size));
    let length = 0;
    for (let bytes = -1; bytes !== 0 && length < size; length += bytes)
      bytes = fs.readSync(handle, fitting, length, size - length, length);
    return { memory: fitting, length };
  } finally {
    fs.closeSync(handle);
  }
}
