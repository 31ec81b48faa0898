/**
 * Separates good image files from suspect ones without decoding most of them: existing, not empty, a JPEG or PNG header
 * with a size, and the end marker, which a truncated file lacks. All other files are decoded. Runs in
 * the decoding threads.
 */
import fs from 'node:fs';
import { quickFileSize, withDecoded } from '../decode/decode.js';
import { maxPixels, type Size } from '../decode/raw-pixels.js';
import { printOf, unsettled } from './stamps.js';

export interface FilesToExamine {
  readonly files: readonly string[];
  /** The cached fingerprint of each file, as in `Stamp`; `unsettled` where there is none. */
  readonly prints: Float64Array;
  /** Files that were changed after this time, in milliseconds, get no valid fingerprint. */
  readonly settledBefore: number;
  /** Decode every file that has changed, whatever its header says. */
  readonly decode: boolean;
}

/**
 * The result of checking a file. `suspect` files should be decoded again, one at a time: libvips mixes up messages of
 * several threads.
 */
export const found = { unchanged: 0, good: 1, suspect: 2 } as const;

export interface ExaminedFiles {
  readonly prints: Float64Array;
  /** Width and height of each good file, upright. */
  readonly sizes: Int32Array;
  /** For each file, a value of `found`. */
  readonly states: Uint8Array;
}

/** Examines the files one after the other. A bad file is a result, not an error. */
export async function examineFiles(given: FilesToExamine): Promise<ExaminedFiles> {
  const { files, prints, settledBefore, decode } = given;
  const result: ExaminedFiles = {
    prints: new Float64Array(files.length),
    sizes: new Int32Array(2 * files.length),
    states: new Uint8Array(files.length),
  };
  for (const [i, file] of files.entries()) {
    const stats = fs.statSync(file, { throwIfNoEntry: false });
    const print = printOf(stats, settledBefore);
    result.prints[i] = print;
    const isKnown = stats?.isFile() === true && print === prints[i] && print !== unsettled;
    const size = isKnown || !stats?.isFile() ? undefined : await sizeOf(file, stats.size, decode);
    result.states[i] = isKnown ? found.unchanged : size === undefined ? found.suspect : found.good;
    if (size !== undefined) result.sizes.set([size.width, size.height], 2 * i);
  }
  return result;
}

/** Size of an image that can be read; else undefined. */
async function sizeOf(file: string, bytes: number, decode: boolean): Promise<Size | undefined> {
  if (bytes === 0) return undefined;
  const seen = decode ? undefined : sizeByHeader(file, bytes);
  return seen ?? withDecoded(file, {}, sizeOfImage).catch(() => undefined);
}

/** Without the pixels. */
const sizeOfImage = ({ width, height }: Size): Size => ({ width, height });

/** The size of a JPEG or PNG file that has its end; undefined for all others. */
function sizeByHeader(file: string, bytes: number): Size | undefined {
  const size = quickFileSize(file);
  if (size === undefined || size.width * size.height > maxPixels) return undefined; // decoding it says why
  return endsWith(file, bytes, size.format === 'jpeg' ? jpegEnd : pngEnd) ? size : undefined;
}

/** EOI: within compressed data 0xff is never followed by 0xd9. */
const jpegEnd = Buffer.from([0xff, 0xd9]);
const pngEnd = Buffer.from('IEND', 'latin1');

/** Cameras and editors append some bytes to the image; a file with more than this is decoded. */
const tail = Buffer.allocUnsafeSlow(4096);

function endsWith(file: string, bytes: number, mark: Buffer): boolean {
  let handle: number | undefined;
  try {
    handle = fs.openSync(file, 'r');
    const length = Math.min(bytes, tail.length);
    return tail.subarray(0, fs.readSync(handle, tail, 0, length, bytes - length)).includes(mark);
  } catch {
    return false;
  } finally {
    if (handle !== undefined) fs.closeSync(handle);
  }
}
