/**
 * Fits how the outputs of a model are combined into calibrated probabilities. The scores of an image are
 * `Σₖ aₖ · zₖ − τ · log π`, where zₖ are the logits of output k and π are the shares of the classes in training: aₖ holds
 * the weight of output k and its inverse temperature (Guo et al., "On Calibration of Modern Neural Networks", ICML
 * 2017), τ is the strength of the logit adjustment (Menon et al., "Long-tail learning via logit adjustment", ICLR 2021).
 * The negative log-likelihood is convex in all of them, so Newton's method finds the only minimum.
 */
import * as torch from '@deit-lt/torch';

export interface FitOptions {
  /** Logits `[N, C]` of each output. */
  readonly outputs: readonly torch.Tensor[];
  /** Class of each of the N images. */
  readonly labels: Int32Array;
  /** Weight of each image in the likelihood, such as 1 / (C · images of its class). */
  readonly weights: Float64Array;
  /** Share of each class in training, above 0; absent: τ is 0. */
  readonly shares?: Float64Array;
  /** Strength of the pull towards the mean of the outputs and τ = 0, which keeps aₖ finite. Default 1e-4; 0 is none. */
  readonly ridge?: number;
}

export interface OutputFit {
  /** aₖ of each output, 0 or more. */
  readonly weights: readonly number[];
  /** τ; negative where the outputs lean to the tail more than a model without class priors. */
  readonly adjustment: number;
  /** Mean negative log-likelihood, in nats, with the plain mean of the outputs, and with the fit. */
  readonly before: number;
  readonly after: number;
}

const mostSteps = 100;

/**
 * Returns the weights and the adjustment with the least weighted negative log-likelihood. Throws Error for logits that
 * are not finite.
 */
export function fitOutputs({ outputs, labels, weights, shares, ridge = 1e-4 }: FitOptions): OutputFit {
  return torch.tidy(() =>
    torch.noGrad(() => {
      const problem = problemOf({ outputs, labels, weights, ...(shares && { shares }) });
      const start = [...outputs.map(() => 1 / outputs.length), ...(shares ? [0] : [])];
      const before = lossAt(problem, start);
      if (!Number.isFinite(before)) throw new Error('the logits of the model are not finite');
      let free = start.map(() => true);
      let found = minimum(problem, { start, free, ridge });
      // A negative weight would turn an output around: the output is left out instead.
      while (found.some((value, k) => k < outputs.length && value < 0)) {
        free = free.map((is, k) => is && (k >= outputs.length || found[k]! > 0));
        found = minimum(problem, { start: start.map((value, k) => (free[k] ? value : 0)), free, ridge });
      }
      return {
        weights: found.slice(0, outputs.length),
        adjustment: found[outputs.length] ?? 0,
        before,
        after: lossAt(problem, found),
      };
    }),
  );
}

interface Problem {
  /** Terms of the scores, `[N, C]` or `[C]`, float64. */
  readonly terms: readonly torch.Tensor[];
  readonly labels: torch.Tensor;
  readonly weights: torch.Tensor;
}

function problemOf({ outputs, labels, weights, shares }: Omit<FitOptions, 'ridge'>): Problem {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const terms = outputs.map((logits) => logits.double());
  const prior =
    shares &&
    torch.tensor(
      shares.map((share) => -Math.log(share)),
      { dtype: 'float64' },
    );
  return {
    terms: prior ? [...terms, prior.expand(terms[0]!.shape)] : terms,
    labels: torch.tensor(labels).long().unsqueeze(1),
    weights: torch.tensor(
      weights.map((weight) => weight / total),
      { dtype: 'float64' },
    ),
  };
}

const scoresAt = ({ terms }: Problem, at: readonly number[]): torch.Tensor =>
  terms.map((term, k) => term.mul(at[k]!)).reduce((sum, term) => sum.add(term));

function lossAt(problem: Problem, at: readonly number[]): number {
  return torch.tidy(() => {
    const scores = scoresAt(problem, at);
    const ofLabel = scores.gather(1, problem.labels).squeeze(1);
    return scores.logsumexp([1]).sub(ofLabel).mul(problem.weights).sum().toNumber();
  });
}

interface Search {
  readonly start: readonly number[];
  /** Which values may change. */
  readonly free: readonly boolean[];
  readonly ridge: number;
}

/** Newton's method with halved steps. */
function minimum(problem: Problem, { start, free, ridge }: Search): number[] {
  const objective = (at: readonly number[]): number =>
    lossAt(problem, at) + (ridge / 2) * at.reduce((sum, value, k) => sum + (value - start[k]!) ** 2, 0);
  let at = [...start];
  let value = objective(at);
  for (let step = 0; step < mostSteps; step++) {
    const { gradient, hessian } = slopeAt(problem, at);
    const pulled = gradient.map((slope, k) => (free[k] ? slope + ridge * (at[k]! - start[k]!) : 0));
    const curved = hessian.map((row, k) =>
      row.map((curve, l) => (free[k] && free[l] ? curve : 0) + (k === l ? (free[k] ? ridge + 1e-12 : 1) : 0)),
    );
    const direction = solved(curved, pulled);
    let size = 1;
    let next = at;
    let lower = value;
    for (; size > 1e-10; size /= 2) {
      next = at.map((old, k) => old - size * direction[k]!);
      lower = objective(next);
      if (lower <= value) break;
    }
    if (!(lower < value)) return at;
    const gain = value - lower;
    [at, value] = [next, lower];
    if (gain < 1e-13) return at;
  }
  return at;
}

function slopeAt(problem: Problem, at: readonly number[]): { gradient: number[]; hessian: number[][] } {
  const { terms, labels, weights } = problem;
  return torch.tidy(() => {
    const chances = scoresAt(problem, at).softmax(1);
    const means = terms.map((term) => chances.mul(term).sum([1]));
    const gradient = terms.map((term, k) =>
      means[k]!.sub(term.gather(1, labels).squeeze(1)).mul(weights).sum().toNumber(),
    );
    const hessian = terms.map((row, k) =>
      terms.map((column, l) =>
        chances.mul(row).mul(column).sum([1]).sub(means[k]!.mul(means[l]!)).mul(weights).sum().toNumber(),
      ),
    );
    return { gradient, hessian };
  });
}

/** Solves `matrix · x = right` by elimination with pivots; there are at most three unknowns. */
function solved(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, k) => [...row, right[k]!]);
  const size = rows.length;
  for (let k = 0; k < size; k++) {
    const pivot = rows
      .slice(k)
      .reduce((best, row, i) => (Math.abs(row[k]!) > Math.abs(rows[best]![k]!) ? k + i : best), k);
    [rows[k], rows[pivot]] = [rows[pivot]!, rows[k]!];
    for (let i = k + 1; i < size; i++) {
      const factor = rows[i]![k]! / rows[k]![k]!;
      for (let j = k; j <= size; j++) rows[i]![j]! -= factor * rows[k]![j]!;
    }
  }
  const x = new Array<number>(size).fill(0);
  for (let k = size - 1; k >= 0; k--) {
    const known = x.reduce((sum, value, j) => (j > k ? sum + rows[k]![j]! * value : sum), 0);
    x[k] = (rows[k]![size]! - known) / rows[k]![k]!;
  }
  return x;
}
