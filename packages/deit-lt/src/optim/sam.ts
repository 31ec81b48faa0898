/**
 * Sharpness-aware minimisation around any optimizer: the gradient is taken where the loss is worst nearby. P. Foret et
 * al., "Sharpness-aware minimization for efficiently improving generalization", ICLR 2021, arXiv 2010.01412; adaptive:
 * J. Kwon et al., "ASAM", ICML 2021, arXiv 2102.11600.
 */
import * as torch from '@deit-lt/torch';
import { addScaled_, copyAll_, normOfAll } from './tensor-lists.js';

const { aten } = torch.ops;

/** The part of an optimizer that SAM needs; all of `torch.optim` have it. */
export interface SteppingOptimizer {
  readonly paramGroups: readonly { readonly params: readonly torch.Tensor[] }[];
  step(): void;
  zeroGrad(): void;
}

export interface SamOptions {
  /** Radius of the neighbourhood, in units of the weights. */
  rho: number;
  /** Scales the neighbourhood by each weight's size. Default false. */
  adaptive?: boolean;
}

/** Keeps a norm of 0 from dividing by it. */
const tiny = 1e-12;

/**
 * `w + rho · s·g/‖√s·g‖` and back, s = 1, adaptive s = w². One update is
 *
 * ```ts
 * loss().backward();
 * sam.firstStep(); // to the worst weights nearby; forgets the gradients
 * loss().backward();
 * sam.secondStep(); // back, and the optimizer's step with the gradients from there
 * optimizer.zeroGrad();
 * ```
 *
 * It holds a second copy of the weights, and nothing from one update to the next: a checkpoint needs no part of it.
 */
export class SAM implements Disposable {
  /** Radius of the next first step; schedules set it. */
  rho: number;
  readonly adaptive: boolean;
  readonly #copies = new Map<torch.Tensor, torch.Tensor>();
  #moved: torch.Tensor[] | null = null;

  /** Throws `RangeError` for a negative radius. */
  constructor(
    readonly optimizer: SteppingOptimizer,
    { rho, adaptive = false }: SamOptions,
  ) {
    if (!(rho >= 0)) throw new RangeError(`SAM: rho must be a number of at least 0, got ${rho}`);
    this.rho = rho;
    this.adaptive = adaptive;
  }

  /** True between the first and the second step, when the weights are not those that are learned. */
  get isPerturbed(): boolean {
    return this.#moved !== null;
  }

  /**
   * Moves every parameter that has a gradient by rho uphill, and forgets the gradients. Throws when the second step is
   * still to come.
   */
  firstStep(): void {
    if (this.#moved !== null) throw new Error('SAM: firstStep() twice; secondStep() must come in between');
    torch.tidy(() => torch.noGrad(() => this.#climb()));
    this.optimizer.zeroGrad();
  }

  /** Puts the weights back exactly and runs the optimizer's step with the gradients as they are now. */
  secondStep(): void {
    this.restore();
    this.optimizer.step();
  }

  /** Only puts the weights back: when the second pass failed, or the work stops between the two. */
  restore(): void {
    const moved = this.#moved;
    if (moved === null) throw new Error('SAM: secondStep() needs a firstStep() before it');
    const copies = moved.map((param) => this.#copies.get(param)!);
    torch.noGrad(() => copyAll_(moved, copies));
    this.#moved = null;
  }

  /** Releases the copy of the weights. */
  dispose(): void {
    for (const copy of this.#copies.values()) copy.dispose();
    this.#copies.clear();
    this.#moved = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #climb(): void {
    const params: torch.Tensor[] = [];
    const grads: torch.Tensor[] = [];
    for (const param of this.optimizer.paramGroups.flatMap((group) => group.params)) {
      const { grad } = param;
      if (grad === null) continue;
      params.push(param);
      grads.push(grad);
    }
    this.#save(params);
    this.#moved = params;
    if (params.length === 0) return;
    const measured = this.adaptive ? aten._foreach_mul.List(params, grads) : grads; // ‖w·g‖ = ‖|w|·g‖
    const factor = normOfAll(measured).add(tiny).reciprocal().mul(this.rho);
    addScaled_(params, this.adaptive ? aten._foreach_mul.List(params, measured) : grads, factor);
  }

  #save(params: readonly torch.Tensor[]): void {
    for (const param of params)
      if (!this.#copies.has(param)) this.#copies.set(param, torch.keep(torch.emptyLike(param)));
    copyAll_(
      params.map((param) => this.#copies.get(param)!),
      params,
    );
  }
}
