/** The groups of parameters and options that optimizers keep. */
import type { Tensor } from '../tensor/tensor.js';

/** A group of an optimizer. Its options may be changed between steps: `group.lr = schedule(epoch)`. */
export type ParameterGroup<O extends object> = Required<O> & { readonly params: readonly Tensor[]; name?: string };

/** The state of an optimizer for one parameter, under PyTorch's names (`exp_avg`, …). `step` counts its updates. */
export type ParameterState = { step?: number } & { [name: string]: Tensor | number | undefined };
