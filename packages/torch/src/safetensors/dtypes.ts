/**
 * The format's element types, in the reference library's order: from the least aligned to the most.
 * https://github.com/huggingface/safetensors, `enum Dtype`.
 */
import type { DType } from '../tensor/dtype.js';

/** Name in a file → [bits of one element, this package's dtype or null where it has none]. */
const table = {
  BOOL: [8, 'bool'],
  F4: [4, null],
  F6_E2M3: [6, null],
  F6_E3M2: [6, null],
  U8: [8, 'uint8'],
  I8: [8, 'int8'],
  F8_E5M2: [8, null],
  F8_E4M3: [8, null],
  F8_E8M0: [8, null],
  F8_E4M3FNUZ: [8, null],
  F8_E5M2FNUZ: [8, null],
  I16: [16, 'int16'],
  U16: [16, null],
  F16: [16, 'float16'],
  BF16: [16, 'bfloat16'],
  I32: [32, 'int32'],
  U32: [32, null],
  F32: [32, 'float32'],
  C64: [64, null],
  F64: [64, 'float64'],
  I64: [64, 'int64'],
  U64: [64, null],
} as const satisfies Record<string, readonly [number, DType | null]>;

/** An element type by its name in a file. */
export type StoredDType = keyof typeof table;
/** Those that this package has no tensors of. */
export type UnsupportedDType = { [K in StoredDType]: (typeof table)[K][1] extends null ? K : never }[StoredDType];

export const storedDTypes = Object.keys(table) as StoredDType[];

const storedNames = new Map<DType | null, StoredDType>(storedDTypes.map((name) => [table[name][1], name]));

export function isStoredDType(name: string): name is StoredDType {
  return Object.hasOwn(table, name);
}

export function bitsOf(stored: StoredDType): number {
  return table[stored][0];
}

/** This package's dtype; the format's own name where there is none. */
export function dtypeOf(stored: StoredDType): DType | UnsupportedDType {
  return table[stored][1] ?? (stored as UnsupportedDType);
}

/** The name in a file of a tensor's dtype; undefined for the complex ones. */
export function storedDTypeOf(dtype: DType): StoredDType | undefined {
  return storedNames.get(dtype);
}

/** Higher is wider: a file has its widest tensors first, so that each begins aligned. */
export function alignmentRank(stored: StoredDType): number {
  return storedDTypes.indexOf(stored);
}
