/** Scopes: every tensor made inside is released at the end, but for what is returned or kept. */
import { TorchError } from '../errors.js';
import { currentScope, disposedByScope, giveToCollector, releaseTensors, setCurrentScope, TensorBase, type TensorOwner } from './base.js';

/**
 * A region of code that releases its tensors at the end: `using scope = torch.scope()`.
 * Scopes nest; an inner one must end before the outer one.
 */
export class Scope implements TensorOwner, Disposable {
  readonly owned: TensorBase[] = [];
  readonly #outer: TensorOwner | null;
  #ended = false;

  constructor() {
    this.#outer = currentScope();
    setCurrentScope(this);
  }

  /** Lets the tensors in `value` (a tensor, or arrays, plain objects, Maps and Sets of them) outlive this scope. */
  keep<T>(value: T): T {
    forEachTensor(value, (tensor) => this.#hand(tensor));
    return value;
  }

  #hand(tensor: TensorBase): void {
    if (tensor.owner !== this) return;
    if (this.#outer === null) {
      giveToCollector(tensor);
    } else {
      tensor.owner = this.#outer;
      this.#outer.owned.push(tensor);
    }
  }

  /** Ends the scope. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (currentScope() !== this) {
      throw new TorchError('ARGUMENT', 'a scope ended while another one, opened later, was still open; scopes must nest');
    }
    setCurrentScope(this.#outer);
    releaseTensors(this.owned.filter((tensor) => tensor.owner === this), disposedByScope);
  }

  [Symbol.dispose](): void {
    this.end();
  }
}

/** Opens a scope that ends with the block: `using scope = torch.scope()`. */
export function scope(): Scope {
  return new Scope();
}

/**
 * Runs `body` and releases every tensor made in it, but for those in its result (a tensor, or arrays,
 * plain objects, Maps and Sets of tensors) and those given to `keep`. Throws when `body` is asynchronous:
 * the scope would end before the work does.
 */
export function tidy<T>(body: () => T): T {
  const region = new Scope();
  try {
    const result = body();
    requireSynchronous(result, 'tidy()');
    region.keep(result);
    return result;
  } finally {
    region.end();
  }
}

/** Lets a tensor outlive all scopes; the garbage collector, or `dispose()`, releases it. */
export function keep<T>(value: T): T {
  forEachTensor(value, (tensor) => {
    if (tensor.owner !== null && tensor.handle > 0) giveToCollector(tensor);
  });
  return value;
}

/** Throws when a function that must finish before the region around it ends gave back a promise. */
export function requireSynchronous(result: unknown, where: string): void {
  if (result instanceof Promise) {
    result.catch(() => {}); // its own failure must not end the process before this error is seen
    throw new TorchError('ARGUMENT', `${where} takes a synchronous function, and this one returned a promise; call ${where} around the synchronous parts`);
  }
}

function forEachTensor(value: unknown, visit: (tensor: TensorBase) => void, depth = 0): void {
  if (value === null || typeof value !== 'object' || depth > 8) return;
  if (value instanceof TensorBase) return visit(value);
  if (Array.isArray(value) || value instanceof Set) {
    for (const item of value) forEachTensor(item, visit, depth + 1);
  } else if (value instanceof Map) {
    for (const item of value.values()) forEachTensor(item, visit, depth + 1);
  } else if (isPlainObject(value)) {
    for (const item of Object.values(value)) forEachTensor(item, visit, depth + 1);
  }
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (value === null || typeof value !== 'object') return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
