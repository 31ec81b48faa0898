/** Zip archives of stored members whose contents begin at multiples of 64 bytes, as PyTorch writes and maps them; libraries that write zip archives do not align. */
import { crc32 } from 'node:zlib';

export interface ZipMember {
  readonly name: string;
  /** Asked for when it is written, once. */
  readonly content: () => Uint8Array;
}

const alignment = 64;
/** Beyond it the archive would need the larger form of its numbers. */
const largest = 0xffffffff;

/** The archive in pieces, one member at a time. Throws Error when it would have 4 GiB or more. */
export function* zipPieces(members: readonly ZipMember[]): Generator<Uint8Array> {
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, content } of members) {
    const bytes = content();
    const padding = (alignment - ((at + 30 + name.length + 4) % alignment)) % alignment;
    const common = commonFields(name, bytes, 4 + padding);
    const extra = Buffer.alloc(4 + padding);
    extra.write('FB', 'latin1');
    extra.writeUInt16LE(padding, 2);
    const header = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, Buffer.from(name), extra]);
    directory.push(directoryEntry(name, commonFields(name, bytes, 0), at));
    yield header;
    yield bytes;
    at += header.length + bytes.length;
    if (at > largest) throw new Error('it would have more than 4 GiB');
  }
  const entries = Buffer.concat(directory);
  yield entries;
  yield endOf(members.length, entries.length, at);
}

function commonFields(name: string, bytes: Uint8Array, extraLength: number): Buffer {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0); // the version that can read it
  fields.writeUInt16LE(0x21, 8); // the first of January 1980
  fields.writeUInt32LE(crc32(bytes), 10);
  fields.writeUInt32LE(bytes.length, 14);
  fields.writeUInt32LE(bytes.length, 18);
  fields.writeUInt16LE(name.length, 22);
  fields.writeUInt16LE(extraLength, 24);
  return fields;
}

function directoryEntry(name: string, common: Buffer, offset: number): Buffer {
  const place = Buffer.alloc(14);
  place.writeUInt32LE(offset, 10);
  return Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, place, Buffer.from(name)]);
}

function endOf(count: number, size: number, offset: number): Buffer {
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return end;
}
