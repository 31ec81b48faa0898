/** Values of classes that have no other names than their numbers, for tests. */
import { type ByClass, byClass } from '../../src/by-class.js';

/** Names of `count` classes: `class 0`, `class 1`, … */
export const namesOf = (count: number): string[] => Array.from({ length: count }, (_, c) => `class ${c}`);

export const numbered = <T>(values: ArrayLike<T>): ByClass<T> => byClass(namesOf(values.length), values);
