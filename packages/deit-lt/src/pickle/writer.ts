/** Writes Python pickles of plain data in protocol 2, which every Python since 2.3 reads. */

/** Values that can be written: text, numbers, lists, dictionaries, and what a caller writes itself. */
export type Picklable =
  | null
  | boolean
  | number
  | string
  | readonly Picklable[]
  | ReadonlyMap<string, Picklable>
  | PicklableObject;

/** An object as opcodes that leave one value on the stack. */
export interface PicklableObject {
  pickle(): Buffer;
}

/** The pickle of `value`, whole. Throws Error for whole numbers of more than 53 bits. */
export function writePickle(value: Picklable): Buffer {
  return Buffer.concat([Buffer.from('\x80\x02', 'latin1'), opcodesOf(value), Buffer.from('.')]);
}

/** Opcodes that leave `value` on the stack. */
export function opcodesOf(value: Picklable): Buffer {
  if (value === null) return Buffer.from('N');
  if (typeof value === 'boolean') return Buffer.from(value ? [0x88] : [0x89]);
  if (typeof value === 'number') return numberOpcodes(value);
  if (typeof value === 'string') return textOpcodes(value);
  if (Array.isArray(value)) return Buffer.concat([Buffer.from(']('), ...value.map(opcodesOf), Buffer.from('e')]);
  if (value instanceof Map) {
    const entries = [...value].flatMap(([key, each]) => [opcodesOf(key), opcodesOf(each)]);
    return Buffer.concat([Buffer.from('}('), ...entries, Buffer.from('u')]);
  }
  return (value as PicklableObject).pickle();
}

/** A tuple. */
export function tupleOpcodes(values: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from('('), ...values, Buffer.from('t')]);
}

function numberOpcodes(value: number): Buffer {
  if (!Number.isInteger(value)) {
    const bytes = Buffer.alloc(9);
    bytes.write('G');
    bytes.writeDoubleBE(value, 1);
    return bytes;
  }
  if (!Number.isSafeInteger(value)) throw new Error(`${value} is not an exact integer`);
  const small = value >= -(2 ** 31) && value < 2 ** 31;
  const bytes = Buffer.alloc(small ? 5 : 10);
  bytes.writeUInt8(small ? 0x4a : 0x8a); // BININT or LONG1
  if (small) bytes.writeInt32LE(value, 1);
  else {
    bytes.writeUInt8(8, 1);
    bytes.writeBigInt64LE(BigInt(value), 2);
  }
  return bytes;
}

function textOpcodes(value: string): Buffer {
  const text = Buffer.from(value);
  const head = Buffer.alloc(5);
  head.write('X');
  head.writeUInt32LE(text.length, 1);
  return Buffer.concat([head, text]);
}
