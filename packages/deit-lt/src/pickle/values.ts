/** The values of a pickle, and the functions that a reader may know beyond plain data. */

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
  | Set<unknown>
  | PickledObject
  | Global;

/** A value of a class that is known. */
export abstract class PickledObject {
  /** Takes what Python would give to `__setstate__`. Throws Error when it cannot be. */
  setState(_state: PickleValue): void {
    throw new Error(`it is damaged (a ${this.constructor.name} has no state)`);
  }
}

/** A name that the pickle refers to, by itself no more than that. */
export class Global {
  constructor(
    readonly name: string,
    /** Returns the result of calling it; undefined if it is only named. Throws Error for unfit arguments. */
    readonly call: GlobalCall | undefined,
  ) {}
}

export type GlobalCall = (args: readonly PickleValue[]) => PickleValue;

/** The names that a reader knows, as `module.name`, and what their calls give; null for names that are only named. */
export type KnownGlobals = Readonly<Record<string, GlobalCall | null>>;

/** Text of either Python; numbers and None as Python shows them to be names. Throws Error for containers, whose text may have no end. */
export function textOf(value: PickleValue | undefined): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (typeof value === 'object' && value !== null) throw new Error('it is damaged (a name that is not text)');
  return String(value);
}

/** The size of the arguments of a known function: entries, characters and bytes of its arguments, two levels deep. */
export function sizeOf(value: PickleValue, depth = 2): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return value.length;
  if (value instanceof Map || value instanceof Set) return value.size;
  if (!Array.isArray(value)) return 1;
  return depth === 0 ? value.length : value.reduce((sum: number, each) => sum + 1 + sizeOf(each, depth - 1), 0);
}

/** A tuple or list of whole numbers that are not negative. Throws Error. */
export function sizesOf(value: PickleValue | undefined, what: string): number[] {
  if (!Array.isArray(value) || !value.every((each) => Number.isSafeInteger(each) && (each as number) >= 0))
    throw new Error(`it is damaged (${what} is not a list of sizes)`);
  return value as number[];
}
