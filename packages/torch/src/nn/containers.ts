/** Modules that hold others by position: `Sequential` and `ModuleList`, named "0", "1", … as in PyTorch. */
import { TorchError } from '../errors.js';
import type { Tensor } from '../tensor/tensor.js';
import { type AnyModule, Module } from './module.js';

/**
 * Runs modules one after the other, each on the result of the one before. Takes them one by one, or as an
 * object of them, whose keys are then their names. The types of inner results are not checked.
 */
export class Sequential<A extends unknown[] = [input: Tensor], R = Tensor> extends Module<A, R> {
  readonly #items: AnyModule[];

  constructor(...modules: AnyModule[] | [Readonly<Record<string, AnyModule>>]) {
    super();
    const [first] = modules;
    const named =
      modules.length === 1 && first !== undefined && !(first instanceof Module)
        ? Object.entries(first)
        : modules.map((module, i) => [String(i), module] as const);
    this.#items = named.map(([name, module]) => this.registerModule(name, module as AnyModule));
  }

  /** Number of modules. */
  get length(): number {
    return this.#items.length;
  }

  /** The module at a place, from the end when negative. Throws `TorchError` when there is none. */
  at(index: number): AnyModule {
    return itemAt(this.#items, index, 'Sequential');
  }

  [Symbol.iterator](): ArrayIterator<AnyModule> {
    return this.#items.values();
  }

  forward(...args: A): R {
    let given: unknown[] = args;
    for (const module of this.#items) given = [(module as unknown as Module<unknown[], unknown>).call(...given)];
    return given[0] as R;
  }
}

/** An array of modules that a module can have as a property. It computes nothing itself. */
export class ModuleList<M extends AnyModule = Module> extends Module<never[], never> implements Iterable<M> {
  readonly #items: M[] = [];

  constructor(modules: Iterable<M> = []) {
    super();
    for (const module of modules) this.append(module);
  }

  /** Number of modules. */
  get length(): number {
    return this.#items.length;
  }

  /** Adds a module at the end. Returns itself. */
  append(module: M): this {
    this.#items.push(this.registerModule(String(this.#items.length), module));
    return this;
  }

  /** The module at a place, from the end when negative. Throws `TorchError` when there is none. */
  at(index: number): M {
    return itemAt(this.#items, index, 'ModuleList');
  }

  [Symbol.iterator](): ArrayIterator<M> {
    return this.#items.values();
  }

  /** Throws: call the modules in it. */
  forward(): never {
    throw new TorchError(
      'ARGUMENT',
      'Module [ModuleList] is missing the required "forward" function; call the modules in it',
    );
  }

  /** Returns the text that PyTorch 2 prints: neighbours of the same text once, `(0-11): 12 x Block(…)`. */
  override toString(): string {
    const runs: { first: number; last: number; text: string }[] = [];
    for (const [i, module] of this.#items.entries()) {
      const [text, run] = [String(module), runs.at(-1)];
      if (run?.text === text) run.last = i;
      else runs.push({ first: i, last: i, text });
    }
    const lines = runs.map(({ first, last, text }) => {
      const label = first === last ? `(${first}): ` : `(${first}-${last}): ${last - first + 1} x `;
      return `  ${label}${text.replaceAll('\n', '\n  ')}\n`;
    });
    return lines.length === 0 ? 'ModuleList()' : `ModuleList(\n${lines.join('')})`;
  }
}

function itemAt<M>(items: readonly M[], index: number, where: string): M {
  const item = items.at(index);
  if (item === undefined || index < -items.length)
    throw new TorchError('ARGUMENT', `${where}: index ${index} is out of range for ${items.length} modules`);
  return item;
}
