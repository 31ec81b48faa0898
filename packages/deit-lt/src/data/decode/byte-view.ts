/**
 * Numbers and words at places of a file, whether all of it is in memory or only what is needed of it. For browsers,
 * too.
 */

/** Bytes of which a part is in memory. */
export interface ByteSource {
  readonly length: number;
  /** Returns the offset in `bytes` of the source's bytes [at, at + length); `bytes` may be filled again for that. */
  find(at: number, length: number): number;
  readonly bytes: DataView;
}

/** A window on bytes; every method throws `RangeError` for a place beyond its end. */
export class ByteView {
  constructor(
    private readonly source: ByteSource,
    private readonly start = 0,
    /** Length in bytes. */
    readonly length = source.length,
  ) {}

  byte(at: number): number {
    return this.source.bytes.getUint8(this.#find(at, 1));
  }

  short(at: number, littleEndian = false): number {
    return this.source.bytes.getUint16(this.#find(at, 2), littleEndian);
  }

  long(at: number, littleEndian = false): number {
    return this.source.bytes.getUint32(this.#find(at, 4), littleEndian);
  }

  /** Returns the bytes as Latin-1, one character for each byte; for short texts. */
  text(at: number, length: number): string {
    const place = this.#find(at, length);
    const { buffer, byteOffset } = this.source.bytes;
    return latin1(new Uint8Array(buffer, byteOffset + place, length));
  }

  /** The bytes [at, at + length) as a view that ends there. */
  part(at: number, length: number): ByteView {
    if (!(at >= 0 && length >= 0 && at + length <= this.length)) throw new RangeError('the file ends too early');
    return new ByteView(this.source, this.start + at, length);
  }

  /** Returns the offset of byte `at` in the source of the view that `viewOf` made. */
  placeOf(at: number): number {
    return this.start + at;
  }

  #find(at: number, length: number): number {
    if (!(at >= 0 && at + length <= this.length)) throw new RangeError('the file ends too early');
    return this.source.find(this.start + at, length);
  }
}

/** A view on bytes in memory. */
export function viewOf(bytes: Uint8Array): ByteView {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return new ByteView({ bytes: view, length: bytes.length, find: (at) => at });
}

/** A character for each byte; for up to some thousand bytes. */
export const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
