/**
 * TensorBoard's event files, written without TensorFlow: records framed as TFRecords (length, masked CRC-32C of the length,
 * data, masked CRC-32C of the data), each an `Event` as a protocol buffer. Fields as in tensorflow/core/util/event.proto
 * and tensorflow/core/framework/summary.proto. Node's `zlib.crc32` has another polynomial, so that the checksum is here.
 */
import protobuf from 'protobufjs/light.js';

const root = protobuf.Root.fromJSON({
  nested: {
    Event: {
      oneofs: { what: { oneof: ['fileVersion', 'summary'] } },
      fields: {
        wallTime: { id: 1, type: 'double' },
        step: { id: 2, type: 'int64' },
        fileVersion: { id: 3, type: 'string' },
        summary: { id: 5, type: 'Summary' },
      },
    },
    Summary: { fields: { value: { id: 1, type: 'Value', rule: 'repeated' } } },
    // In a oneof, as TensorFlow has it, a 0 is written; elsewhere readers take a missing number for 0.
    Value: {
      oneofs: { value: { oneof: ['simpleValue'] } },
      fields: { tag: { id: 1, type: 'string' }, simpleValue: { id: 2, type: 'float' } },
    },
  },
});
const event = root.lookupType('Event');

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

/** The first record of every event file: its version. `seconds` since 1970. */
export function versionRecord(seconds: number): Uint8Array {
  return framed(event.encode({ wallTime: seconds, fileVersion: 'brain.Event:2' }).finish());
}

/** Numbers by name at one step. `seconds` since 1970. */
export function scalarRecord(seconds: number, step: number, scalars: ReadonlyMap<string, number>): Uint8Array {
  const value = [...scalars].map(([tag, simpleValue]) => ({ tag, simpleValue }));
  return framed(event.encode({ wallTime: seconds, step, summary: { value } }).finish());
}
