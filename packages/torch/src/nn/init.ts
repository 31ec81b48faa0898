/**
 * Initialisers: PyTorch's `torch.nn.init`, drawing the same numbers in the same order. Each changes its
 * tensor in place without recording it for gradients, and returns it.
 */
import { noGrad } from '../autograd/modes.js';
import { TorchError } from '../errors.js';
import { ops } from '../ops.js';
import { checkNames } from '../options.js';
import type { Generator } from '../random.js';
import { tensor as makeTensor } from '../tensor/create.js';
import { describeTensor } from '../tensor/describe.js';
import { tidy } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';

const { aten } = ops;

export interface RandomInitOptions {
  /** Default: the device's own. */
  generator?: Generator;
}

/** The function that follows a layer, for the gain that keeps its signal's size. */
export type Nonlinearity = 'linear' | 'conv2d' | 'sigmoid' | 'tanh' | 'relu' | 'leaky_relu' | 'selu';
/** The pass in which the variance is preserved: the forward pass (`fan_in`) or the backward. */
export type FanMode = 'fan_in' | 'fan_out';

let skipping = false;

/**
 * Returns the result of `make`, in which initialisers do nothing and draw nothing. For modules that load their state
 * right after, by `loadStateDict()`: until then their parameters are uninitialised. The counterpart of
 * `torch.nn.utils.skip_init` in PyTorch.
 */
export function skipInit<T>(make: () => T): T {
  const outer = skipping;
  skipping = true;
  try {
    return make();
  } finally {
    skipping = outer;
  }
}

function inPlace(tensor: Tensor, change: () => void): Tensor {
  if (!skipping) tidy(() => noGrad(change));
  return tensor;
}

/** Uniform in [a, b): by default [0, 1). */
export function uniform_(tensor: Tensor, options: RandomInitOptions & { a?: number; b?: number } = {}): Tensor {
  const { a = 0, b = 1, generator } = checkNames('uniform_()', options, ['a', 'b', 'generator']);
  return inPlace(tensor, () => tensor.uniform_(a, b, { generator }));
}

/** Normal; by default mean 0, standard deviation 1. */
export function normal_(tensor: Tensor, options: RandomInitOptions & { mean?: number; std?: number } = {}): Tensor {
  const { mean = 0, std = 1, generator } = checkNames('normal_()', options, ['mean', 'std', 'generator']);
  return inPlace(tensor, () => tensor.normal_(mean, std, { generator }));
}

/** All elements `value`. */
export function constant_(tensor: Tensor, value: number): Tensor {
  return inPlace(tensor, () => tensor.fill_(value));
}

/** All elements 0. */
export function zeros_(tensor: Tensor): Tensor {
  return constant_(tensor, 0);
}

/** All elements 1. */
export function ones_(tensor: Tensor): Tensor {
  return constant_(tensor, 1);
}

/** The identity matrix. Throws `TorchError` unless the tensor has two dimensions. */
export function eye_(tensor: Tensor): Tensor {
  if (tensor.ndim !== 2)
    throw new TorchError(
      'ARGUMENT',
      `eye_: Only tensors with 2 dimensions are supported, got ${describeTensor(tensor)}`,
    );
  return inPlace(tensor, () => {
    tensor.zero_();
    tensor.diagonal().fill_(1);
  });
}

/**
 * A normal distribution with `mean` (0) and `std` (1), cut off outside [a, b] (−2 and 2, in absolute units, not in
 * standard deviations), as timm and PyTorch before 2.14 draw it: `uniform → erfinv → scale → clamp`. PyTorch 2.14 draws
 * other numbers of the same distribution, by rejection.
 */
export function truncNormal_(
  tensor: Tensor,
  options: RandomInitOptions & { mean?: number; std?: number; a?: number; b?: number } = {},
): Tensor {
  const names = ['mean', 'std', 'a', 'b', 'generator'] as const;
  const { mean = 0, std = 1, a = -2, b = 2, generator } = checkNames('truncNormal_()', options, names);
  const [low, high] = [normalCdf((a - mean) / std), normalCdf((b - mean) / std)];
  return inPlace(tensor, () => {
    tensor.uniform_(2 * low - 1, 2 * high - 1, { generator });
    tensor.erfinv_();
    tensor.mul_(std * Math.sqrt(2));
    tensor.add_(mean);
    tensor.clamp_(a, b);
  });
}

/** JavaScript has no error function. */
function normalCdf(x: number): number {
  return tidy(
    () =>
      (1 +
        makeTensor(x / Math.sqrt(2), { dtype: 'float64' })
          .erf()
          .toNumber()) /
      2,
  );
}

/**
 * The size of the input and of the output that one element of a weight sees. Throws `TorchError` below two dimensions.
 */
export function calculateFanInAndFanOut(tensor: Tensor): { fanIn: number; fanOut: number } {
  const [cOut, cIn, ...kernel] = tensor.shape;
  if (cOut === undefined || cIn === undefined) {
    throw new TorchError(
      'ARGUMENT',
      `Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, got ${describeTensor(tensor)}`,
    );
  }
  const receptive = kernel.reduce((product, size) => product * size, 1);
  return { fanIn: cIn * receptive, fanOut: cOut * receptive };
}

/**
 * The recommended gain for a nonlinearity; `param` is leaky_relu's negative slope (0.01). Throws `TorchError` for an
 * unknown one.
 */
export function calculateGain(nonlinearity: Nonlinearity, param = 0.01): number {
  switch (nonlinearity) {
    case 'linear':
    case 'conv2d':
    case 'sigmoid':
      return 1;
    case 'tanh':
      return 5 / 3;
    case 'relu':
      return Math.sqrt(2);
    case 'leaky_relu':
      return Math.sqrt(2 / (1 + param * param));
    case 'selu':
      return 3 / 4;
    default:
      throw new TorchError('ARGUMENT', `Unsupported nonlinearity ${String(nonlinearity)}`);
  }
}

interface XavierOptions extends RandomInitOptions {
  /** Default 1. */
  gain?: number;
}

function xavierStd(tensor: Tensor, gain: number): number {
  const { fanIn, fanOut } = calculateFanInAndFanOut(tensor);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
}

/** `U(−a, a)` with `a = gain · √(6 / (fanIn + fanOut))` (Glorot and Bengio, 2010). */
export function xavierUniform_(tensor: Tensor, options: XavierOptions = {}): Tensor {
  const { gain = 1, generator } = checkNames('xavierUniform_()', options, ['gain', 'generator']);
  const bound = Math.sqrt(3) * xavierStd(tensor, gain);
  return uniform_(tensor, { a: -bound, b: bound, generator });
}

/** `N(0, std²)` with `std = gain · √(2 / (fanIn + fanOut))` (Glorot and Bengio, 2010). */
export function xavierNormal_(tensor: Tensor, options: XavierOptions = {}): Tensor {
  const { gain = 1, generator } = checkNames('xavierNormal_()', options, ['gain', 'generator']);
  return normal_(tensor, { std: xavierStd(tensor, gain), generator });
}

export interface KaimingOptions extends RandomInitOptions {
  /** leaky_relu's negative slope. Default 0. */
  a?: number;
  /** Default 'fan_in'. */
  mode?: FanMode;
  /** Default 'leaky_relu'. */
  nonlinearity?: Nonlinearity;
}

function kaimingStd(tensor: Tensor, options: KaimingOptions): number {
  const names = ['a', 'mode', 'nonlinearity', 'generator'] as const;
  const { a = 0, mode = 'fan_in', nonlinearity = 'leaky_relu' } = checkNames('kaiming initialiser', options, names);
  if (mode !== 'fan_in' && mode !== 'fan_out')
    throw new TorchError('ARGUMENT', `Mode ${String(mode)} not supported, please use one of fan_in, fan_out`);
  const { fanIn, fanOut } = calculateFanInAndFanOut(tensor);
  return calculateGain(nonlinearity, a) / Math.sqrt(mode === 'fan_in' ? fanIn : fanOut);
}

/** `U(−b, b)` with `b = gain · √(3 / fan)` (He et al., 2015). */
export function kaimingUniform_(tensor: Tensor, options: KaimingOptions = {}): Tensor {
  if (tensor.numel() === 0) return tensor;
  const bound = Math.sqrt(3) * kaimingStd(tensor, options);
  return uniform_(tensor, { a: -bound, b: bound, generator: options.generator });
}

/** `N(0, std²)` with `std = gain / √fan` (He et al., 2015). */
export function kaimingNormal_(tensor: Tensor, options: KaimingOptions = {}): Tensor {
  if (tensor.numel() === 0) return tensor;
  return normal_(tensor, { std: kaimingStd(tensor, options), generator: options.generator });
}

/** A (semi-)orthogonal matrix times `gain`; dimensions after the first are flattened (Saxe et al., 2013). */
export function orthogonal_(tensor: Tensor, options: XavierOptions = {}): Tensor {
  const { gain = 1, generator } = checkNames('orthogonal_()', options, ['gain', 'generator']);
  const [rows, ...rest] = tensor.shape;
  if (rows === undefined || rest.length === 0)
    throw new TorchError(
      'ARGUMENT',
      `orthogonal_: Only tensors with 2 or more dimensions are supported, got ${describeTensor(tensor)}`,
    );
  if (tensor.numel() === 0) return tensor;
  return inPlace(tensor, () => {
    const drawn = tensor.newEmpty([rows, tensor.numel() / rows]).normal_(0, 1, { generator });
    const wide = rows < drawn.size(1);
    const [q, r] = aten.linalg_qr.default(wide ? drawn.t() : drawn);
    q.mul_(r.diagonal().sign());
    tensor.copy_((wide ? q.t() : q).reshape(tensor.shape));
    tensor.mul_(gain);
  });
}
