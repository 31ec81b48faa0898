/**
 * Reads Python pickles (protocols 0 to 4) that hold nothing but data: numbers, strings, lists, dictionaries and NumPy
 * arrays. Nothing is executed and no class is made: the few globals of an array are known by name, any other is
 * refused. Byte strings of Python 2 stay bytes (npm's pickleparser reads them as text, which destroys pixels).
 *
 * Opcodes: https://docs.python.org/3/library/pickletools.html
 */

/** Python's `bytes` and the `str` of Python 2 are Uint8Array; tuples are arrays; whole numbers may be bigint. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<unknown, PickleValue>
  | NumpyArray
  | Dtype
  | Global;

/** A NumPy array: `bytes` are its elements in order (columns first when `fortran`). */
export class NumpyArray {
  shape: readonly number[] = [];
  /** NumPy's type string without the byte order: `u1`, `i8`. */
  dtype = '';
  fortran = false;
  bytes = new Uint8Array(0);
}

/** NumPy's type of elements. */
class Dtype {
  constructor(readonly code: string) {}
}

/** A name that the pickle refers to. */
class Global {
  constructor(readonly name: string) {}
}

const reconstruct = ['numpy.core.multiarray._reconstruct', 'numpy._core.multiarray._reconstruct'];
const knownGlobals = new Set([...reconstruct, 'numpy.ndarray', 'numpy.dtype', '_codecs.encode', 'codecs.encode']);

/** The value in `bytes`. Throws Error with the reason when it is cut off, damaged or refers to an unknown name. */
export function readPickle(bytes: Uint8Array): PickleValue {
  return new PickleReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).read();
}

const mark = Symbol('mark');
type Slot = PickleValue | typeof mark;

class PickleReader {
  readonly #stack: Slot[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #at = 0;

  constructor(readonly bytes: Buffer) {}

  read(): PickleValue {
    for (;;) {
      const opcode = String.fromCharCode(this.byte());
      if (opcode === '.') return this.pop();
      const run = opcodes[opcode];
      if (run === undefined)
        throw new Error(`unknown opcode 0x${opcode.charCodeAt(0).toString(16)} at byte ${this.#at - 1}`);
      run(this);
    }
  }

  /** The next `length` bytes, not copied. */
  take(length: number): Buffer {
    if (length < 0 || this.#at + length > this.bytes.length) throw new Error('it is cut off or damaged');
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }

  byte = (): number => this.take(1)[0]!;
  uint16 = (): number => this.take(2).readUInt16LE();
  uint32 = (): number => this.take(4).readUInt32LE();
  uint64 = (): number => Number(this.take(8).readBigUInt64LE());

  line(): string {
    const end = this.bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw new Error('it is cut off or damaged');
    const text = this.take(end - this.#at).toString('latin1');
    this.#at++;
    return text;
  }

  push(value: Slot): void {
    this.#stack.push(value);
  }

  pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined || value === mark) throw new Error('it is damaged (the stack is empty)');
    return value;
  }

  /** Everything above the last mark. */
  popToMark(): PickleValue[] {
    const at = this.#stack.lastIndexOf(mark);
    if (at < 0) throw new Error('it is damaged (no mark)');
    const values = this.#stack.splice(at) as PickleValue[];
    return values.slice(1);
  }

  popMany(count: number): PickleValue[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  top(): PickleValue {
    const value = this.pop();
    this.push(value);
    return value;
  }

  remember(key: number = this.#memo.size): void {
    this.#memo.set(key, this.top());
  }

  recall(key: number): void {
    const value = this.#memo.get(key);
    if (value === undefined) throw new Error(`it is damaged (no memo ${key})`);
    this.push(value);
  }
}

type Opcode = (reader: PickleReader) => void;

const opcodes: Record<string, Opcode> = {
  '\x80': (r) => void r.byte(), // protocol number
  '\x95': (r) => void r.take(8), // frame length
  '(': (r) => r.push(mark),
  '0': (r) => void r.pop(),
  p: (r) => r.remember(Number(r.line())),
  q: (r) => r.remember(r.byte()),
  r: (r) => r.remember(r.uint32()),
  '\x94': (r) => r.remember(),
  g: (r) => r.recall(Number(r.line())),
  h: (r) => r.recall(r.byte()),
  j: (r) => r.recall(r.uint32()),
  N: (r) => r.push(null),
  '\x88': (r) => r.push(true),
  '\x89': (r) => r.push(false),
  I: (r) => r.push(integerLine(r.line())),
  L: (r) => r.push(Number(r.line().replace(/L$/, ''))),
  F: (r) => r.push(Number(r.line())),
  J: (r) => r.push(r.take(4).readInt32LE()),
  K: (r) => r.push(r.byte()),
  M: (r) => r.push(r.uint16()),
  G: (r) => r.push(r.take(8).readDoubleBE()),
  '\x8a': (r) => r.push(longInteger(r.take(r.byte()))),
  '\x8b': (r) => r.push(longInteger(r.take(r.uint32()))),
  S: (r) => r.push(quoted(r.line())),
  V: (r) => r.push(unescaped(r.line())),
  U: (r) => r.push(r.take(r.byte())),
  T: (r) => r.push(r.take(r.uint32())),
  C: (r) => r.push(r.take(r.byte())),
  B: (r) => r.push(r.take(r.uint32())),
  '\x8e': (r) => r.push(r.take(r.uint64())),
  X: (r) => r.push(r.take(r.uint32()).toString('utf8')),
  '\x8c': (r) => r.push(r.take(r.byte()).toString('utf8')),
  '\x8d': (r) => r.push(r.take(r.uint64()).toString('utf8')),
  ')': (r) => r.push([]),
  t: (r) => r.push(r.popToMark()),
  '\x85': (r) => r.push(r.popMany(1)),
  '\x86': (r) => r.push(r.popMany(2)),
  '\x87': (r) => r.push(r.popMany(3)),
  ']': (r) => r.push([]),
  l: (r) => r.push(r.popToMark()),
  a: (r) => append(r, [r.pop()]),
  e: (r) => append(r, r.popToMark()),
  '}': (r) => r.push(new Map()),
  d: (r) => r.push(setItems(new Map(), r.popToMark())),
  s: (r) => void setItems(r, r.popMany(2)),
  u: (r) => void setItems(r, r.popToMark()),
  c: (r) => r.push(globalNamed(r.line(), r.line())),
  '\x93': (r) => r.push(globalNamed(...(r.popMany(2).map(String) as [string, string]))),
  R: (r) => r.push(call(...(r.popMany(2) as [PickleValue, PickleValue]))),
  b: (r) => build(r.pop(), r.top()),
};

function integerLine(text: string): number | boolean {
  if (text === '00' || text === '01') return text === '01';
  return Number(text);
}

/** Two's complement, the lowest byte first. */
function longInteger(bytes: Buffer): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  if (bytes.length > 0 && bytes.at(-1)! >= 0x80) value -= 1n << BigInt(8 * bytes.length);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** Python's raw-unicode-escape: Latin-1, the rest as \uXXXX or \UXXXXXXXX. */
function unescaped(text: string): string {
  return text.replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (_, short?: string, long?: string) =>
    String.fromCodePoint(Number.parseInt(short ?? long!, 16)),
  );
}

/** The `repr` of a Python 2 string; only plain ones, which all names in these files are. */
function quoted(text: string): Uint8Array {
  const inner = /^'([^'\\]*)'$|^"([^"\\]*)"$/.exec(text);
  if (inner === null) throw new Error('a string with escapes is not supported');
  return Buffer.from(inner[1] ?? inner[2]!, 'latin1');
}

function append(reader: PickleReader, values: readonly PickleValue[]): void {
  const list = reader.top();
  if (!Array.isArray(list)) throw new Error('it is damaged (no list to append to)');
  for (const value of values) list.push(value);
}

function setItems(target: Map<unknown, PickleValue> | PickleReader, items: readonly PickleValue[]): PickleValue {
  const map = target instanceof PickleReader ? target.top() : target;
  if (!(map instanceof Map) || items.length % 2 !== 0) throw new Error('it is damaged (no dictionary to fill)');
  for (let i = 0; i < items.length; i += 2) map.set(keyOf(items[i]!), items[i + 1]!);
  return map;
}

/** Python 2's strings and Python 3's are the same key. */
function keyOf(key: PickleValue): unknown {
  return key instanceof Uint8Array ? Buffer.from(key).toString('latin1') : key;
}

function globalNamed(module: string, name: string): Global {
  const full = `${module}.${name}`;
  if (!knownGlobals.has(full)) throw new Error(`it refers to ${full}, which is more than data; it was not run`);
  return new Global(full);
}

function call(target: PickleValue, args: PickleValue): PickleValue {
  if (!(target instanceof Global) || !Array.isArray(args)) throw new Error('it is damaged (a call of no function)');
  if (reconstruct.includes(target.name)) return new NumpyArray();
  if (target.name === 'numpy.dtype') return new Dtype(asText(args[0]));
  // Python 3 writes bytes for old protocols as text in Latin-1.
  if (target.name.endsWith('codecs.encode') && typeof args[0] === 'string' && asText(args[1]) === 'latin1')
    return Buffer.from(args[0], 'latin1');
  throw new Error(`it calls ${target.name} in an unknown way`);
}

function build(state: PickleValue, target: PickleValue): void {
  if (target instanceof Dtype) return; // byte order and such: one-byte elements have none
  if (!(target instanceof NumpyArray) || !Array.isArray(state) || state.length < 5)
    throw new Error('it is damaged (the state of no array)');
  const [, shape, dtype, fortran, bytes] = state;
  if (!Array.isArray(shape) || !(dtype instanceof Dtype) || !(bytes instanceof Uint8Array))
    throw new Error('it has an array of objects');
  target.shape = shape.map(Number);
  target.dtype = dtype.code;
  target.fortran = fortran === true || fortran === 1;
  target.bytes = Uint8Array.from(bytes);
}

function asText(value: PickleValue | undefined): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value);
}
