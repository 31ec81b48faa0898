/** Scopes: every tensor made inside is released at the end, but for what is returned or kept. */
import { TorchError } from '../errors.js';
import {
  currentScope,
  giveToCollector,
  releaseTensors,
  setCurrentScope,
  TensorBase,
  type TensorOwner,
} from './base.js';

/**
 * A region of code that releases its tensors at the end: `using scope = torch.scope()`.
 * Scopes nest; an inner one must end before the outer one, so none may be open across an `await`.
 */
export class Scope implements TensorOwner, Disposable {
  readonly owned: TensorBase[] = [];
  readonly outer: TensorOwner | null;
  #ended = false;

  constructor() {
    this.outer = currentScope();
    setCurrentScope(this);
  }

  /** Lets the tensors in `value` (a tensor, or arrays, plain objects, Maps and Sets of them) outlive this scope. */
  keep<T>(value: T): T {
    forEachTensor(value, (tensor) => {
      if (isWithin(tensor.owner, this)) hand(tensor, this.outer);
    });
    return value;
  }

  /** Ends the scope, once. Throws `TorchError` when scopes that were opened later are still open; they end with it. */
  end(): void {
    if (this.#ended) return;
    const inner = this.close();
    if (inner > 0) {
      throw new TorchError(
        'ARGUMENT',
        `a scope ended while ${inner} opened later ${inner === 1 ? 'was' : 'were'} still open; scopes must nest, and may not be held across an await`,
      );
    }
  }

  /** Ends this scope and those opened later without complaint. Returns how many of the latter were still open. */
  close(): number {
    let inner = -1;
    for (let scope = currentScope(); isWithin(scope, this); scope = currentScope()) {
      (scope as Scope).#release();
      inner++;
    }
    return inner;
  }

  #release(): void {
    this.#ended = true;
    setCurrentScope(this.outer);
    releaseTensors(this.owned.filter((tensor) => tensor.owner === this));
  }

  [Symbol.dispose](): void {
    this.end();
  }
}

function isWithin(inner: TensorOwner | null, scope: TensorOwner): boolean {
  for (let owner = inner; owner !== null; owner = owner.outer) if (owner === scope) return true;
  return false;
}

function hand(tensor: TensorBase, owner: TensorOwner | null): void {
  if (owner === null) {
    giveToCollector(tensor);
  } else {
    tensor.owner = owner;
    owner.owned.push(tensor);
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
  let result: T;
  try {
    result = body();
    requireSynchronous(result, 'tidy()');
    region.keep(result);
  } catch (error) {
    region.close(); // scopes that the failure left open are its consequence
    throw error;
  }
  region.end();
  return result;
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
  if (!isAsynchronous(result)) return;
  if (result instanceof Promise) result.catch(() => {}); // its own failure must not end the process before this error is seen
  throw new TorchError(
    'ARGUMENT',
    `${where} takes a synchronous function, and this one returned a promise; call ${where} around the synchronous parts`,
  );
}

/** Promises of any realm or library, and async generators. Tensors, the usual result, are sorted out first. */
function isAsynchronous(result: unknown): boolean {
  if (result === null || typeof result !== 'object' || result instanceof TensorBase) return false;
  return (
    typeof (result as { then?: unknown }).then === 'function' ||
    Object.prototype.toString.call(result) === '[object AsyncGenerator]'
  );
}

/** Every container is visited once, so that one which contains itself ends. */
function forEachTensor(value: unknown, visit: (tensor: TensorBase) => void, seen: Set<object> | null = null): void {
  if (value === null || typeof value !== 'object') return;
  if (value instanceof TensorBase) {
    visit(value);
    return;
  }
  if (seen?.has(value)) return;
  const visited = (seen ?? new Set()).add(value);
  if (Array.isArray(value) || value instanceof Set) {
    for (const item of value) forEachTensor(item, visit, visited);
  } else if (value instanceof Map) {
    for (const item of value.values()) forEachTensor(item, visit, visited);
  } else if (isPlainObject(value)) {
    for (const item of Object.values(value)) forEachTensor(item, visit, visited);
  }
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (value === null || typeof value !== 'object') return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
