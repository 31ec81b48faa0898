/** Limits on gradients, as `torch.nn.utils.clip_grad_norm_` and `clip_grad_value_`. */
import { noGrad } from '../autograd/modes.js';
import { describeValue, TorchError } from '../errors.js';
import { stack } from '../functions.generated.js';
import { checkNames, checkOption } from '../options.js';
import { tensor } from '../tensor/create.js';
import { tidy } from '../tensor/scope.js';
import { Tensor } from '../tensor/tensor.js';
import { type Batch, batchesOf } from './batches.js';
import { foreachKernels, hasForeach, type Kernels, SingleKernels } from './kernels.js';
import type { ParameterList } from './optimizer.js';
import { nonNegative } from './options.js';

export interface NormOptions {
  /** Order of the norm; Infinity for the largest absolute value. Default 2. */
  normType?: number;
}

export interface ClipNormOptions extends NormOptions {
  /** Throws when the norm is infinite or NaN, instead of spoiling all gradients with it. Waits for the device. Default false. */
  errorIfNonfinite?: boolean;
}

/** The norm of all gradients as if they were one vector, a tensor without dimensions; 0 when there are none. */
export function totalGradNorm(parameters: ParameterList, options: NormOptions = {}): Tensor {
  const { normType = 2 } = checkNames('totalGradNorm()', options, ['normType']);
  checkNormType(normType, 'totalGradNorm()');
  return tidy(() => noGrad(() => totalNorm(gradientsOf(parameters, 'totalGradNorm()'), normType)));
}

/**
 * Scales all gradients in place by `min(1, maxNorm / (norm + 1e-6))`, so that their norm together is at most `maxNorm`.
 * Gives the norm before, a tensor without dimensions (0 when there are no gradients).
 * Throws `TorchError` for an unfit `maxNorm` or `normType`, and for a norm that is not finite with `errorIfNonfinite`; then nothing has changed.
 */
export function clipGradNorm_(parameters: ParameterList, maxNorm: number, options: ClipNormOptions = {}): Tensor {
  const where = 'clipGradNorm_()';
  const { normType = 2, errorIfNonfinite = false } = checkNames(where, options, ['normType', 'errorIfNonfinite']);
  checkOption(where, 'maxNorm', maxNorm, nonNegative);
  checkNormType(normType, where);
  return tidy(() =>
    noGrad(() => {
      const grads = gradientsOf(parameters, where);
      const norm = totalNorm(grads, normType);
      if (errorIfNonfinite && !Number.isFinite(norm.toNumber())) {
        throw new TorchError(
          'ARGUMENT',
          `${where}: the norm of the gradients is ${norm.toNumber()}; they were not clipped`,
        );
      }
      limitNorm_(grads, norm, maxNorm, 1e-6);
      return norm;
    }),
  );
}

/** Limits every element of the gradients to [−clipValue, clipValue], in place. Throws `TorchError` for an unfit `clipValue`. */
export function clipGradValue_(parameters: ParameterList, clipValue: number): void {
  checkOption('clipGradValue_()', 'clipValue', clipValue, nonNegative);
  tidy(() =>
    noGrad(() => {
      for (const grad of gradientsOf(parameters, 'clipGradValue_()')) grad.clamp_(-clipValue, clipValue);
    }),
  );
}

/** The norm of tensors as if they were one vector, on the device of the first. For use inside `tidy` and `noGrad`. */
export function totalNorm(tensors: readonly Tensor[], ord: number): Tensor {
  const [first] = tensors;
  if (first === undefined) return tensor(0);
  const norms = gradientBatches(tensors).flatMap(({ device, grads }) => kernelsFor(device).norms(grads, ord));
  const [total] = new SingleKernels().norms([stack(norms.map((norm) => norm.to(first.device)))], ord);
  return total as Tensor;
}

/**
 * Multiplies tensors by `min(1, maxNorm / (norm + eps))`. On the CPU, where reading the factor costs nothing, a
 * factor of 1 is not multiplied with; a device is not waited for. For use inside `tidy` and `noGrad`.
 */
export function limitNorm_(tensors: readonly Tensor[], norm: Tensor, maxNorm: number, eps: number): void {
  const factor = norm.add(eps).reciprocal().mul(maxNorm).clamp({ max: 1 });
  for (const { device, grads } of gradientBatches(tensors)) {
    const here = factor.to(device);
    if (device === 'cpu' && here.toNumber() === 1) continue;
    kernelsFor(device).scaleBy_(grads, here);
  }
}

/** Tensors by device and dtype. */
export const gradientBatches = (tensors: readonly Tensor[]): Batch<null>[] =>
  batchesOf(tensors.map((grad) => ({ param: grad, grad, state: null })));
/** The kernels that are the fastest on a device. */
export const kernelsFor = (device: string): Kernels =>
  device !== 'cpu' && hasForeach() ? foreachKernels : new SingleKernels();

function gradientsOf(parameters: ParameterList, where: string): Tensor[] {
  const grads: Tensor[] = [];
  for (const parameter of parameters instanceof Tensor ? [parameters] : parameters) {
    if (!(parameter instanceof Tensor))
      throw new TorchError('ARGUMENT', `${where}: expected parameters, got ${describeValue(parameter)}`);
    const { grad } = parameter;
    if (grad !== null) grads.push(grad);
  }
  return grads;
}

function checkNormType(normType: number, where: string): void {
  checkOption(where, 'normType', normType, {
    expected: 'a number above 0, or Infinity',
    accepts: (value) => typeof value === 'number' && value > 0,
  });
}
