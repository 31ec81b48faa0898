/**
 * Copies of large image files on disk, so that later epochs of a training do not decode the files again: one for each,
 * whose name has the print of the image file, so that a changed image makes another. Threads use it, without giving way.
 */
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { printOf, unsettled } from '../index/stamps.js';

/** Room that is left, in KiB, for all threads together: a number that they count down. */
export type RoomMemory = SharedArrayBuffer;

/** The place of the copies. */
export interface CopyFolder {
  readonly folder: string;
  readonly room: RoomMemory;
}

/** Raise when the pixels of copies change, so that old ones are not found. */
const formatVersion = 1;

/** Bytes before the content: its CRC-32, and its length. */
const headBytes = 8;

export const copyEnd = '.copy';

/** The folder of the copies of all images in the folder `images`: they are removed together. */
export function folderOfCopies(folder: string, images: string): string {
  return path.join(folder, hashOf(images).slice(0, 16));
}

/** A copy of one image file that exists or could be made. */
export class ImageCopy {
  private constructor(
    private readonly file: string,
    private readonly room: RoomMemory,
  ) {}

  /**
   * The copy of `image` that is made as the words `how` say; undefined for a file that was changed in the last seconds, which
   * could change again and look the same.
   */
  static of(image: string, how: string, { folder, room }: CopyFolder): ImageCopy | undefined {
    const print = printOf(fs.statSync(image, { throwIfNoEntry: false }));
    if (print === unsettled) return undefined;
    const name = hashOf(`${formatVersion} ${print} ${how} ${image}`);
    return new ImageCopy(path.join(folderOfCopies(folder, path.dirname(image)), `${name}${copyEnd}`), room);
  }

  /** Undefined when there is none, or when it is damaged. */
  read(): Uint8Array | undefined {
    try {
      const all = fs.readFileSync(this.file);
      const content = all.subarray(headBytes);
      const isWhole = all.length >= headBytes && all.readUInt32LE(4) === content.length;
      return isWhole && all.readUInt32LE(0) === crc32(content) ? content : undefined;
    } catch {
      return undefined;
    }
  }

  /** Keeps `content`, whole or not at all; nothing happens where there is no room, or where it cannot be written. */
  write(content: Uint8Array): void {
    const room = new Int32Array(this.room);
    const needed = Math.ceil((content.length + headBytes) / 1024);
    if (Atomics.sub(room, 0, needed) < needed) {
      Atomics.add(room, 0, needed);
      return;
    }
    const temporary = `${this.file}.${randomBytes(4).toString('hex')}.tmp`;
    try {
      fs.mkdirSync(path.dirname(this.file), { recursive: true });
      const head = Buffer.alloc(headBytes);
      head.writeUInt32LE(crc32(content), 0);
      head.writeUInt32LE(content.length, 4);
      fs.writeFileSync(temporary, Buffer.concat([head, content]), { flag: 'wx' });
      fs.renameSync(temporary, this.file);
    } catch {
      Atomics.store(room, 0, 0); // a full disk: the training goes without more copies
      fs.rmSync(temporary, { force: true });
    }
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
