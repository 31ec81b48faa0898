/** A tensor that a module learns: a leaf that requires a gradient and outlives every scope. */
import { inspectCustom } from '../inspect-custom.js';
import { checkNames } from '../options.js';
import { disposedByCall, giveToCollector } from '../tensor/base.js';
import { Scope } from '../tensor/scope.js';
import { Tensor } from '../tensor/tensor.js';

export interface ParameterOptions {
  /** Default true. */
  requiresGrad?: boolean;
}

/**
 * `new Parameter(data)`: a tensor over `data`'s memory, detached from how `data` was computed. A module
 * that has one as a property counts it among its parameters; operators take it as any tensor. No scope
 * releases it; the garbage collector, `Module.dispose()` or its own `dispose()` does.
 * Throws `TorchError` for integer data unless `requiresGrad` is false.
 */
export class Parameter extends Tensor {
  constructor(data: Tensor, options: ParameterOptions = {}) {
    const { requiresGrad = true } = checkNames('Parameter', options, ['requiresGrad']);
    super(takeDetached(data), 'nn.Parameter', null);
    giveToCollector(this);
    if (requiresGrad) this.requiresGrad_();
  }

  override toString(): string {
    return `Parameter containing:\n${super.toString()}`;
  }

  override [inspectCustom](): object {
    const text = this.isAlive ? this.toString() : 'Parameter (released)';
    return { [inspectCustom]: () => text };
  }
}

/** The handle of a detached alias; the object it came in gives it up. */
function takeDetached(data: Tensor): number {
  const region = new Scope();
  try {
    const alias = data.detach();
    const { handle } = alias;
    alias.handle = disposedByCall;
    return handle;
  } finally {
    region.end();
  }
}
