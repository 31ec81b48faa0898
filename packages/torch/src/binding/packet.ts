/** All overloads of one operator: `torch.ops.aten.add`, and what methods and functions call. */
import { describeValue, TorchError, unreadable } from '../errors.js';
import { TensorBase } from '../tensor/base.js';
import { describeTensor } from '../tensor/describe.js';
import { isPlainObject } from '../tensor/scope.js';
import { native } from './addon.js';
import { missingOperator, type Operator, requireOperator, signatureOf } from './operator.js';

const overloadNames = new Map<string, Record<string, string[]>>();

function overloadsOf(namespace: string, name: string): string[] | undefined {
  let all = overloadNames.get(namespace);
  if (all === undefined) {
    all = native().listOperators(namespace);
    overloadNames.set(namespace, all);
  }
  return all[name];
}

/** PyTorch tries tensors before numbers; then the plain overload, then the rest in a fixed order. */
const rank = (overload: string): string =>
  overload === 'Tensor' ? '0' : overload === '' ? '1' : overload.startsWith('Tensor') ? `2${overload}` : `3${overload}`;

/** Overloads for named dimensions, which PyTorch itself calls unfinished; reachable by their full name. */
const namedDimensions = /[Dd]imname|names/;

/**
 * A number for the kinds of a few plain arguments (tensors, whole and other numbers, booleans), which
 * alone decide the overload; -1 where values matter too. Saves the search on the hot path.
 */
function kindsOf(args: readonly unknown[]): number {
  if (args.length > 4) return -1;
  let key = 0;
  for (const value of args) {
    let kind: number;
    if (value instanceof TensorBase) kind = 1;
    else if (typeof value === 'number') kind = Number.isSafeInteger(value) ? 2 : 3;
    else if (typeof value === 'boolean') kind = 4;
    else return -1;
    key = key * 5 + kind;
  }
  return key;
}

export class Packet {
  readonly name: string;
  readonly #operators: readonly Operator[];
  /** The overload chosen before for the same kinds of arguments. */
  readonly #byKinds: (Operator | undefined)[] = [];

  constructor(namespace: string, name: string) {
    this.name = `${namespace}::${name}`;
    const overloads = overloadsOf(namespace, name);
    if (overloads === undefined) throw missingOperator(this.name, '');
    this.#operators = overloads
      .filter((overload) => !namedDimensions.test(overload))
      .toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1))
      .map((overload) => requireOperator(this.name, overload));
  }

  /** The names of the overloads, in the order in which they are tried. */
  get overloads(): string[] {
    return this.#operators.map((operator) => operator.schema.overload || 'default');
  }

  /** Calls the first overload that the arguments fit. Throws `TorchError` with all signatures when none does. */
  call(args: readonly unknown[]): unknown {
    return this.choose(args).invoke(args);
  }

  /** The first overload that the arguments fit. */
  choose(args: readonly unknown[]): Operator {
    try {
      const key = kindsOf(args);
      const known = this.#byKinds[key];
      if (known !== undefined) return known;
      const operator = this.#search(args);
      if (key >= 0) this.#byKinds[key] = operator;
      return operator;
    } catch (error) {
      throw unreadable(error, this.name); // a getter or a Proxy of the caller's
    }
  }

  #search(args: readonly unknown[]): Operator {
    const operators = this.#operators;
    if (operators.length === 1) return operators[0] as Operator;
    // Strictly first: `random_(7)` is `to=7`, not `from=7` with its `int? to` left out.
    for (const lenient of [false, true]) {
      for (const operator of operators) if (operator.accepts(args, lenient)) return operator;
    }
    throw this.#noFit(args);
  }

  #noFit(args: readonly unknown[]): TorchError {
    for (const arg of args) if (arg instanceof TensorBase && arg.handle <= 0) describeTensor(arg); // throws with the origin
    const got = args.map((arg) => (arg instanceof TensorBase ? `Tensor ${describeTensor(arg)}` : describeValue(arg)));
    const signatures = this.#operators
      .filter(({ schema }) => !schema.overload.includes('out'))
      .map(({ schema }) => `  ${signatureOf(schema)}`);
    return new TorchError(
      'ARGUMENT',
      `${this.name}: no overload takes (${got.join(', ')}). The overloads are:\n${signatures.join('\n')}`,
    );
  }
}

const packets = new Map<string, Packet>();

/** The operator `aten::name` with all its overloads. Throws `TorchError` when this libtorch has none of that name. */
export function packet(name: string): Packet {
  let known = packets.get(name);
  if (known === undefined) {
    known = new Packet('aten', name);
    packets.set(name, known);
  }
  return known;
}

/** Calls `aten::name`, choosing the overload by the arguments. */
export function dispatch(name: string, args: readonly unknown[]): unknown {
  return packet(name).call(args);
}

/**
 * The same for operators whose last positional argument is a list of sizes or dimensions, which may
 * also be given one by one: `t.view(2, 3)` as `t.view([2, 3])`.
 */
export function dispatchVariadic(name: string, args: readonly unknown[], listAt: number): unknown {
  const end = isPlainObject(args.at(-1)) ? args.length - 1 : args.length;
  const numbers = args.slice(listAt, end);
  const oneByOne = numbers.length > 0 && numbers.every((value) => typeof value === 'number');
  return dispatch(name, oneByOne ? [...args.slice(0, listAt), numbers, ...args.slice(end)] : args);
}
