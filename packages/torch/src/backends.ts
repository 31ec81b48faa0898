/** Switches of the kernels that CUDA devices use, as `torch.backends` in PyTorch. They can be set where there is no card. */
import { type ContextFlag, native } from './binding/addon.js';
import { describeValue, TorchError } from './errors.js';

function setFlag(name: ContextFlag, on: unknown): void {
  if (typeof on !== 'boolean')
    throw new TorchError('ARGUMENT', `backends.${name}: expected true or false, got ${describeValue(on)}`);
  native().setContextFlag(name, on);
}

/**
 * `backends.cuda.matmul.allowTf32`: products of float32 matrices are rounded to TF32 (10 bits of fraction, several times as
 * fast; default false). `backends.cudnn.allowTf32`: the same for convolutions (default true).
 * `backends.cudnn.benchmark`: tries the algorithms of a convolution for each new shape and keeps the fastest (default
 * false). `backends.cudnn.deterministic`: only algorithms that give the same bits each time (default false). Setting
 * anything but a boolean throws `TorchError`.
 */
export const backends = {
  cuda: {
    matmul: {
      get allowTf32(): boolean {
        return native().contextFlag('cuda.matmul.allowTf32');
      },
      set allowTf32(on: boolean) {
        setFlag('cuda.matmul.allowTf32', on);
      },
    },
  },
  cudnn: {
    get allowTf32(): boolean {
      return native().contextFlag('cudnn.allowTf32');
    },
    set allowTf32(on: boolean) {
      setFlag('cudnn.allowTf32', on);
    },
    get benchmark(): boolean {
      return native().contextFlag('cudnn.benchmark');
    },
    set benchmark(on: boolean) {
      setFlag('cudnn.benchmark', on);
    },
    get deterministic(): boolean {
      return native().contextFlag('cudnn.deterministic');
    },
    set deterministic(on: boolean) {
      setFlag('cudnn.deterministic', on);
    },
  },
};
