/** Python's containers beyond lists and dictionaries, and the two classes that training scripts keep options in. */
import { Global, type GlobalCall, type KnownGlobals, PickledObject, type PickleValue, textOf } from './values.js';

/** `argparse.Namespace`: options by name. */
export class Namespace extends PickledObject {
  values = new Map<unknown, PickleValue>();

  override setState(state: PickleValue): void {
    if (!(state instanceof Map)) throw new Error('it is damaged (a Namespace without a dictionary)');
    this.values = state;
  }
}

/** Returns a dictionary of a list of pairs; empty without one. */
function dictionary(pairs: PickleValue | undefined): Map<unknown, PickleValue> {
  if (pairs === undefined) return new Map();
  if (pairs instanceof Map) return new Map(pairs);
  if (!Array.isArray(pairs)) throw new Error('it is damaged (a dictionary without pairs)');
  return new Map(
    pairs.map((pair) => {
      if (!Array.isArray(pair) || pair.length !== 2) throw new Error('it is damaged (a dictionary without pairs)');
      return [pair[0], pair[1]!];
    }),
  );
}

function setOf(values: PickleValue | undefined): Set<unknown> {
  if (values !== undefined && !Array.isArray(values)) throw new Error('it is damaged (a set without values)');
  return new Set(values);
}

const pathOf = (parts: readonly PickleValue[]): string => parts.map(textOf).join('/').replace(/^\/\//, '/');

/** Makes an object as protocols 0 and 1 do: from a class, without arguments. */
const reconstruct: GlobalCall = ([target]) => {
  if (target instanceof Global && target.call !== undefined) return target.call([]);
  throw new Error('it is damaged (an object without a class)');
};

/** A path is text, a `defaultdict` and a `Counter` are dictionaries. */
export const containerGlobals: KnownGlobals = {
  'collections.OrderedDict': ([pairs]) => dictionary(pairs),
  'collections.defaultdict': () => new Map(),
  'collections.Counter': ([pairs]) => dictionary(pairs),
  'builtins.set': ([values]) => setOf(values),
  '__builtin__.set': ([values]) => setOf(values),
  'builtins.frozenset': ([values]) => setOf(values),
  '__builtin__.frozenset': ([values]) => setOf(values),
  'copyreg._reconstructor': reconstruct,
  'copy_reg._reconstructor': reconstruct,
  // Default factories of a defaultdict, and what Python's own `copyreg` names.
  'builtins.list': null,
  '__builtin__.list': null,
  'builtins.dict': null,
  '__builtin__.dict': null,
  'builtins.int': null,
  '__builtin__.int': null,
  'builtins.float': null,
  '__builtin__.float': null,
  'builtins.object': null,
  '__builtin__.object': null,
  'argparse.Namespace': () => new Namespace(),
  'pathlib.PosixPath': pathOf,
  'pathlib.PurePosixPath': pathOf,
  'pathlib.WindowsPath': pathOf,
  'pathlib._local.PosixPath': pathOf,
};
