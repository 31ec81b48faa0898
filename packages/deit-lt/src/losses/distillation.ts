/**
 * The student's loss: CLS learns the true labels, DIST the teacher's predictions. H. Touvron et al., "Training
 * data-efficient image transformers & distillation through attention", ICML 2021, arXiv 2012.12877; re-weighted per
 * class as in H. Rangwani et al., "DeiT-LT", CVPR 2024, arXiv 2404.02900.
 */
import * as torch from '@deit-lt/torch';
import { crossEntropy } from './cross-entropy.js';
import { type ClassVector, classVector, inFullPrecision, type Loss, type WeightOptions } from './loss.js';

export interface DistillationOptions extends WeightOptions {
  /** The loss of CLS on the true targets. Default: plain cross-entropy, of labels or soft targets. */
  base?: Loss;
  /**
   * `hard`: the teacher's decision; `soft`: its distribution; `none`: DIST learns the true labels too. Default hard.
   */
  type?: 'none' | 'soft' | 'hard';
  /** Share of the DIST loss, 0 … 1. Default 0.5. */
  alpha?: number;
  /** Temperature of both distributions, with `soft`. Default 1. */
  temperature?: number;
  /**
   * With `soft` and weights: multiplies the teacher's *log*-probabilities by the weights and divides them by their sum,
   * as the published code does; the result is not a distribution. By default the probabilities are weighted. Default
   * false.
   */
  published?: boolean;
  /**
   * Added to the logits of DIST while it learns, and with `soft` also to the teacher's: one number for each class, as
   * `logPrior` gives them. Default null: nothing.
   */
  shift?: readonly number[] | null;
}

/** Logits `[B, C]` of the two heads. */
export interface HeadLogits {
  readonly cls: torch.Tensor;
  readonly dist: torch.Tensor;
}

/** Scalars: `loss = (1 − alpha)·cls + alpha·dist`. */
export interface DistillationParts {
  readonly loss: torch.Tensor;
  readonly cls: torch.Tensor;
  readonly dist: torch.Tensor;
}

/** `targets` are labels `[B]` or soft targets `[B, C]`; `teacher` are logits `[B, C]`, which `none` does not read. */
export type DistillationLoss = (
  logits: HeadLogits,
  targets: torch.Tensor,
  teacher?: torch.Tensor | null,
) => DistillationParts;

/** The loss of DIST. */
type DistLoss = (dist: torch.Tensor, targets: torch.Tensor, teacher: torch.Tensor) => torch.Tensor;

/**
 * `(1 − alpha) · base(cls, targets) + alpha · D(dist)` with D
 *
 * - `hard`: `CE(dist, argmax teacher)`, weighted by the teacher's class and divided by the sum of the batch's weights;
 * - `soft`: `T² · KL(softmax(teacher/T) ‖ softmax(dist/T))`, divided by batch *and* classes as DeiT does;
 * - `none`: `CE(dist, targets)`.
 *
 * `weights` and `shift` act only on D: with a shift, all `dist` above are `dist + shift`, and the teacher's logits too where
 * their distribution is read. Throws `TypeError` without the teacher's logits where they are needed.
 */
export function distillation({
  base = crossEntropy(),
  type = 'hard',
  alpha = 0.5,
  temperature = 1,
  weights = null,
  published = false,
  shift = null,
}: DistillationOptions = {}): DistillationLoss {
  const shifted = shift === null ? (logits: torch.Tensor) => logits : shiftedBy(classVector(shift));
  const learn =
    type === 'soft' ? softLoss({ temperature, weights, published, shifted }) : labelLoss(type, weights, shifted);
  return (logits, targets, teacher = null) =>
    torch.tidy(() => {
      if (teacher === null && type !== 'none')
        throw new TypeError(`distillation: "${type}" needs the teacher's logits`);
      const cls = base(logits.cls, targets);
      const dist = learn(logits.dist, targets, (teacher ?? logits.dist).detach());
      return { loss: cls.mul(1 - alpha).add(dist, { alpha }), cls, dist };
    });
}

/** Adds numbers per class to logits, in full precision. */
const shiftedBy =
  (shiftFor: ClassVector) =>
  (logits: torch.Tensor): torch.Tensor => {
    const full = inFullPrecision(logits);
    return full.add(shiftFor(full));
  };

type Shift = (logits: torch.Tensor) => torch.Tensor;

function labelLoss(type: 'none' | 'hard', weights: readonly number[] | null, shifted: Shift): DistLoss {
  const loss = crossEntropy({ weights });
  return (dist, targets, teacher) => loss(shifted(dist), type === 'hard' ? teacher.argmax(1) : targets);
}

type SoftOptions = Required<Pick<DistillationOptions, 'temperature' | 'published'>> & {
  weights: readonly number[] | null;
  shifted: Shift;
};

function softLoss({ temperature, weights, published, shifted }: SoftOptions): DistLoss {
  const weightFor = weights === null ? null : classVector(weights);
  const weigh = published ? scaledLogs : weightedLogs;
  return (dist, _, teacher) => {
    const logs = inFullPrecision(shifted(dist)).div(temperature).logSoftmax(1);
    const plain = inFullPrecision(shifted(teacher)).div(temperature).logSoftmax(1);
    const wanted = weightFor === null ? plain : weigh(plain, weightFor);
    const divergence = torch.nn.functional.klDiv(logs, wanted, { reduction: 'sum', logTarget: true });
    return divergence.mul(temperature ** 2 / logs.numel());
  };
}

/** `log(w·p / Σ w·p)` from `log p`. */
function weightedLogs(logs: torch.Tensor, weightFor: ClassVector): torch.Tensor {
  return logs.add(weightFor(logs).log()).logSoftmax(1);
}

/**
 * Returns the log-probabilities as the published code weights them: numbers that sum to one, and that it then uses as
 * log-probabilities.
 */
function scaledLogs(logs: torch.Tensor, weightFor: ClassVector): torch.Tensor {
  const scaled = logs.mul(weightFor(logs));
  return scaled.div(scaled.sum(1, { keepdim: true }));
}
