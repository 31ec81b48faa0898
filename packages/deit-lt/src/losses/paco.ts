/**
 * Parametric contrastive loss: the classifier's classes and the other embeddings compete in one softmax. J. Cui et al.,
 * "Parametric contrastive learning", ICCV 2021, arXiv 2107.12028; both views as anchors and smoothed labels:
 * "Generalized parametric contrastive learning", TPAMI 2023, arXiv 2209.12400.
 */
import * as torch from '@deit-lt/torch';
import { type ClassVector, classVector, inFullPrecision } from './loss.js';

export interface PacoOptions {
  /** Weight of an embedding of the anchor's class. Default 0.05, as for large images; 0.01 for long-tailed CIFAR. */
  alpha?: number;
  /** Weight of the anchor's class itself. Default 1. */
  beta?: number;
  /** Factor of the embeddings' exponentials in the denominator. Default 1. */
  gamma?: number;
  /** Divides the similarities of embeddings. Default 0.2, as for large images; 0.05 for long-tailed CIFAR. */
  temperature?: number;
  /** Divides the classifier's logits with their prior. Default 1. */
  classTemperature?: number;
  /** Part of the weight `beta` that is spread evenly over the other classes. Default 0. */
  labelSmoothing?: number;
}

/** The embeddings and logits that a batch compares. */
export interface PacoBatch {
  /** Unit vectors, `[N, D]`: the first A rows are the anchors, which are compared with all rows. */
  readonly embeddings: torch.Tensor;
  /** Classes of all rows, int64 `[N]`. */
  readonly labels: torch.Tensor;
  /** The classifier's, of the anchors: `[A, C]`. */
  readonly logits: torch.Tensor;
}

/** The mean loss `[]` over the anchors, in float32 also under autocast: similarities are divided by small numbers. */
export type PacoLoss = (batch: PacoBatch) => torch.Tensor;

/** Keeps the logarithm of a class without images finite; as published. */
const tiny = 1e-9;

/**
 * For anchor i with class scores `s = (logits + log(n_c/N))/classTemperature` and similarities
 * `z_j = e_i·e_j/temperature`, j ≠ i:
 * `log(Σ_c exp(s_c) + gamma·Σ_j exp(z_j)) − (beta·s_label + alpha·Σ_{j of its class} z_j)/(beta + alpha·#)`.
 * Without `counts` there is no prior.
 */
export function paco(counts: ArrayLike<number> | null, options: PacoOptions = {}): PacoLoss {
  const { alpha = 0.05, beta = 1, gamma = 1, temperature = 0.2, classTemperature = 1, labelSmoothing = 0 } = options;
  const priorFor = counts === null ? null : logPrior(counts);
  const compute = ({ embeddings, labels, logits }: PacoBatch): torch.Tensor => {
    const full = inFullPrecision(logits);
    const [anchors, classes] = full.shape as [number, number];
    const all = embeddings.to(full.dtype);
    const scores = (priorFor === null ? full : full.add(priorFor(full))).div(classTemperature); // (A, C)
    const similarities = all.narrow(0, 0, anchors).matmul(all.t()).div(temperature); // (A, N)
    const self = torch.eye(anchors, all.size(0), { dtype: 'bool', device: full.device });
    const compared = similarities.add(Math.log(gamma)).maskedFill(self, Number.NEGATIVE_INFINITY);
    const denominator = torch.cat([scores, compared], 1).logsumexp(1); // (A)

    const own = labels.narrow(0, 0, anchors);
    const classWeights = smoothed(torch.nn.functional.oneHot(own, classes).to(full.dtype), labelSmoothing).mul(beta);
    const likeness = own.unsqueeze(1).eq(labels.unsqueeze(0)).to(full.dtype).maskedFill(self, 0).mul(alpha);
    const positive = classWeights.mul(scores).sum(1).add(likeness.mul(similarities).sum(1));
    return denominator.sub(positive.div(classWeights.sum(1).add(likeness.sum(1)))).mean();
  };
  return (batch) =>
    torch.tidy(() => torch.autocast(batch.logits.isCuda ? 'cuda' : 'cpu', { enabled: false }, () => compute(batch)));
}

function logPrior(counts: ArrayLike<number>): ClassVector {
  const total = Array.from(counts).reduce((a, b) => a + b, 0);
  return classVector(Array.from(counts, (count) => Math.log(count / total + tiny)));
}

function smoothed(oneHot: torch.Tensor, smoothing: number): torch.Tensor {
  if (smoothing === 0) return oneHot;
  const other = smoothing / (oneHot.size(1) - 1);
  return oneHot.mul(1 - smoothing - other).add(other);
}
