/** One ATen operator as a function: arguments by its schema, named ones in a last plain object. */
import { clipped, nativeError, nearestName, TorchError, unreadable } from '../errors.js';
import { TensorBase } from '../tensor/base.js';
import { describeTensor } from '../tensor/describe.js';
import { isPlainObject } from '../tensor/scope.js';
import { type Addon, type NativeSchema, native } from './addon.js';
import {
  codecOf,
  type Encode,
  type Fits,
  readValue,
  startReading,
  startWords,
  Unfit,
  writeDefault,
  writtenTensorCodec,
} from './codec.js';
import { lastClaim } from './words.js';

/** A callable operator with the schema it was found by. */
export interface Operator {
  (...args: readonly unknown[]): unknown;
  /** Calls it with the arguments as a list. */
  invoke(args: readonly unknown[]): unknown;
  readonly schema: NativeSchema;
  /**
   * True when the arguments fit the schema as they stand, without conversions. With `lenient`, `Type?` may be left out
   * where the schema has no default.
   */
  accepts(args: readonly unknown[], lenient: boolean): boolean;
  /** Converts the arguments and holds them against the schema, without running anything. Throws `TorchError`. */
  check(args: readonly unknown[]): void;
}

/** `index_select` → `indexSelect`; a trailing underscore (in-place) stays, leading ones too. */
export function camelCase(name: string): string {
  return name.replace(/(?<=[a-zA-Z0-9])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

class BoundOperator {
  readonly origin: string;
  readonly #addon: Addon;
  readonly #encoders: readonly Encode[];
  readonly #fits: readonly Fits[];
  readonly #canOmit: readonly boolean[];
  readonly #hasDefault: readonly boolean[];
  readonly #positional: number;
  readonly #single: boolean;
  readonly #indexByName = new Map<string, number>();

  constructor(
    readonly schema: NativeSchema,
    addon: Addon,
  ) {
    this.origin = schema.overload === '' ? schema.name : `${schema.name}.${schema.overload}`;
    this.#addon = addon;
    const written = new Set(schema.returns.map((result) => result.argument));
    const codecs = schema.arguments.map(({ type }, i) =>
      type === 'Tensor' && written.has(i) ? writtenTensorCodec : codecOf(type),
    );
    this.#encoders = codecs.map((codec) => codec.encode);
    this.#fits = codecs.map((codec) => codec.fits);
    this.#canOmit = schema.arguments.map((argument) => argument.hasDefault || argument.type.endsWith('?'));
    this.#hasDefault = schema.arguments.map((argument) => argument.hasDefault);
    this.#positional = schema.arguments.filter((argument) => !argument.keywordOnly).length;
    this.#single = schema.returns.length === 1;
    schema.arguments.forEach((argument, i) => {
      this.#indexByName.set(argument.name, i).set(camelCase(argument.name), i);
    });
  }

  call(args: readonly unknown[]): unknown {
    const full = this.#prepare(args);
    try {
      this.#addon.callOperator();
    } catch (error) {
      throw this.#failure(error, full);
    }
    startReading();
    if (this.#single) return readValue(this.origin, full);
    return this.schema.returns.length === 0 ? undefined : this.schema.returns.map(() => readValue(this.origin, full));
  }

  /** Converts the arguments and holds them against the schema on the native side, without running anything. */
  check(args: readonly unknown[]): void {
    const full = this.#prepare(args);
    try {
      this.#addon.checkArguments();
    } catch (error) {
      throw this.#failure(error, full);
    }
  }

  /**
   * Puts the arguments into schema order and writes them. The caller's getters and Proxies run in here, and may throw.
   */
  #prepare(args: readonly unknown[]): readonly unknown[] {
    try {
      const full = this.#inOrder(args);
      this.#write(full);
      return full;
    } catch (error) {
      throw unreadable(error, this.origin);
    }
  }

  #write(full: readonly unknown[]): void {
    const claim = startWords(this.schema.id);
    const encoders = this.#encoders;
    for (let i = 0; i < encoders.length; i++) {
      const value = full[i];
      if (value === undefined) this.#writeOmitted(i);
      else this.#writeGiven(i, value);
    }
    if (lastClaim() !== claim) {
      throw new TorchError(
        'ARGUMENT',
        `${this.origin}: an argument used torch while it was being read (a getter or a Proxy); read it before the call`,
      );
    }
  }

  #writeGiven(i: number, value: unknown): void {
    try {
      (this.#encoders[i] as Encode)(value);
    } catch (error) {
      if (!(error instanceof Unfit)) throw error;
      throw new TorchError(
        'ARGUMENT',
        `${this.origin}: '${this.schema.arguments[i]?.name}' ${error.message}. ${this.signature()}`,
      );
    }
  }

  #writeOmitted(i: number): void {
    if (!this.#canOmit[i]) {
      throw new TorchError(
        'ARGUMENT',
        `${this.origin}: '${this.schema.arguments[i]?.name}' is missing. ${this.signature()}`,
      );
    }
    writeDefault();
  }

  /** The arguments in schema order; those in a last plain object are named. */
  #inOrder(args: readonly unknown[]): readonly unknown[] {
    const last = args.length - 1;
    const hasNamed = last >= 0 && isNamed(args[last]);
    const given = hasNamed ? last : args.length;
    if (given > this.#positional) {
      throw new TorchError(
        'ARGUMENT',
        `${this.origin} takes at most ${this.#positional} positional arguments, got ${given}. ${this.signature()}`,
      );
    }
    if (!hasNamed) return args;
    const full = args.slice(0, given);
    for (const [name, value] of Object.entries(args[last] as Record<string, unknown>)) {
      if (value === undefined) continue;
      const i = this.#indexByName.get(name);
      if (i === undefined) throw this.#unknownName(name);
      if (full[i] !== undefined)
        throw new TorchError('ARGUMENT', `${this.origin}: '${name}' is given twice. ${this.signature()}`);
      full[i] = value;
    }
    return full;
  }

  #unknownName(name: string): TorchError {
    const near = nearestName(name, this.#indexByName.keys());
    return new TorchError(
      'ARGUMENT',
      `${this.origin} has no argument '${clipped(name)}'${near ? `; did you mean '${near}'?` : '.'} ${this.signature()}`,
    );
  }

  accepts(args: readonly unknown[], lenient: boolean): boolean {
    const last = args.length - 1;
    const named = last >= 0 && isPlainObject(args[last]) ? (args[last] as Record<string, unknown>) : undefined;
    const given = named ? last : args.length;
    if (given > this.#positional) return false;
    const provided = new Array<boolean>(this.#fits.length).fill(false);
    for (let i = 0; i < given; i++) {
      if (args[i] === undefined) continue;
      if (!this.#fits[i]?.(args[i])) return false;
      provided[i] = true;
    }
    if (named) {
      for (const name in named) {
        if (named[name] === undefined) continue;
        const i = this.#indexByName.get(name);
        if (i === undefined || provided[i] || !this.#fits[i]?.(named[name])) return false;
        provided[i] = true;
      }
    }
    const canOmit = lenient ? this.#canOmit : this.#hasDefault;
    return provided.every((present, i) => present || canOmit[i]);
  }

  signature(): string {
    return `Schema: ${signatureOf(this.schema)}`;
  }

  #failure(error: unknown, args: readonly unknown[]): TorchError {
    const shapes = this.schema.arguments.flatMap((argument, i) => describeArgument(argument.name, args[i]));
    const called = shapes.length > 0 ? ` [${shapes.join(', ')}]` : '';
    return nativeError(error, this.origin, called);
  }
}

/** Tensors are sorted out before the costlier look at the prototype. */
function isNamed(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && !(value instanceof TensorBase) && isPlainObject(value);
}

/** Describes an argument for a message; empty when reading it again fails. */
function describeArgument(name: string, value: unknown): string[] {
  try {
    return describeTensors(name, value);
  } catch {
    return [];
  }
}

function describeTensors(name: string, value: unknown): string[] {
  if (value instanceof TensorBase) return [`${name}: ${value.handle > 0 ? describeTensor(value) : 'disposed'}`];
  if (Array.isArray(value) && value.some((item) => item instanceof TensorBase)) {
    return [
      `${name}: [${value
        .slice(0, 4)
        .flatMap((item) => describeArgument('', item).map((text) => text.slice(2)))
        .join(', ')}${value.length > 4 ? ', …' : ''}]`,
    ];
  }
  return [];
}

/** A schema as PyTorch writes it, without the default values. */
export function signatureOf(schema: NativeSchema): string {
  const parts: string[] = [];
  let star = false;
  for (const { name, type, keywordOnly, hasDefault } of schema.arguments) {
    if (keywordOnly && !star) parts.push('*');
    star ||= keywordOnly;
    parts.push(`${type} ${name}${hasDefault ? '=…' : ''}`);
  }
  const returns = schema.returns.map(({ type, name }) => (name ? `${type} ${name}` : type));
  const full = schema.overload === '' ? schema.name : `${schema.name}.${schema.overload}`;
  return `${full}(${parts.join(', ')}) -> ${returns.length === 1 ? returns[0] : `(${returns.join(', ')})`}`;
}

const found = new Map<string, Operator | null>();

/** Finds an operator by full name (`aten::add`) and overload; null when this libtorch has none. */
export function findOperator(name: string, overload = ''): Operator | null {
  const key = `${name}.${overload}`;
  let operator = found.get(key);
  if (operator === undefined) {
    const schema = native().findOperator(name, overload);
    operator = schema === null ? null : bind(schema);
    found.set(key, operator);
  }
  return operator;
}

function bind(schema: NativeSchema): Operator {
  const bound = new BoundOperator(schema, native());
  const call = (...args: readonly unknown[]): unknown => bound.call(args);
  return Object.assign(call, {
    schema,
    invoke: (args: readonly unknown[]) => bound.call(args),
    accepts: (args: readonly unknown[], lenient: boolean) => bound.accepts(args, lenient),
    check: (args: readonly unknown[]) => bound.check(args),
  });
}

/** Finds an operator or throws `TorchError` (`NO_SUCH_OPERATOR`) that names the libtorch version. */
export function requireOperator(name: string, overload = ''): Operator {
  const operator = findOperator(name, overload);
  if (operator === null) throw missingOperator(name, overload);
  return operator;
}

export function missingOperator(name: string, overload: string): TorchError {
  const [namespace = '', base = ''] = name.split('::');
  const all = native().listOperators(namespace);
  const overloads = all[base];
  const full = overload === '' ? name : `${name}.${overload}`;
  const hint = overloads
    ? `its overloads are: ${overloads.map((o) => o || 'default').join(', ')}`
    : `${((near) => (near ? `did you mean ${namespace}::${near}?` : `nothing similar is in '${namespace}'`))(nearestName(base, Object.keys(all)))}`;
  return new TorchError(
    'NO_SUCH_OPERATOR',
    `libtorch ${native().buildInfo().version} has no operator ${full}; ${hint}`,
  );
}
