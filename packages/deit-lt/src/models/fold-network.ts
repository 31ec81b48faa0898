/** The convolutional networks with their batch norms folded, all in one form: a stem, residual blocks, a classifier. */
import * as torch from '@deit-lt/torch';
import type { NormalizedConv } from './conv-norm.js';
import { CosineLinear } from './cosine-linear.js';
import { convolve, copiedGate, excite, type FoldedConv, type FoldedGate, fold } from './fold-conv.js';
import { RegNet } from './regnet.js';
import { ResNet } from './resnet.js';
import { ResNetCifar, shortcut } from './resnet-cifar.js';

const F = torch.nn.functional;

/** The networks that can be folded. */
export type FoldableNetwork = ResNetCifar | ResNet | RegNet;

/** Returns whether batch norm can be folded in a model: the ResNets, ResNeXts and RegNets, not the transformers. */
export function canFold(model: torch.nn.AnyModule): model is FoldableNetwork {
  return model instanceof ResNetCifar || model instanceof ResNet || model instanceof RegNet;
}

export interface FoldedBlock {
  /** Convolutions, with ReLU after each but the last. */
  readonly body: readonly FoldedConv[];
  /** After the second convolution of the body. */
  readonly gate: FoldedGate | null;
  /** Shortcut of the block's input, `[B, cIn, H, W]`: a convolution, or a stride and added channels without one. */
  readonly shortcut: FoldedConv | { readonly stride: number; readonly added: number };
}

export interface FoldedNetwork {
  readonly stem: FoldedConv;
  /** Whether there is a maximum of 3 × 3 pixels after the stem. */
  readonly pool: boolean;
  readonly blocks: readonly FoldedBlock[];
  /** `[numFeatures, numClasses]`, float32; of length 1 by column for a cosine classifier. */
  readonly classifier: torch.Tensor;
  /** Null for a cosine classifier. */
  readonly classifierBias: torch.Tensor | null;
}

const unchanged = { stride: 1, added: 0 };

/** A copy of the network's weights, folded and in `dtype`. */
export function foldNetwork(network: FoldableNetwork, dtype: torch.DType): FoldedNetwork {
  const { classifier } = network;
  const cosine = classifier instanceof CosineLinear;
  return {
    ...convolutionsOf(network, dtype),
    classifier: cosine ? classifier.normalizedWeight() : classifier.weight.detach().t().clone(),
    classifierBias: cosine ? null : (classifier.bias?.detach().clone() ?? null),
  };
}

function convolutionsOf(network: FoldableNetwork, dtype: torch.DType): Pick<FoldedNetwork, 'stem' | 'pool' | 'blocks'> {
  const all = (body: readonly NormalizedConv[]): FoldedConv[] => body.map((pair) => fold(pair, dtype));
  if (network instanceof RegNet) {
    const blocks = network.blocks().map(({ conv1, conv2, conv3, se, downsample }) => ({
      body: all([conv1.pair(), conv2.pair(), conv3.pair()]),
      gate: copiedGate(se, dtype),
      shortcut: downsample === null ? unchanged : fold(downsample.pair(), dtype),
    }));
    return { stem: fold(network.stem.pair(), dtype), pool: false, blocks };
  }
  const stem = fold([network.conv1, network.bn1], dtype);
  if (network instanceof ResNetCifar) {
    const blocks = network.blocks().map((block) => ({
      body: all(block.body()),
      gate: null,
      shortcut: { stride: block.stride, added: block.added },
    }));
    return { stem, pool: false, blocks };
  }
  const blocks = network.blocks().map((block) => ({
    body: all(block.body()),
    gate: null,
    shortcut: block.downsample === null ? unchanged : fold([...block.downsample] as unknown as NormalizedConv, dtype),
  }));
  return { stem, pool: !network.smallImages, blocks };
}

/** Images `[B, inChans, H, W]` → logits `[B, numClasses]`, float32. */
export function logitsOf(network: FoldedNetwork, images: torch.Tensor, dtype: torch.DType): torch.Tensor {
  const { stem, pool, blocks, classifier, classifierBias } = network;
  let xs = convolve(images.to({ dtype, memoryFormat: 'channels_last' }), stem).relu_();
  if (pool) xs = replaced(xs, F.maxPool2d(xs, 3, { stride: 2, padding: 1 }));
  for (const block of blocks) xs = replaced(xs, blockOutput(block, xs));
  const pooled = xs.mean([2, 3], { dtype: 'float32' }); // [B, numFeatures]
  if (classifierBias !== null) return pooled.matmul(classifier).add(classifierBias);
  return F.normalize(pooled, { dim: 1 }).matmul(classifier);
}

function blockOutput({ body, gate, shortcut: way }: FoldedBlock, xs: torch.Tensor): torch.Tensor {
  const last = body.length - 1;
  let ys = xs;
  for (const [i, conv] of body.entries()) {
    const next = convolve(ys, conv);
    ys = i === 0 ? next : replaced(ys, next);
    if (i < last) ys.relu_();
    if (i === 1 && gate !== null) excite(ys, gate);
  }
  const added = 'weight' in way ? convolve(xs, way) : shortcut(xs, way.stride, way.added);
  return ys.add_(added).relu_();
}

/** Nothing else holds what is replaced: its memory can be used at once. */
function replaced(old: torch.Tensor, next: torch.Tensor): torch.Tensor {
  old.dispose();
  return next;
}

/** All tensors of a folded network, to be released. */
export function tensorsOf({ stem, blocks, classifier, classifierBias }: FoldedNetwork): torch.Tensor[] {
  const convolutions = [stem, ...blocks.flatMap(convolutionsOfBlock)];
  const rest = classifierBias === null ? [classifier] : [classifier, classifierBias];
  return [...convolutions.flatMap(({ weight, bias }) => [weight, bias]), ...rest];
}

function convolutionsOfBlock({ body, gate, shortcut: way }: FoldedBlock): FoldedConv[] {
  return [...body, ...(gate === null ? [] : [gate.fc1, gate.fc2]), ...('weight' in way ? [way] : [])];
}
