/**
 * Reads Python pickles (protocols 0 to 5) that hold nothing but data. Nothing is executed and no class is made: the few
 * names that a caller knows (`KnownGlobals`) stand for what is written here, any other is refused. Byte strings of
 * Python 2 stay bytes (npm's pickleparser reads them as text, which destroys pixels).
 *
 * Opcodes: https://docs.python.org/3/library/pickletools.html
 */
import { beginning } from '../text/visible.js';
import { Global, type KnownGlobals, PickledObject, type PickleValue, sizeOf, textOf } from './values.js';

export interface PickleOptions {
  /** Names that may stand in the pickle. */
  readonly globals: KnownGlobals;
  /** Resolves an object that is stored outside of the pickle. Default: such objects are refused. */
  readonly persistent?: (id: PickleValue) => PickleValue;
}

/** The value in `bytes`. Throws Error with the reason when it is cut off, damaged or refers to an unknown name. */
export function readPickle(bytes: Uint8Array, options: PickleOptions): PickleValue {
  return new PickleReader(bytes, options).read();
}

/** The error at the end of the bytes, after which more bytes could help. */
export class CutOffError extends Error {
  constructor() {
    super('it is cut off or damaged');
  }
}

/**
 * Limit of the values that a pickle's calls may process, in multiples of its length: a value that is named again and
 * again takes a few bytes, and must not fill the memory. Files of PyTorch and NumPy stay below their own length.
 */
const workPerByte = 4;
const spareWork = 1 << 20;

const mark = Symbol('mark');
type Slot = PickleValue | typeof mark;

/** Reads one pickle after the other. */
export class PickleReader {
  readonly #bytes: Buffer;
  readonly #options: PickleOptions;
  #stack: Slot[] = [];
  #memo = new Map<number, PickleValue>();
  #at = 0;
  #workLeft: number;

  constructor(bytes: Uint8Array, options: PickleOptions) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#options = options;
    this.#workLeft = workPerByte * bytes.length + spareWork;
  }

  /**
   * Counts work on `value`, which may have been worked on before. Throws Error when it is out of proportion to the
   * pickle.
   */
  charge(value: PickleValue): void {
    this.#workLeft -= sizeOf(value);
    if (this.#workLeft < 0)
      throw new Error(
        'its values would take far more memory than the file has bytes, as in a file made to exhaust the memory',
      );
  }

  /** Returns the offset of the next pickle. */
  get position(): number {
    return this.#at;
  }

  /** Throws Error as `readPickle`. */
  read(): PickleValue {
    this.#stack = [];
    this.#memo = new Map();
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
    if (length < 0 || this.#at + length > this.#bytes.length) throw new CutOffError();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  byte(): number {
    if (this.#at >= this.#bytes.length) throw new CutOffError();
    return this.#bytes[this.#at++]!; // a view of each byte would take most of the time
  }

  uint16 = (): number => this.take(2).readUInt16LE();
  uint32 = (): number => this.take(4).readUInt32LE();
  uint64 = (): number => Number(this.take(8).readBigUInt64LE());

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw new CutOffError();
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
    const values = this.#stack.splice(-count);
    if (values.length < count || values.includes(mark)) throw new Error('it is damaged (the stack is empty)');
    return values as PickleValue[];
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

  /** Throws Error for a name that is not known. */
  global(module: string, name: string): Global {
    this.charge([module, name]);
    const full = `${module}.${name}`;
    const { globals } = this.#options;
    if (!Object.hasOwn(globals, full))
      throw new Error(
        `it refers to ${beginning(full, 200)}, which has a type that is not allowed; it was not executed`,
      );
    return new Global(full, globals[full] ?? undefined);
  }

  persistent(id: PickleValue): PickleValue {
    this.charge(id);
    if (this.#options.persistent === undefined) throw new Error('it refers to an object outside of it');
    return this.#options.persistent(id);
  }
}

type Opcode = (reader: PickleReader) => void;

const opcodes: Record<string, Opcode> = {
  '\x80': (r) => void r.byte(), // protocol number
  '\x95': (r) => void r.take(8), // frame length
  '(': (r) => r.push(mark),
  '0': (r) => void r.pop(),
  '1': (r) => void r.popToMark(),
  '2': (r) => r.push(r.top()),
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
  L: (r) => r.push(decimal(r.line().replace(/L$/, ''))),
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
  d: (r) => r.push(setItems(r, new Map(), r.popToMark())),
  s: (r) => void fill(r, r.popMany(2)),
  u: (r) => void fill(r, r.popToMark()),
  '\x8f': (r) => r.push(new Set()),
  '\x90': (r) => addItems(r, r.popToMark()),
  '\x91': (r) => r.push(new Set(r.popToMark())),
  c: (r) => r.push(r.global(r.line(), r.line())),
  '\x93': (r) => r.push(r.global(...(r.popMany(2).map(textOf) as [string, string]))),
  i: (r) => r.push(call(r, r.global(r.line(), r.line()), r.popToMark())),
  R: (r) => r.push(call(r, ...(r.popMany(2) as [PickleValue, PickleValue]))),
  '\x81': (r) => r.push(call(r, ...(r.popMany(2) as [PickleValue, PickleValue]))),
  P: (r) => r.push(r.persistent(r.line())),
  Q: (r) => r.push(r.persistent(r.pop())),
  b: (r) => build(r.pop(), r.top()),
};

function integerLine(text: string): number | boolean {
  if (text === '00' || text === '01') return text === '01';
  return Number(text);
}

/** Longer ones are not numbers of a training, and take a time that grows with the square of their length. */
const longestInteger = 1024;

/** Two's complement, the lowest byte first. */
function longInteger(bytes: Buffer): number | bigint {
  if (bytes.length > longestInteger) throw new Error(`it has a whole number of ${bytes.length} bytes`);
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  if (bytes.length > 0 && bytes.at(-1)! >= 0x80) value -= 1n << BigInt(8 * bytes.length);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function decimal(text: string): number | bigint {
  if (!/^-?\d{1,1024}$/.test(text)) throw new Error('it is damaged (an integer without digits)');
  return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
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

/** The dictionary on top of the stack. */
function fill(reader: PickleReader, items: readonly PickleValue[]): void {
  setItems(reader, reader.top(), items);
}

function setItems(reader: PickleReader, map: PickleValue, items: readonly PickleValue[]): PickleValue {
  if (!(map instanceof Map) || items.length % 2 !== 0) throw new Error('it is damaged (no dictionary to fill)');
  for (let i = 0; i < items.length; i += 2) map.set(keyOf(reader, items[i]!), items[i + 1]!);
  return map;
}

/** Python 2's strings and Python 3's are the same key. */
function keyOf(reader: PickleReader, key: PickleValue): unknown {
  if (!(key instanceof Uint8Array)) return key;
  reader.charge(key);
  return textOf(key);
}

function addItems(reader: PickleReader, values: readonly PickleValue[]): void {
  const set = reader.top();
  if (!(set instanceof Set)) throw new Error('it is damaged (no set to add to)');
  for (const value of values) set.add(value);
}

function call(reader: PickleReader, target: PickleValue, args: PickleValue): PickleValue {
  reader.charge(args);
  if (!(target instanceof Global) || !Array.isArray(args)) throw new Error('it is damaged (a call without a function)');
  if (target.call === undefined) throw new Error(`it calls ${target.name} in an unknown way`);
  return target.call(args);
}

/** Attributes that a script has set on a dictionary are left out: they are no part of its entries. */
function build(state: PickleValue, target: PickleValue): void {
  if (target instanceof PickledObject) target.setState(state);
  else if (!(target instanceof Map)) throw new Error('it is damaged (a state without an object)');
}
