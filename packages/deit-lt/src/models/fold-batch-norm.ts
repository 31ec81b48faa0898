/**
 * A CIFAR ResNet for inference alone, for the teacher, which looks at every batch of the student: each batch norm is
 * folded into the convolution before it (Jacob et al., 2018, section 3.2), and the arithmetic is bfloat16 where the
 * hardware has it.
 *
 * ResNet-32, 128 images of 32 pixels, one Zen 5 core: 95 ms against 112 of the module in bfloat16 autocast and 204 in
 * float32, all channels-last; nine tenths are convolutions at the speed of large matrix products. libtorch 1.13 has no
 * convolution with ReLU or sum that takes plain tensors. oneDNN's own tensors and layouts (`to_mkldnn`,
 * `mkldnn_reorder_conv2d_weight`) took 111 ms, smaller chunks of the batch the same or more.
 */
import * as torch from '@deit-lt/torch';
import { CosineLinear } from './cosine-linear.js';
import { type ResNetCifar, shortcut } from './resnet-cifar.js';

const F = torch.nn.functional;

export interface FastInferenceOptions {
  /** What convolutions are computed in. Default: `torch.bestPrecision` of the network's device. */
  dtype?: torch.DType;
}

/** Normalised images `[B, inChans, H, W]` → logits `[B, numClasses]`, float32, without gradients. */
export interface FastInference extends Disposable {
  (images: torch.Tensor): torch.Tensor;
  /** Releases the folded weights; the network that they came from stays. */
  dispose(): void;
}

/** A convolution with a batch norm in it: bias `[cOut]`. */
interface FoldedConv {
  readonly weight: torch.Tensor;
  readonly bias: torch.Tensor;
  readonly stride: number;
}

interface FoldedBlock {
  readonly first: FoldedConv;
  readonly second: FoldedConv;
  readonly stride: number;
  readonly added: number;
}

interface FoldedNet {
  readonly stem: FoldedConv;
  readonly blocks: readonly FoldedBlock[];
  /** `[widths[2], numClasses]`, float32; of length 1 by column for a cosine classifier. */
  readonly classifier: torch.Tensor;
  /** Null for a cosine classifier. */
  readonly classifierBias: torch.Tensor | null;
}

/**
 * A function that gives the logits of `network.eval()`, to within the rounding of `dtype`. It has a copy of the
 * weights and statistics as they are now, on the network's device.
 */
export function fastInference(network: ResNetCifar, { dtype }: FastInferenceOptions = {}): FastInference {
  const device = network.conv1.weight.isCuda ? 'cuda' : 'cpu';
  const precision = dtype ?? torch.bestPrecision(device);
  const net = torch.keep(torch.tidy(() => torch.noGrad(() => folded(network, precision))));
  const plain = <T>(body: () => T): T => torch.noGrad(() => torch.autocast(device, { enabled: false }, body));
  const infer = (images: torch.Tensor): torch.Tensor => torch.tidy(() => plain(() => logitsOf(net, images, precision)));
  const dispose = (): void => {
    for (const tensor of tensorsOf(net)) tensor.dispose();
  };
  return Object.assign(infer, { dispose, [Symbol.dispose]: dispose });
}

function folded(network: ResNetCifar, dtype: torch.DType): FoldedNet {
  const { linear } = network;
  const cosine = linear instanceof CosineLinear;
  return {
    stem: fold(network.conv1, network.bn1, dtype),
    blocks: network.blocks().map(({ conv1, bn1, conv2, bn2, stride, added }) => ({
      first: fold(conv1, bn1, dtype),
      second: fold(conv2, bn2, dtype),
      stride,
      added,
    })),
    classifier: cosine ? linear.normalizedWeight() : linear.weight.detach().t().clone(),
    classifierBias: cosine ? null : (linear.bias?.detach().clone() ?? null),
  };
}

/** `W · γ/√(var + eps)` and `β − mean · γ/√(var + eps)`, computed in float32 and rounded once. */
function fold(conv: torch.nn.Conv2d, norm: torch.nn.BatchNorm2d, dtype: torch.DType): FoldedConv {
  const { weight: gamma, bias: beta, runningMean, runningVar, eps } = norm;
  if (gamma === null || beta === null || runningMean === null || runningVar === null)
    throw new Error('internal: only batch norms with weights and running statistics can be folded');
  const scale = gamma.div(runningVar.add(eps).sqrt());
  const weight = conv.weight.mul(scale.view(-1, 1, 1, 1)).to({ dtype, memoryFormat: 'channels_last' });
  return { weight, bias: beta.sub(runningMean.mul(scale)).to(dtype), stride: conv.stride[0] };
}

function logitsOf(net: FoldedNet, images: torch.Tensor, dtype: torch.DType): torch.Tensor {
  let xs = convolve(images.to({ dtype, memoryFormat: 'channels_last' }), net.stem).relu_();
  for (const { first, second, stride, added } of net.blocks) {
    const inner = convolve(xs, first).relu_();
    const next = convolve(inner, second)
      .add_(shortcut(xs, stride, added))
      .relu_();
    inner.dispose();
    xs.dispose();
    xs = next;
  }
  const pooled = xs.mean([2, 3], { dtype: 'float32' }); // [B, widths[2]]
  if (net.classifierBias !== null) return pooled.matmul(net.classifier).add(net.classifierBias);
  return F.normalize(pooled, { dim: 1 }).matmul(net.classifier);
}

function convolve(xs: torch.Tensor, { weight, bias, stride }: FoldedConv): torch.Tensor {
  return F.conv2d(xs, weight, bias, { stride, padding: 1 });
}

function tensorsOf({ stem, blocks, classifier, classifierBias }: FoldedNet): torch.Tensor[] {
  const convolutions = [stem, ...blocks.flatMap(({ first, second }) => [first, second])];
  const rest = classifierBias === null ? [classifier] : [classifier, classifierBias];
  return [...convolutions.flatMap(({ weight, bias }) => [weight, bias]), ...rest];
}
