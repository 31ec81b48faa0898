/**
 * TensorBoard's event files, written without TensorFlow: records framed as TFRecords (length, masked CRC-32C of the length,
 * data, masked CRC-32C of the data), each an `Event` in protocol-buffer wire format. Fields as in tensorflow/core/util/event.proto
 * and tensorflow/core/framework/summary.proto.
 */

/** Castagnoli's polynomial, bits reversed. */
const polynomial = 0x82f63b78;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
  return crc;
});

/** CRC-32C of `bytes`: of "123456789" 0xe3069283. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff]!;
  return (crc ^ 0xffffffff) >>> 0;
}

/** Rotated and moved, so that a checksum of data with checksums in it stays one. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** One record of a TFRecord file. */
export function framed(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(data.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return record;
}

/** What every event file begins with: its version. `seconds` since 1970. */
export function versionRecord(seconds: number): Uint8Array {
  return framed(joined([double(1, seconds), bytes(3, new TextEncoder().encode('brain.Event:2'))]));
}

/** Numbers by name at one step. `seconds` since 1970. */
export function scalarRecord(seconds: number, step: number, scalars: ReadonlyMap<string, number>): Uint8Array {
  const values = [...scalars].map(([tag, value]) =>
    bytes(1, joined([bytes(1, new TextEncoder().encode(tag)), float(2, value)])),
  );
  return framed(joined([double(1, seconds), varint(2, step), bytes(5, joined(values))]));
}

/** Number of a field and how it is written: 0 variable length, 1 eight bytes, 2 length and bytes, 5 four bytes. */
const key = (field: number, wire: 0 | 1 | 2 | 5): number => (field << 3) | wire;

function double(field: number, value: number): Uint8Array {
  const out = new Uint8Array(9);
  out[0] = key(field, 1);
  new DataView(out.buffer).setFloat64(1, value, true);
  return out;
}

function float(field: number, value: number): Uint8Array {
  const out = new Uint8Array(5);
  out[0] = key(field, 5);
  new DataView(out.buffer).setFloat32(1, value, true);
  return out;
}

function varint(field: number, value: number): Uint8Array {
  return Uint8Array.of(key(field, 0), ...base128(value));
}

function bytes(field: number, value: Uint8Array): Uint8Array {
  return joined([Uint8Array.of(key(field, 2), ...base128(value.length)), value]);
}

/** A whole number of at least 0, seven bits to a byte, the lowest first. */
function base128(value: number): number[] {
  const out: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...out, rest];
    out.push((rest % 128) | 128);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
