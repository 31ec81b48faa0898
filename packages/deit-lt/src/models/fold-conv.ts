/** Batch norm folded into the convolution before it (Jacob et al., 2018, section 3.2), only for inference. */
import * as torch from '@deit-lt/torch';
import type { NormalizedConv } from './conv-norm.js';
import type { SqueezeExcite } from './regnet-block.js';

const F = torch.nn.functional;

/** A convolution with a batch norm in it: weight `[cOut, cIn / groups, k, k]`, bias `[cOut]`. */
export interface FoldedConv {
  readonly weight: torch.Tensor;
  readonly bias: torch.Tensor;
  readonly stride: number;
  readonly padding: number;
  readonly groups: number;
}

/** `W · γ/√(var + eps)` and `β − mean · γ/√(var + eps)`, computed in float32 and rounded once. */
export function fold([conv, norm]: NormalizedConv, dtype: torch.DType): FoldedConv {
  const { weight: gamma, bias: beta, runningMean, runningVar, eps } = norm;
  if (gamma === null || beta === null || runningMean === null || runningVar === null)
    throw new Error('internal: only batch norms with weights and running statistics can be folded');
  const scale = gamma.div(runningVar.add(eps).sqrt());
  const weight = conv.weight.mul(scale.view(-1, 1, 1, 1)).to({ dtype, memoryFormat: 'channels_last' });
  return { weight, bias: beta.sub(runningMean.mul(scale)).to(dtype), ...shapeOf(conv) };
}

/** A convolution that has a bias and no norm, copied. */
export function copied(conv: torch.nn.Conv2d, dtype: torch.DType): FoldedConv {
  const weight = conv.weight.detach().clone().to({ dtype, memoryFormat: 'channels_last' });
  return { weight, bias: conv.bias!.detach().clone().to(dtype), ...shapeOf(conv) };
}

/** All convolutions of the networks here keep the size, but for the stride. */
function shapeOf(conv: torch.nn.Conv2d): Pick<FoldedConv, 'stride' | 'padding' | 'groups'> {
  return { stride: conv.stride[0], padding: (conv.kernelSize[0] - 1) / 2, groups: conv.groups };
}

export function convolve(xs: torch.Tensor, { weight, bias, stride, padding, groups }: FoldedConv): torch.Tensor {
  return F.conv2d(xs, weight, bias, { stride, padding, groups });
}

/** Squeeze-and-excitation with weights of another type. */
export interface FoldedGate {
  readonly fc1: FoldedConv;
  readonly fc2: FoldedConv;
}

export function copiedGate({ fc1, fc2 }: SqueezeExcite, dtype: torch.DType): FoldedGate {
  return { fc1: copied(fc1, dtype), fc2: copied(fc2, dtype) };
}

/** Applies squeeze-and-excitation to `xs` in place. */
export function excite(xs: torch.Tensor, { fc1, fc2 }: FoldedGate): torch.Tensor {
  const inner = convolve(xs.mean([2, 3], { keepdim: true }), fc1).relu_();
  return xs.mul_(convolve(inner, fc2).sigmoid_());
}
