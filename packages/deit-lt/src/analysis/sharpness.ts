/**
 * Sharpness of the minimum of a trained network; the DeiT-LT paper uses SAM to get flat teachers. Two measures: the
 * increase of the loss at SAM's perturbation (Foret et al., ICLR 2021, arXiv 2010.01412), and the Hessian's largest
 * eigenvalue by power iteration (Yao et al., "PyHessian", 2020, arXiv 1912.07145).
 */
import * as torch from '@deit-lt/torch';
import type { RandomStream } from '../random/stream.js';

export interface SharpnessOptions {
  /** SAM's radius, in units of the weights. Default 0.05, SAM's own. */
  rho?: number;
  /** Steps of the power iteration. Default 10: the largest eigenvalue stands out in trained networks. */
  iterations?: number;
  /** Length of the step of the central difference, in units of the weights. Default 0.01. */
  step?: number;
  /** Draws the direction in which the iteration begins. */
  random: RandomStream;
}

export interface Sharpness {
  readonly loss: number;
  readonly rho: number;
  /** `L(w + ρ·g/‖g‖) − L(w)`. */
  readonly samGap: number;
  /** Largest eigenvalue of the Hessian of the loss: `vᵀHv` at the last step of the iteration. */
  readonly largestEigenvalue: number;
}

/**
 * Returns the sharpness of `loss`, a scalar of the `parameters`, which are restored exactly. `Hv` is `(∇L(w + εv) −
 * ∇L(w − εv)) / 2ε`: second derivatives of convolutions are a hundred times as slow on the CPU, and some operators have
 * none. Gradients that the parameters have stay.
 */
export function sharpnessOf(
  loss: () => torch.Tensor,
  parameters: readonly torch.Tensor[],
  { rho = 0.05, iterations = 10, step = 0.01, random }: SharpnessOptions,
): Sharpness {
  const required = parameters.map((parameter) => parameter.requiresGrad);
  for (const parameter of parameters) parameter.requiresGrad_(true);
  try {
    return torch.tidy(() => {
      const point = { loss, parameters, copies: parameters.map((parameter) => parameter.detach().clone()) };
      const here = loss();
      const uphill = unit(torch.autograd.grad(here, parameters));
      const there = moved(point, uphill, rho, () => torch.noGrad(() => loss().toNumber()));
      const value = here.toNumber();
      return {
        loss: value,
        rho,
        samGap: there - value,
        largestEigenvalue: eigenvalue(point, iterations, step, random),
      };
    });
  } finally {
    parameters.forEach((parameter, i) => {
      parameter.requiresGrad_(required[i]!);
    });
  }
}

/** A loss, and where its parameters are. */
interface Point {
  readonly loss: () => torch.Tensor;
  readonly parameters: readonly torch.Tensor[];
  readonly copies: readonly torch.Tensor[];
}

/** Returns `fn()` at the weights `w + length · direction`. */
function moved<T>({ parameters, copies }: Point, direction: readonly torch.Tensor[], length: number, fn: () => T): T {
  try {
    torch.noGrad(() => {
      parameters.forEach((parameter, i) => {
        parameter.add_(direction[i]!, { alpha: length });
      });
    });
    return fn();
  } finally {
    torch.noGrad(() => {
      parameters.forEach((parameter, i) => {
        parameter.copy_(copies[i]!);
      });
    });
  }
}

/** `v ← Hv / ‖Hv‖`, from a random v. */
function eigenvalue(point: Point, iterations: number, step: number, random: RandomStream): number {
  const gradientAt = (direction: readonly torch.Tensor[], length: number): torch.Tensor[] =>
    moved(point, direction, length, () => torch.autograd.grad(point.loss(), point.parameters));
  let direction = unit(point.parameters.map((parameter) => normalLike(parameter, random)));
  let value = 0;
  for (let i = 0; i < iterations; i++) {
    const [before, after] = [gradientAt(direction, -step), gradientAt(direction, step)];
    const product = after.map((gradient, j) => gradient.sub(before[j]!).div(2 * step));
    value = dot(product, direction).toNumber();
    direction = unit(product);
  }
  return value;
}

function normalLike(parameter: torch.Tensor, random: RandomStream): torch.Tensor {
  const values = Float32Array.from({ length: parameter.numel() }, () => random.normal());
  return torch.tensor(values).view(parameter.shape).to(parameter.device).to(parameter.dtype);
}

function dot(xs: readonly torch.Tensor[], ys: readonly torch.Tensor[]): torch.Tensor {
  return xs.map((x, i) => x.mul(ys[i]!).sum()).reduce((a, b) => a.add(b));
}

/** All together of length 1; as they are when that is 0. */
function unit(tensors: readonly torch.Tensor[]): torch.Tensor[] {
  const norm = Math.sqrt(dot(tensors, tensors).toNumber());
  return tensors.map((tensor) => (norm === 0 ? tensor : tensor.div(norm)));
}
