/**
 * A tensor for the bridge: a handle, its origin, and the scope that will release it.
 * The class that users see, `Tensor`, builds on this one and registers itself here.
 */
import { native } from '../binding/addon.js';
import { claimWords, f64, wordCount } from '../binding/words.js';
import { ownTensor, TorchError } from '../errors.js';

/** `handle` of a tensor that is gone, by how it went. */
export const disposedByCall = -1;
export const disposedByScope = -2;

/** The tensors that one `tidy` or `scope` will release. */
export interface TensorOwner {
  readonly owned: TensorBase[];
  /** The scope around it. */
  readonly outer: TensorOwner | null;
}

export class TensorBase {
  /** Slot on the native side, or a negative number after release. */
  handle: number;
  /** The operator or function that made it, for messages. */
  readonly origin: string;
  /** The scope that releases it; null when the garbage collector does. */
  owner: TensorOwner | null;

  get [ownTensor](): boolean {
    return true;
  }

  constructor(handle: number, origin: string, owner: TensorOwner | null) {
    this.handle = handle;
    this.origin = origin;
    this.owner = owner;
  }
}

let tensorClass: new (handle: number, origin: string, owner: TensorOwner | null) => TensorBase;
let openScope: TensorOwner | null = null;
let tracing = false;

export function registerTensorClass(known: typeof tensorClass): void {
  tensorClass = known;
}

export function currentScope(): TensorOwner | null {
  return openScope;
}

export function setCurrentScope(scope: TensorOwner | null): void {
  openScope = scope;
}

/**
 * Records the stack of every new tensor, so that the error for a disposed one shows the line that made
 * it. Costs some microseconds per tensor; for debugging.
 */
export function traceOrigins(enabled: boolean): void {
  tracing = enabled;
}

/** Makes the `Tensor` for a fresh handle; the open scope owns it, or else the garbage collector. */
export function wrapTensor(handle: number, origin: string): TensorBase {
  const scope = openScope;
  const tensor = new tensorClass(handle, tracing ? traced(origin) : origin, scope);
  if (scope === null) native().watchTensor(tensor, handle);
  else scope.owned.push(tensor);
  return tensor;
}

function traced(origin: string): string {
  const frames = (new Error().stack ?? '').split('\n').slice(1);
  const user = frames.find((frame) => !/[\\/]torch[\\/](dist[\\/])?src[\\/]|node:internal/.test(frame));
  return `${origin}${user ? ` ${user.trim()}` : ''}`;
}

/** The native handle. Throws `TorchError` (`DISPOSED`) that names the tensor's origin when it is gone. */
export function handleOf(tensor: TensorBase): number {
  if (tensor.handle > 0) return tensor.handle;
  throw disposedError(tensor);
}

export function disposedError(tensor: TensorBase): TorchError {
  const how =
    tensor.handle === disposedByScope
      ? 'was released at the end of its scope; return it from tidy(), or keep() it'
      : 'was released by dispose()';
  return new TorchError('DISPOSED', `this tensor, made by ${tensor.origin}, ${how}`);
}

/** Gives a tensor to the garbage collector. */
export function giveToCollector(tensor: TensorBase): void {
  tensor.owner = null;
  native().watchTensor(tensor, tensor.handle);
}

/** Releases those of a scope's tensors that are still alive. */
export function releaseTensors(tensors: readonly TensorBase[]): void {
  let n = 0;
  claimWords();
  for (const tensor of tensors) {
    if (tensor.handle <= 0) continue;
    f64[++n] = tensor.handle;
    tensor.handle = disposedByScope;
    tensor.owner = null;
    if (n === wordCount - 1) n = flush(n);
  }
  if (n > 0) flush(n);
}

/** Releases one tensor now: what `dispose()` does, without the list. */
export function releaseTensor(tensor: TensorBase): void {
  if (tensor.handle <= 0) return;
  claimWords();
  f64[0] = 1;
  f64[1] = tensor.handle;
  tensor.handle = disposedByCall;
  if (tensor.owner !== null) forgetDead(tensor.owner.owned);
  tensor.owner = null;
  native().releaseTensors();
}

/** A loop in one scope that disposes of what it makes must not leave a list of it. */
function forgetDead(owned: TensorBase[]): void {
  while (owned.length > 0 && (owned[owned.length - 1] as TensorBase).handle <= 0) owned.pop();
}

function flush(n: number): number {
  f64[0] = n;
  native().releaseTensors();
  return 0;
}
