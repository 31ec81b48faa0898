/**
 * Values by class that know the order of their classes. The data, a model and a teacher may each number the same classes
 * differently, so counts, groups, weights and labels carry the class names by which they are numbered: an array without
 * them is a type error where two orders can meet, and mixed orders are an `internal:` error.
 */

/** A value for each class; `classNames` has the classes in the same order. A plain array has none, and is not accepted. */
export type ByClass<T> = readonly T[] & { readonly classNames: readonly string[] };

/** Labels by the numbers of `classNames`: class `labels[i]` of image i. */
export interface ClassLabels {
  readonly labels: Int32Array;
  readonly classNames: readonly string[];
}

/** Returns a copy of `values` that carries `classNames`. Throws an `internal:` error unless there is a value for each name. */
export function byClass<T>(classNames: readonly string[], values: ArrayLike<T>): ByClass<T> {
  if (values.length !== classNames.length)
    throw new Error(`internal: ${values.length} values for ${classNames.length} classes`);
  // Not enumerable: the values are compared and written as those of any array.
  return Object.defineProperty(Array.from(values), 'classNames', { value: classNames }) as unknown as ByClass<T>;
}

/** Throws an `internal:` error unless both have the same classes in the same order; `what` says whose they are. */
export function requireSameOrder(a: readonly string[], b: readonly string[], what: string): void {
  if (isSameOrder(a, b)) return;
  const at = a.findIndex((name, c) => name !== b[c]);
  const which = a.length === b.length ? `class ${at} is "${a[at]}" and "${b[at]}"` : `${a.length} and ${b.length}`;
  throw new Error(`internal: ${what} have different class orders: ${which}`);
}

export function isSameOrder(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((name, c) => name === b[c]));
}

/** The classes of one order in another. */
export class ClassMap {
  /** `index[c]` is the class of `to` that class c of `from` is; null when the numbers are the same. */
  readonly index: Int32Array | null;

  /** `from` may lack classes of `to`. Throws an `internal:` error for an `index` that gives two classes one number. */
  constructor(
    readonly from: readonly string[],
    readonly to: readonly string[],
    index: Int32Array | null,
  ) {
    const isOneToOne = index === null || (index.length === from.length && new Set(index).size === from.length);
    const fits = from.length <= to.length && (index === null || index.every((c) => c >= 0 && c < to.length));
    if (!isOneToOne || !fits) throw new Error('internal: a map of classes that is not one to one');
    this.index = index?.some((c, from) => c !== from) ? index : null;
  }

  /** Returns the same labels by the numbers of `to`, and everything else of `split` as it is. Throws an `internal:` error for labels of another order than `from`. */
  labels<S extends ClassLabels>(split: S): S {
    const { index, from, to } = this;
    requireSameOrder(split.classNames, from, 'labels and their map');
    return { ...split, classNames: to, labels: index === null ? split.labels : split.labels.map((c) => index[c]!) };
  }

  /** Returns the values in the order of `to`. Throws an `internal:` error for values of another order than `from`. */
  values<T>(values: ByClass<T>): ByClass<T> {
    const { index, from, to } = this;
    requireSameOrder(values.classNames, from, 'values and their map');
    if (from.length !== to.length) throw new Error('internal: values of some classes for all');
    if (index === null) return byClass(to, values);
    const moved = [...values];
    index.forEach((at, c) => {
      moved[at] = values[c]!;
    });
    return byClass(to, moved);
  }
}
