/**
 * How sharp the minimum is that a network was trained into: flat teachers are what the DeiT-LT paper asks SAM for. Two
 * measures: by how much the loss rises at SAM's worst point nearby (Foret et al., ICLR 2021, arXiv 2010.01412), and the
 * Hessian's largest eigenvalue by power iteration (Yao et al., "PyHessian", 2020, arXiv 1912.07145).
 */
import * as torch from '@deit-lt/torch';
import type { RandomStream } from '../random/stream.js';

export interface SharpnessOptions {
  /** SAM's radius, in units of the weights. Default 0.05, SAM's own. */
  rho?: number;
  /** Steps of the power iteration. Default 20. */
  iterations?: number;
  /** Draws the direction in which the iteration begins. */
  random: RandomStream;
}

export interface Sharpness {
  readonly loss: number;
  readonly rho: number;
  /** `L(w + ρ·g/‖g‖) − L(w)`. */
  readonly samGap: number;
  /** Of the Hessian of the loss: `vᵀHv` after the last step of the iteration. */
  readonly largestEigenvalue: number;
}

/**
 * Of `loss`, a scalar of the `parameters`, which are put back exactly. It needs second derivatives: no operator of the
 * network may lack them. Gradients that the parameters have stay.
 */
export function sharpnessOf(
  loss: () => torch.Tensor,
  parameters: readonly torch.Tensor[],
  { rho = 0.05, iterations = 20, random }: SharpnessOptions,
): Sharpness {
  const required = parameters.map((parameter) => parameter.requiresGrad);
  for (const parameter of parameters) parameter.requiresGrad_(true);
  try {
    return torch.tidy(() => {
      const { value, gap } = samGap(loss, parameters, rho);
      return { loss: value, rho, samGap: gap, largestEigenvalue: eigenvalue(loss, parameters, iterations, random) };
    });
  } finally {
    parameters.forEach((parameter, i) => {
      parameter.requiresGrad_(required[i]!);
    });
  }
}

function samGap(
  loss: () => torch.Tensor,
  parameters: readonly torch.Tensor[],
  rho: number,
): { value: number; gap: number } {
  const here = loss();
  const gradients = unit(torch.autograd.grad(here, parameters));
  const copies = parameters.map((parameter) => parameter.detach().clone());
  const there = torch.noGrad(() => {
    parameters.forEach((parameter, i) => {
      parameter.add_(gradients[i]!, { alpha: rho });
    });
    try {
      return loss().toNumber();
    } finally {
      parameters.forEach((parameter, i) => {
        parameter.copy_(copies[i]!);
      });
    }
  });
  return { value: here.toNumber(), gap: there - here.toNumber() };
}

/** `v ← Hv / ‖Hv‖`, with `Hv` as the gradient of `g·v`. */
function eigenvalue(
  loss: () => torch.Tensor,
  parameters: readonly torch.Tensor[],
  iterations: number,
  random: RandomStream,
): number {
  const gradients = torch.autograd.grad(loss(), parameters, { createGraph: true });
  let direction = unit(parameters.map((parameter) => normalLike(parameter, random)));
  let value = 0;
  for (let step = 0; step < iterations; step++) {
    const product = torch.autograd.grad(dot(gradients, direction), parameters, { retainGraph: true });
    value = torch.noGrad(() => dot(product, direction).toNumber());
    direction = torch.noGrad(() => unit(product));
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
