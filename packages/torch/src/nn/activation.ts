/** Activations as modules. */
import { checkNames } from '../options.js';
import type { Tensor } from '../tensor/tensor.js';
import { type GeluOptions, gelu, relu, sigmoid, silu, softmax, tanh } from './functional/activation.js';
import { Module } from './module.js';
import { pythonFields } from './python-repr.js';

/** `max(x, 0)`. */
export class ReLU extends Module {
  forward(input: Tensor): Tensor {
    return relu(input);
  }
}

/** `x · Φ(x)`; with `approximate: 'tanh'` (default 'none') its approximation. */
export class GELU extends Module {
  readonly approximate: 'none' | 'tanh';

  constructor(options: GeluOptions = {}) {
    const { approximate = 'none' } = checkNames('GELU', options, ['approximate']);
    super();
    this.approximate = approximate;
  }

  forward(input: Tensor): Tensor {
    return gelu(input, { approximate: this.approximate });
  }

  override extraRepr(): string {
    return pythonFields({ approximate: this.approximate });
  }
}

/** `x · σ(x)`. */
export class SiLU extends Module {
  forward(input: Tensor): Tensor {
    return silu(input);
  }
}

/** `σ(x) = 1 / (1 + exp(−x))`. */
export class Sigmoid extends Module {
  forward(input: Tensor): Tensor {
    return sigmoid(input);
  }
}

/** `tanh(x)`. */
export class Tanh extends Module {
  forward(input: Tensor): Tensor {
    return tanh(input);
  }
}

/** `exp(xᵢ) / Σⱼ exp(xⱼ)` along `dim`. */
export class Softmax extends Module {
  constructor(readonly dim: number) {
    super();
  }

  forward(input: Tensor): Tensor {
    return softmax(input, this.dim);
  }

  override extraRepr(): string {
    return pythonFields({ dim: this.dim });
  }
}

/** Gives its input back. */
export class Identity extends Module {
  forward(input: Tensor): Tensor {
    return input;
  }
}
