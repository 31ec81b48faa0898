/** Seeded damage to files: what disks, downloads, editors and other programs do to them, and what nobody does. */
import { RandomStream } from '../../src/random/stream.js';

/** An integer in [0, below). */
type Draw = (below: number) => number;
type Mutate = (bytes: Buffer, draw: Draw) => Buffer;

/** Bytes that mean something to one of our parsers, or are at the end of what a number may be. */
const tokens: readonly Buffer[] = [
  ...[
    '\0',
    '\n',
    '\r\n',
    '\t',
    ' ',
    ',',
    '"',
    '\\',
    '{',
    '}',
    '[',
    ']',
    ':',
    '-',
    '#',
    '..',
    '/',
    '\u2028',
    '\uFEFF',
    'é',
  ],
  ...[
    '-1',
    '0',
    '1e999',
    '99999999999999999999',
    '4294967296',
    'NaN',
    'null',
    'true',
    '{}',
    '[]',
    '[[',
    '"id"',
    '__proto__',
  ],
  ...['\\u0000', '\\ud800', '.', '(', 'e', 'q', 'K', 'T', 'constructor'],
].map((text) => Buffer.from(text));
const wild = [
  [0xff, 0xfe],
  [0xfe, 0xff],
  [0xff, 0xff, 0xff, 0xff],
  [0x00, 0x00, 0x00, 0x80],
  [0xff, 0xff, 0xff, 0x7f],
  [0xc3],
  [0xed, 0xa0, 0x80],
].map((bytes) => Buffer.from(bytes));
const all = [...tokens, ...wild];

/** Near the beginning or the end of the file in half of the cases: there is what describes the rest. */
function place(bytes: Buffer, draw: Draw): number {
  const near = Math.min(bytes.length, 400);
  const at = [draw(bytes.length + 1), draw(bytes.length + 1), draw(near + 1), bytes.length - draw(near + 1)];
  return at[draw(4)]!;
}

/** What stands from `start` on for `length` bytes becomes `by`. */
function replace(bytes: Buffer, start: number, length: number, by: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, start), by, bytes.subarray(Math.min(bytes.length, start + length))]);
}

const some = (bytes: Buffer, draw: Draw): Buffer => {
  const from = place(bytes, draw);
  return bytes.subarray(from, from + 1 + draw(200));
};

export const mutations: Readonly<Record<string, Mutate>> = {
  'cut off': (bytes, draw) => bytes.subarray(0, place(bytes, draw)),
  'without its beginning': (bytes, draw) => bytes.subarray(place(bytes, draw)),
  'bits flipped': (bytes, draw) => {
    for (let k = 0; k <= draw(8) && bytes.length > 0; k++)
      bytes[Math.min(bytes.length - 1, place(bytes, draw))]! ^= 1 << draw(8);
    return bytes;
  },
  'bytes overwritten': (bytes, draw) => {
    for (let k = 0; k <= draw(8) && bytes.length > 0; k++)
      bytes[Math.min(bytes.length - 1, place(bytes, draw))] = draw(256);
    return bytes;
  },
  'a token put in': (bytes, draw) => replace(bytes, place(bytes, draw), 0, all[draw(all.length)]!),
  'a token written over': (bytes, draw) => {
    const token = all[draw(all.length)]!;
    return replace(bytes, place(bytes, draw), token.length, token);
  },
  'a token many times': (bytes, draw) =>
    replace(bytes, place(bytes, draw), 0, Buffer.concat(new Array<Buffer>(1 << draw(16)).fill(all[draw(all.length)]!))),
  'a piece taken out': (bytes, draw) => replace(bytes, place(bytes, draw), 1 + draw(200), Buffer.alloc(0)),
  'a piece doubled': (bytes, draw) => replace(bytes, place(bytes, draw), 0, some(bytes, draw)),
  'a piece by another': (bytes, draw) => replace(bytes, place(bytes, draw), 1 + draw(50), some(bytes, draw)),
  'zeros over a block': (bytes, draw) => bytes.fill(0, Math.min(bytes.length, place(bytes, draw)), bytes.length),
  'a number made huge': (bytes, draw) => {
    const digits = [...bytes.toString('latin1').matchAll(/\d+/g)];
    const one = digits[draw(Math.max(1, digits.length))];
    if (one === undefined) return bytes;
    return replace(bytes, one.index, one[0].length, Buffer.from(['9'.repeat(1 + draw(40)), '-1', '1.5'][draw(3)]!));
  },
  'in another encoding': (bytes, draw) => {
    const text = bytes.toString(draw(2) === 0 ? 'utf8' : 'latin1');
    const utf16 = Buffer.from(`${draw(2) === 0 ? '\uFEFF' : ''}${text}`, 'utf16le');
    return draw(2) === 0 ? utf16 : utf16.swap16();
  },
};
const names = Object.keys(mutations);

/** A copy of `bytes`, damaged in one to three ways; the same for the same seed. */
export function mutated(bytes: Uint8Array, seed: number): { bytes: Buffer; what: string } {
  const random = new RandomStream(seed, 0x6d757461, bytes.length);
  const draw: Draw = (below) => Math.floor(random.random() * below);
  const what = Array.from({ length: 1 + Math.max(0, draw(5) - 2) }, () => names[draw(names.length)]!);
  const damaged = what.reduce<Buffer>(
    (result, name) => mutations[name]!(Buffer.from(result), draw),
    Buffer.from(bytes),
  );
  return { bytes: damaged, what: what.join(', ') };
}
