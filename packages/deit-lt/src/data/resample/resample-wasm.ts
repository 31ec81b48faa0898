/**
 * `resampleWith` in WebAssembly with SIMD, several times as fast and the same to the bit: Pillow's integer arithmetic,
 * four channels at a time. The threads that decode files use it.
 */
import { pixelsSeen, type RawImage, resampleWith, type WindowTaps } from './resample-image.js';
import { type Taps, weightBits } from './resample-taps.js';
import {
  add,
  addI32,
  type Code,
  get,
  highBytesToI16,
  highI16ToI32,
  i32,
  increase,
  load8Bytes,
  load32Splat,
  load128,
  loadI32,
  lowBytesToI16,
  lowI16ToI32,
  mulI32,
  narrowI16,
  narrowI32,
  repeatWhileBelow,
  set,
  shiftI32,
  splat32,
  store32,
  store128,
  type WasmFunction,
  wasmModule,
} from './wasm-code.js';

/** One half in the weights' unit: rounds. */
const half = splat32(i32(1 << (weightBits - 1)));

/**
 * `across(source, rowBytes, target, end, targetRowBytes, taps, firsts, firstsEnd, weights, weightBytes)`: rows from
 * `source` on become the rows `target` … `end`. `firsts` are the byte places of each output pixel's first source pixel,
 * `weights` theirs, `weightBytes` for each, of which `taps` bytes are used.
 */
function acrossFunction(): WasmFunction {
  const [source, rowBytes, target, end, targetRowBytes, taps, firsts, firstsEnd, weights, weightBytes] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
  ];
  const [out, first, weight, pixel, tap, tapsEnd, sum] = [10, 11, 12, 13, 14, 15, 16];
  const addTap: Code = [
    ...set(sum, addI32(get(sum), mulI32(lowI16ToI32(load8Bytes(get(pixel))), load32Splat(get(tap))))),
    ...increase(pixel, i32(3)),
    ...increase(tap, i32(4)),
  ];
  const levels = shiftI32(get(sum), weightBits);
  const onePixel: Code = [
    ...set(pixel, add(get(source), loadI32(get(first)))),
    ...set(tap, get(weight)),
    ...set(tapsEnd, add(get(weight), get(taps))),
    ...set(sum, half),
    ...repeatWhileBelow(addTap, get(tap), get(tapsEnd)),
    // The fourth byte belongs to the next pixel, which comes after.
    ...store32(get(out), narrowI16(narrowI32(levels, levels), narrowI32(levels, levels))),
    ...increase(out, i32(3)),
    ...increase(first, i32(4)),
    ...increase(weight, get(weightBytes)),
  ];
  const oneRow: Code = [
    ...set(out, get(target)),
    ...set(first, get(firsts)),
    ...set(weight, get(weights)),
    ...repeatWhileBelow(onePixel, get(first), get(firstsEnd)),
    ...increase(source, get(rowBytes)),
    ...increase(target, get(targetRowBytes)),
  ];
  return { name: 'across', parameters: 10, i32: 6, v128: 1, body: repeatWhileBelow(oneRow, get(target), get(end)) };
}

/**
 * `down(source, rowBytes, target, taps, firsts, firstsEnd, weights, weightBytes)`: the same along columns; 16 bytes of
 * a row at a time, so that up to 15 bytes behind the last row are written, too. `firsts` are the byte places of rows.
 */
function downFunction(): WasmFunction {
  const [source, rowBytes, target, taps, firsts, firstsEnd, weights, weightBytes] = [0, 1, 2, 3, 4, 5, 6, 7];
  const [out, outEnd, column, pixels, tap, tapsEnd] = [8, 9, 10, 11, 12, 13];
  const [factor, bytes, low, high] = [14, 15, 16, 17];
  const sums = [18, 19, 20, 21] as const;
  const quarters = [lowI16ToI32(get(low)), highI16ToI32(get(low)), lowI16ToI32(get(high)), highI16ToI32(get(high))];
  const addTap: Code = [
    ...set(factor, load32Splat(get(tap))),
    ...set(bytes, load128(get(pixels))),
    ...set(low, lowBytesToI16(get(bytes))),
    ...set(high, highBytesToI16(get(bytes))),
    ...sums.flatMap((sum, i) => set(sum, addI32(get(sum), mulI32(quarters[i]!, get(factor))))),
    ...increase(pixels, get(rowBytes)),
    ...increase(tap, i32(4)),
  ];
  const [a, b, c, d] = sums.map((sum) => shiftI32(get(sum), weightBits)) as [Code, Code, Code, Code];
  const sixteenBytes: Code = [
    ...set(pixels, get(column)),
    ...set(tap, get(weights)),
    ...sums.flatMap((sum) => set(sum, half)),
    ...repeatWhileBelow(addTap, get(tap), get(tapsEnd)),
    ...store128(get(out), narrowI16(narrowI32(a, b), narrowI32(c, d))),
    ...increase(out, i32(16)),
    ...increase(column, i32(16)),
  ];
  const oneRow: Code = [
    ...set(out, get(target)),
    ...set(outEnd, add(get(target), get(rowBytes))),
    ...set(column, add(get(source), loadI32(get(firsts)))),
    ...set(tapsEnd, add(get(weights), get(taps))),
    ...repeatWhileBelow(sixteenBytes, get(out), get(outEnd)),
    ...increase(target, get(rowBytes)),
    ...increase(firsts, i32(4)),
    ...increase(weights, get(weightBytes)),
  ];
  return { name: 'down', parameters: 8, i32: 6, v128: 8, body: repeatWhileBelow(oneRow, get(firsts), get(firstsEnd)) };
}

/** Part of every Node.js; TypeScript knows it only among the types of browsers. */
declare const WebAssembly: {
  validate(code: Uint8Array): boolean;
  Module: new (code: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: unknown };
};

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  across(...parameters: number[]): void;
  down(...parameters: number[]): void;
}

let compiled: Exports | null | undefined;

/** null where the processor has no SIMD. */
function load(): Exports | null {
  if (compiled !== undefined) return compiled;
  const bytes = wasmModule([acrossFunction(), downFunction()]);
  compiled = WebAssembly.validate(bytes)
    ? (new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as Exports)
    : null;
  return compiled;
}

/**
 * Writes one window of one image to `target`, `size · size · 3` bytes, as `resampleWith` does; exactly Pillow's result.
 */
export function resampleFast(image: RawImage, taps: WindowTaps, target: Uint8Array): void {
  const wasm = load();
  if (wasm === null) {
    target.set(resampleWith(image, taps));
    return;
  }
  const plan = planOf(image, taps);
  const { memory } = wasm;
  const missing = plan.end - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / pageBytes));
  fillTables(memory.buffer, taps, plan);
  run(wasm, image, taps, plan);
  target.set(new Uint8Array(memory.buffer, plan.target, plan.size * plan.targetRow));
}

const pageBytes = 65536;

/**
 * Bytes of the source that are in the memory at once; the memory never shrinks, and an image may have hundreds of
 * megabytes.
 */
const bandBytes = 2 ** 22;

/** Offsets in bytes of the pixels and of both axes' tables in the memory. */
interface MemoryPlan {
  readonly size: number;
  readonly firstRow: number;
  readonly rowCount: number;
  /** Rows of the source that are in the memory at a time. */
  readonly bandRows: number;
  readonly sourceRow: number;
  readonly targetRow: number;
  readonly across: TablePlaces;
  readonly down: TablePlaces;
  readonly source: number;
  /** Rows of the target's width. */
  readonly middle: number;
  readonly target: number;
  readonly end: number;
}

interface TablePlaces {
  readonly firsts: number;
  readonly weights: number;
}

/** Returns the largest number of taps of an output pixel, at least 1; the weights of absent taps are 0. */
const tapCount = ({ count }: Taps): number => count.reduce((most, each) => Math.max(most, each), 1);

function planOf({ width }: RawImage, { across, down }: WindowTaps): MemoryPlan {
  let end = 0;
  const take = (bytes: number): number => {
    const start = end;
    end += Math.ceil(bytes / 16) * 16 + 16; // SIMD reads and writes up to 15 bytes more
    return start;
  };
  const tables = ({ first, weights }: Taps): TablePlaces => ({
    firsts: take(first.byteLength),
    weights: take(weights.byteLength),
  });
  const size = across.first.length;
  const [firstRow, endRow] = pixelsSeen(down);
  const rowCount = endRow - firstRow;
  const [sourceRow, targetRow] = [width * 3, size * 3];
  const bandRows = Math.min(rowCount, Math.max(1, Math.floor(bandBytes / sourceRow)));
  return {
    ...{ size, firstRow, rowCount, bandRows, sourceRow, targetRow },
    across: tables(across),
    down: tables(down),
    // Absent taps read, and multiply by 0, what lies behind the last pixel or row.
    source: take(bandRows * sourceRow + tapCount(across) * 3),
    middle: take((rowCount + tapCount(down)) * targetRow),
    target: take(size * targetRow),
    end,
  };
}

function fillTables(memory: ArrayBuffer, { across, down }: WindowTaps, plan: MemoryPlan): void {
  const ints = new Int32Array(memory);
  ints.set(across.weights, plan.across.weights / 4);
  ints.set(down.weights, plan.down.weights / 4);
  for (let i = 0; i < plan.size; i++) {
    ints[plan.across.firsts / 4 + i] = across.first[i]! * 3;
    ints[plan.down.firsts / 4 + i] = Math.max(0, down.first[i]! - plan.firstRow) * plan.targetRow; // 0: without taps
  }
}

function run(wasm: Exports, { pixels }: RawImage, { across, down }: WindowTaps, plan: MemoryPlan): void {
  const { source, sourceRow, middle, target, targetRow, firstRow, rowCount, bandRows } = plan;
  const tables = (taps: Taps, { firsts, weights }: TablePlaces): number[] => [
    tapCount(taps) * 4,
    firsts,
    firsts + plan.size * 4,
    weights,
    taps.stride * 4,
  ];
  const memory = new Uint8Array(wasm.memory.buffer);
  for (let row = 0; row < rowCount; row += bandRows) {
    const [from, end] = [firstRow + row, firstRow + Math.min(row + bandRows, rowCount)];
    memory.set(pixels.subarray(from * sourceRow, end * sourceRow), source);
    const [start, stop] = [row, end - firstRow].map((each) => middle + each * targetRow) as [number, number];
    wasm.across(source, sourceRow, start, stop, targetRow, ...tables(across, plan.across));
  }
  wasm.down(middle, targetRow, target, ...tables(down, plan.down));
}
