/** Files that must be refused: each with the code of its fault, from disk and from memory alike. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import type { SafetensorsCode } from '../src/safetensors/index.js';

const { SafetensorsError } = torch.safetensors;

/** A file from its header's text (or bytes) and so many bytes of data. */
function build(header: string | Uint8Array | object, dataBytes = 0, length?: bigint): Uint8Array {
  const text =
    header instanceof Uint8Array ? header : Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(length ?? BigInt(text.length));
  return Buffer.concat([start, text, Buffer.alloc(dataBytes, 1)]);
}

const entry = (dtype: unknown, shape: unknown, data_offsets: unknown): object => ({ dtype, shape, data_offsets });
/** A header with one tensor whose shape or offsets are written as they stand. */
const one = (shape: string, offsets: string, dtype = '"F32"'): string =>
  `{"a":{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}}`;
const good = '{"dtype":"U8","shape":[1],"data_offsets":[0,1]}';

const malformed: [what: string, bytes: Uint8Array, code: SafetensorsCode][] = [
  ['no bytes', new Uint8Array(0), 'TRUNCATED'],
  ['1 byte', new Uint8Array(1), 'TRUNCATED'],
  ['7 bytes', new Uint8Array(7), 'TRUNCATED'],
  ['a header length of 0', build(''), 'HEADER_LENGTH'],
  ['a header length of 1', build('{'), 'HEADER_LENGTH'],
  ['a header length of 2^63', build('{}', 0, 2n ** 63n), 'HEADER_LENGTH'],
  ['a header length of 2^64 - 1', build('{}', 0, 2n ** 64n - 1n), 'HEADER_LENGTH'],
  ['a header length of 2^40', build('{}', 0, 2n ** 40n), 'HEADER_LENGTH'],
  ['a header length just over 100 MB', build('{}', 0, 100_000_001n), 'HEADER_LENGTH'],
  ['a zip file', Buffer.from('PK\x03\x04\x14\x00\x08\x08\x08\x00\x00\x00', 'latin1'), 'HEADER_LENGTH'],
  ['a header of 100 MB in a file of 10 bytes', build('{}', 0, 100_000_000n), 'TRUNCATED'],
  ['a header one byte longer than the file', build('{}', 0, 3n), 'TRUNCATED'],

  ['text that is not JSON', build('hello there'), 'HEADER_JSON'],
  ['a header that begins with a space', build(' {}'), 'HEADER_JSON'],
  ['a byte order mark', build('\uFEFF{}'), 'HEADER_JSON'],
  ['an array', build('[]'), 'HEADER_JSON'],
  ['a string', build('"{}"'), 'HEADER_JSON'],
  ['an object without an end', build('{ '), 'HEADER_JSON'],
  ['a string without an end', build('{"a'), 'HEADER_JSON'],
  ['a string that ends in an escaped quote', build('{"a\\":1}'), 'HEADER_JSON'],
  ['a key without a value', build('{"a"}'), 'HEADER_JSON'],
  ['a key without quotes', build(`{a:${good}}`, 1), 'HEADER_JSON'],
  ['a key in single quotes', build(`{'a':${good}}`, 1), 'HEADER_JSON'],
  ['a trailing comma', build(`{"a":${good},}`, 1), 'HEADER_JSON'],
  ['a trailing comma in a shape', build(one('[1,]', '[0,4]'), 4), 'HEADER_JSON'],
  ['no comma between tensors', build(`{"a":${good} "b":${good}}`, 1), 'HEADER_JSON'],
  ['a comment', build(`{/* */"a":${good}}`, 1), 'HEADER_JSON'],
  ['two objects', build('{}{}'), 'HEADER_JSON'],
  ['padding with zero bytes', build('{}\0\0\0\0'), 'HEADER_JSON'],
  ['a raw line feed in a name', build(`{"a\nb":${good}}`, 1), 'HEADER_JSON'],
  ['an unknown escape', build(`{"\\x61":${good}}`, 1), 'HEADER_JSON'],
  ['half of a surrogate pair', build(`{"\\ud800":${good}}`, 1), 'HEADER_JSON'],
  ['leading zeros', build(one('[01]', '[0,4]'), 4), 'HEADER_JSON'],
  ['NaN as a size', build(one('[NaN]', '[0,4]'), 4), 'HEADER_JSON'],
  ['bytes that are not UTF-8', build(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])), 'HEADER_TEXT'],
  ['an overlong UTF-8 form', build(Buffer.from([0x7b, 0x22, 0xc0, 0x80, 0x22, 0x7d])), 'HEADER_TEXT'],
  ['a surrogate in UTF-8', build(Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x7d])), 'HEADER_TEXT'],

  ['a bomb of nested arrays', build(`{"a":${'['.repeat(2_000_000)}`), 'FIELD'],
  ['a bomb of nested arrays in a shape', build(`{"a":{"shape":${'['.repeat(2_000_000)}`), 'FIELD'],
  ['a bomb of nested objects', build(`${'{"a":'.repeat(400_000)}1`), 'FIELD'],
  ['a shape of a million sizes', build(`{"a":{"shape":[${'1,'.repeat(1_000_000)}1]`), 'SHAPE'],

  [
    'a million keys and one',
    build(`{"__metadata__":{${Array.from({ length: 1_000_001 }, (_, i) => `"${i}":""`)}}}`),
    'HEADER_LENGTH',
  ],

  ['a tensor twice', build(`{"a":${good},"a":${good}}`, 1), 'DUPLICATE'],
  ['a tensor twice, once escaped', build(`{"a":${good},"\\u0061":${good}}`, 1), 'DUPLICATE'],
  ['a dtype twice', build(`{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), 'DUPLICATE'],
  ['a shape twice', build(`{"a":{"dtype":"U8","shape":[9],"shape":[1],"data_offsets":[0,1]}}`, 1), 'DUPLICATE'],
  ['__metadata__ twice', build('{"__metadata__":{},"__metadata__":{}}'), 'DUPLICATE'],
  ['a key of __metadata__ twice', build('{"__metadata__":{"a":"1","a":"2"}}'), 'DUPLICATE'],
  ['__proto__ twice', build(`{"__proto__":${good},"__proto__":${good}}`, 1), 'DUPLICATE'],

  ['null as a tensor', build({ a: null }), 'FIELD'],
  ['a number as a tensor', build({ a: 1 }), 'FIELD'],
  ['a string as a tensor', build({ a: 'F32' }), 'FIELD'],
  ['a boolean as a tensor', build({ a: true }), 'FIELD'],
  ['an array as a tensor', build({ a: [] }), 'FIELD'],
  ['an empty entry', build({ a: {} }), 'FIELD'],
  ['no dtype', build({ a: { shape: [1], data_offsets: [0, 4] } }, 4), 'FIELD'],
  ['no shape', build({ a: { dtype: 'F32', data_offsets: [0, 4] } }, 4), 'FIELD'],
  ['no data_offsets', build({ a: { dtype: 'F32', shape: [1] } }, 4), 'FIELD'],
  ['a field too many', build({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4], stride: [1] } }, 4), 'FIELD'],
  ['a number as a dtype', build({ a: entry(7, [1], [0, 4]) }, 4), 'FIELD'],
  ['null as a dtype', build({ a: entry(null, [1], [0, 4]) }, 4), 'FIELD'],
  ['an unknown dtype', build({ a: entry('F33', [1], [0, 4]) }, 4), 'DTYPE'],
  ['a dtype in small letters', build({ a: entry('f32', [1], [0, 4]) }, 4), 'DTYPE'],
  ["a dtype that is an object's property", build({ a: entry('constructor', [1], [0, 4]) }, 4), 'DTYPE'],
  ['no name as a dtype', build({ a: entry('', [1], [0, 4]) }, 4), 'DTYPE'],
  ['a dtype that only the format has', build({ a: entry('F8_E5M2', [4], [0, 4]) }, 4), 'DTYPE_UNSUPPORTED'],
  ['complex numbers', build({ a: entry('C64', [1], [0, 8]) }, 8), 'DTYPE_UNSUPPORTED'],
  ['half a byte of data', build({ a: entry('F4', [3], [0, 2]) }, 2), 'SIZE'],

  ['a number as a shape', build(one('1', '[0,4]'), 4), 'FIELD'],
  ['null as a shape', build(one('null', '[0,4]'), 4), 'FIELD'],
  ['an object as a shape', build(one('{"0":1}', '[0,4]'), 4), 'FIELD'],
  ['a string as a size', build(one('["1"]', '[0,4]'), 4), 'FIELD'],
  ['null as a size', build(one('[null]', '[0,4]'), 4), 'FIELD'],
  ['a negative size', build(one('[-1]', '[0,4]'), 4), 'SHAPE'],
  ['two negative sizes', build(one('[-1,-1]', '[0,4]'), 4), 'SHAPE'],
  ['a size of -0', build(one('[-0]', '[0,0]')), 'SHAPE'],
  ['a fraction as a size', build(one('[1.5]', '[0,6]'), 6), 'SHAPE'],
  ['a whole number written as a fraction', build(one('[1.0]', '[0,4]'), 4), 'SHAPE'],
  ['a whole number with an exponent', build(one('[1e0]', '[0,4]'), 4), 'SHAPE'],
  ['a size of 2^53', build(one('[9007199254740992]', '[0,4]'), 4), 'SHAPE'],
  ['a size of 2^64 + 1, which wraps to 1', build(one('[18446744073709551617]', '[0,4]'), 4), 'SHAPE'],
  ['a shape whose product overflows 2^60 × 16', build(one('[1152921504606846976,16]', '[0,4]'), 4), 'SHAPE'],
  ['a shape whose product overflows 2^64', build(one('[4294967296,4294967296]', '[0,0]'), 0), 'SHAPE'],
  [
    'a shape whose product overflows and then is 0',
    build(one('[4503599627370496,4503599627370496,0]', '[0,0]'), 0),
    'SHAPE',
  ],
  ['65 dimensions', build(one(`[${new Array(65).fill(1)}]`, '[0,4]'), 4), 'SHAPE'],

  ['an object as data_offsets', build(one('[1]', '{"begin":0,"end":4}'), 4), 'FIELD'],
  ['strings as data_offsets', build(one('[1]', '["0","4"]'), 4), 'FIELD'],
  ['no offset', build(one('[0]', '[]')), 'OFFSETS'],
  ['one offset', build(one('[1]', '[4]'), 4), 'OFFSETS'],
  ['three offsets', build(one('[1]', '[0,4,8]'), 8), 'OFFSETS'],
  ['a negative offset', build(one('[1]', '[-4,0]'), 4), 'OFFSETS'],
  ['a fraction as an offset', build(one('[1]', '[0.5,4.5]'), 5), 'OFFSETS'],
  ['an offset of 1e300', build(one('[1]', '[0,1e300]'), 4), 'OFFSETS'],
  ['an offset of 100,000 digits', build(one('[1]', `[0,${'9'.repeat(100_000)}]`), 4), 'OFFSETS'],
  ['an end before the begin', build(one('[1]', '[4,0]'), 4), 'OFFSETS'],
  ['a hole before the first tensor', build(one('[1]', '[4,8]'), 8), 'OFFSETS'],
  ['a hole between two tensors', build({ a: entry('U8', [1], [0, 1]), b: entry('U8', [1], [2, 3]) }, 3), 'OFFSETS'],
  ['tensors that overlap', build({ a: entry('U8', [4], [0, 4]), b: entry('U8', [4], [2, 6]) }, 6), 'OFFSETS'],
  ['tensors that share their data', build({ a: entry('U8', [4], [0, 4]), b: entry('U8', [4], [0, 4]) }, 4), 'OFFSETS'],
  ['an empty tensor inside another', build({ a: entry('U8', [4], [0, 4]), b: entry('U8', [0], [2, 2]) }, 4), 'OFFSETS'],
  ['too few bytes for the shape', build(one('[2]', '[0,4]'), 4), 'SIZE'],
  ['too many bytes for the shape', build(one('[1]', '[0,8]'), 8), 'SIZE'],
  ['bytes for an empty tensor', build(one('[0]', '[0,4]'), 4), 'SIZE'],
  ['no bytes for a scalar', build(one('[]', '[0,0]')), 'SIZE'],

  ['no data', build(one('[1]', '[0,4]')), 'TRUNCATED'],
  ['data that ends a byte early', build(one('[1]', '[0,4]'), 3), 'TRUNCATED'],
  ['a tensor of 8 TB in a file of 100 bytes', build(one('[2199023255552]', '[0,8796093022208]'), 4), 'TRUNCATED'],
  ['a byte after the data', build(one('[1]', '[0,4]'), 5), 'TRAILING'],
  ['data without tensors', build('{}', 1), 'TRAILING'],

  ['null as metadata', build({ __metadata__: null }), 'METADATA'],
  ['an array as metadata', build({ __metadata__: [] }), 'METADATA'],
  ['a string as metadata', build({ __metadata__: 'pt' }), 'METADATA'],
  ['a number in the metadata', build({ __metadata__: { epoch: 3 } }), 'METADATA'],
  ['null in the metadata', build({ __metadata__: { epoch: null } }), 'METADATA'],
  ['an object in the metadata', build({ __metadata__: { a: { b: 'c' } } }), 'METADATA'],
];

suite('malformed safetensors files', () => {
  let folder = '';
  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'safetensors-malformed-'));
  });
  after(() => fs.rmSync(folder, { recursive: true }));

  test('are at least 40, with different names', () => {
    assert.ok(malformed.length >= 40);
    assert.equal(new Set(malformed.map(([what]) => what)).size, malformed.length);
  });

  for (const [i, [what, bytes, code]] of malformed.entries()) {
    test(`${what}: ${code}`, () => {
      const file = path.join(folder, `${i}.safetensors`);
      fs.writeFileSync(file, bytes);
      const openFiles = countOpenFiles();
      assert.throws(
        () => torch.safetensors.load(file),
        (error) => {
          assert.ok(error instanceof SafetensorsError, String(error));
          assert.equal(error.code, code, error.message);
          assert.equal(error.path, file);
          assert.ok(error.message.startsWith(`${file}: `), error.message);
          assert.ok(error.message.length < 1000, `a message of ${error.message.length} characters`);
          return true;
        },
      );
      assert.equal(countOpenFiles(), openFiles, 'the file stays open');
      assert.throws(() => torch.safetensors.deserialize(bytes), { name: 'SafetensorsError', code, path: undefined });
    });
  }

  test('name the tensor, what was expected and what was found', () => {
    const bytes = build({ fine: entry('U8', [1], [0, 1]), 'blocks.0.weight': entry('F32', [2, 3], [1, 24]) }, 24);
    assert.throws(() => torch.safetensors.deserialize(bytes), {
      tensor: 'blocks.0.weight',
      expected: '24 bytes for F32 [2, 3]',
      found: '23 bytes in [1, 24]',
    });
  });
});

suite('safetensors files with random damage', () => {
  test('are read or refused with a SafetensorsError', () => {
    const whole = torch.safetensors.serialize(
      {
        'a.weight': torch.ones([2, 3]),
        b: torch.zeros([0, 4]),
        c: torch.tensor(true),
        d: torch.ones([3], { dtype: 'int64' }),
      },
      { metadata: { format: 'pt' } },
    );
    const headerEnd = 8 + new DataView(whole.buffer, whole.byteOffset).getUint32(0, true);
    const random = randomNumbers(7);
    const pick = (n: number): number => Math.floor(random() * n);
    const common = [...Buffer.from('"{}[]:,0123456789-. \\abeE')];
    const codes = new Set<string>();
    for (let i = 0; i < 3000; i++) {
      const bytes = Buffer.from(whole);
      for (let flips = pick(3); flips >= 0; flips--)
        bytes[pick(headerEnd)] = random() < 0.5 ? (common[pick(common.length)] as number) : pick(256);
      const damaged = random() < 0.2 ? bytes.subarray(0, pick(bytes.length)) : bytes;
      try {
        torch.tidy(() => void torch.safetensors.deserialize(damaged));
      } catch (error) {
        assert.ok(error instanceof SafetensorsError, `${String(error)} for ${damaged.toString('latin1')}`);
        codes.add(error.code);
      }
    }
    assert.ok(codes.size >= 8, [...codes].join());
  });
});

/** Numbers in [0, 1) by a linear congruential generator: the same on every run. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

suite('unusual safetensors files that are valid', () => {
  const read = (header: string | object, dataBytes = 0): Map<string, torch.Tensor> =>
    torch.safetensors.deserialize(build(header, dataBytes));

  test('no tensors', () => assert.equal(read('{}').size, 0));

  test('__proto__, constructor, an empty and a very long name are names like others', () => {
    const long = 'x'.repeat(1_000_000);
    const names = ['__proto__', 'constructor', '', long, '"\\\n\u0000', '😀'];
    const entries = names.map((name, i) => `${JSON.stringify(name)}:${JSON.stringify(entry('U8', [1], [i, i + 1]))}`);
    const tensors = read(`{"__metadata__":{"__proto__":"harmless"},${entries.join(',')}}`, names.length);
    assert.deepEqual([...tensors.keys()], names);
    assert.equal((Object.prototype as Record<string, unknown>).dtype, undefined);
    const again = torch.safetensors.deserialize(torch.safetensors.serialize(tensors));
    assert.deepEqual(new Set(again.keys()), new Set(names));
  });

  test('__proto__ as a metadata key is harmless and kept', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'safetensors-proto-'));
    const file = path.join(folder, 'a.safetensors');
    fs.writeFileSync(file, build('{"__metadata__":{"__proto__":"x","toString":"y"}}'));
    using opened = torch.safetensors.open(file);
    assert.deepEqual(Object.entries(opened.metadata), [
      ['__proto__', 'x'],
      ['toString', 'y'],
    ]);
    assert.equal(Object.getPrototypeOf(opened.metadata), Object.prototype);
    fs.rmSync(folder, { recursive: true });
  });

  test('tensors in another order than their data, empty ones in between', () => {
    const tensors = read(
      {
        c: entry('U8', [2], [2, 4]),
        e: entry('F32', [0, 7], [2, 2]),
        a: entry('U8', [2], [0, 2]),
        z: entry('I64', [0], [4, 4]),
      },
      4,
    );
    assert.deepEqual([...tensors.keys()], ['a', 'e', 'c', 'z']);
    assert.deepEqual(tensors.get('e')?.shape, [0, 7]);
  });

  test('every kind of JSON space, and much padding', () => {
    assert.equal(
      read(`{ \t\r\n"a" : { "dtype" : "U8" ,\n"shape":[ 1 ],"data_offsets":[ 0 , 1 ] } }${' '.repeat(5000)}`, 1)
        .get('a')
        ?.toNumber(),
      1,
    );
  });

  test('bytes other than 0 and 1 in a bool tensor become true', () => {
    const bytes = build({ a: entry('BOOL', [4], [0, 4]) }, 4);
    bytes.set([0, 1, 2, 255], bytes.length - 4);
    const [a] = torch.safetensors.deserialize(bytes).values();
    assert.deepEqual([...(a as torch.Tensor).toTypedArray<'bool'>()], [0, 1, 1, 1]);
    assert.equal(a?.sum().item(), 3);
  });
});

/** Open files of this process where the system tells, else 0. */
function countOpenFiles(): number {
  return fs.existsSync('/proc/self/fd') ? fs.readdirSync('/proc/self/fd').length : 0;
}
