/**
 * The few WebAssembly instructions that `resample-wasm.ts` is written with, as functions from code to code, and the
 * module around them (WebAssembly core specification 2.0: binary format, fixed-width SIMD). Addresses are bytes.
 */

/** Instructions, encoded. */
export type Code = readonly number[];

/** LEB128 without sign. */
function unsigned(value: number): number[] {
  const rest = Math.floor(value / 128);
  return rest === 0 ? [value] : [(value % 128) | 0x80, ...unsigned(rest)];
}

/** LEB128 with sign. */
function signed(value: number): number[] {
  const low = value & 0x7f;
  const rest = value >> 7;
  const isLast = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return isLast ? [low] : [low | 0x80, ...signed(rest)];
}

const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];
const memory = (offset: number): number[] => [0, ...unsigned(offset)]; // no alignment is promised

/** A local variable or parameter, by number. */
export type Local = number;

export const get = (local: Local): Code => [0x20, local];
export const set = (local: Local, value: Code): Code => [...value, 0x21, local];
export const i32 = (value: number): Code => [0x41, ...signed(value)];
export const add = (a: Code, b: Code): Code => [...a, ...b, 0x6a];
export const loadI32 = (address: Code): Code => [...address, 0x28, ...memory(0)];
/** `local += by` */
export const increase = (local: Local, by: Code): Code => set(local, add(get(local), by));

/** `do { body } while (a < b)`, both without sign. */
export const repeatWhileBelow = (body: Code, a: Code, b: Code): Code => [
  ...[0x03, 0x40],
  ...[...body, ...a, ...b, 0x49],
  ...[0x0d, 0, 0x0b],
];

/** 16 bytes. */
export const load128 = (address: Code): Code => [...address, ...simd(0x00), ...memory(0)];
/** 8 bytes as eight i16. */
export const load8Bytes = (address: Code): Code => [...address, ...simd(0x02), ...memory(0)];
/** One i32 in all four places. */
export const load32Splat = (address: Code): Code => [...address, ...simd(0x09), ...memory(0)];
export const splat32 = (value: Code): Code => [...value, ...simd(0x11)];
export const store128 = (address: Code, value: Code): Code => [...address, ...value, ...simd(0x0b), ...memory(0)];
/** The lowest 4 bytes. */
export const store32 = (address: Code, value: Code): Code => [...address, ...value, ...simd(0x5a), ...memory(0), 0];

const unary =
  (opcode: number) =>
  (a: Code): Code => [...a, ...simd(opcode)];
const binary =
  (opcode: number) =>
  (a: Code, b: Code): Code => [...a, ...b, ...simd(opcode)];

export const lowBytesToI16 = unary(0x89);
export const highBytesToI16 = unary(0x8a);
export const lowI16ToI32 = unary(0xa9);
export const highI16ToI32 = unary(0xaa);
export const addI32 = binary(0xae);
export const mulI32 = binary(0xb5);
/** Returns code that shifts to the right, keeping the sign. */
export const shiftI32 = (a: Code, bits: number): Code => [...a, ...i32(bits), ...simd(0xac)];
/** Eight i32 to i16, saturating. */
export const narrowI32 = binary(0x85);
/** Sixteen i16 to bytes from 0 to 255, saturating. */
export const narrowI16 = binary(0x66);

export interface WasmFunction {
  readonly name: string;
  /** Number of i32 parameters: the first locals. */
  readonly parameters: number;
  /** Further locals: `i32`, then `v128`. */
  readonly i32: number;
  readonly v128: number;
  readonly body: Code;
}

/** A module that exports `functions` and its memory, as `memory`. */
export function wasmModule(functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const [i32Type, v128Type] = [0x7f, 0x7b];
  const vector = (items: readonly Code[]): number[] => [...unsigned(items.length), ...items.flat()];
  const sized = (bytes: Code): number[] => [...unsigned(bytes.length), ...bytes];
  const section = (id: number, items: readonly Code[]): number[] => [id, ...sized(vector(items))];
  const text = (name: string): number[] => sized([...new TextEncoder().encode(name)]);
  const typeOf = ({ parameters }: WasmFunction): number[] => [0x60, ...vector(Array(parameters).fill([i32Type])), 0];
  const codeOf = (f: WasmFunction): number[] =>
    sized([...vector([[...unsigned(f.i32), i32Type], [...unsigned(f.v128), v128Type]]), ...f.body, 0x0b]); // biome-ignore format: one function's parts
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, functions.map(typeOf)),
    ...section(3, functions.map((_, i) => unsigned(i))), // biome-ignore format: a section a line
    ...section(5, [[0, 1]]),
    ...section(7, [...functions.map(({ name }, i) => [...text(name), 0, ...unsigned(i)]), [...text('memory'), 2, 0]]),
    ...section(10, functions.map(codeOf)),
  ]);
}
