/**
 * Scales losses so that small gradients do not become 0 in float16, as `torch.amp.GradScaler`: P. Micikevicius et al.,
 * "Mixed precision training", ICLR 2018, arXiv 1710.03740.
 */
import { noGrad } from '../autograd/modes.js';
import { describeValue, TorchError } from '../errors.js';
import { gradientBatches, kernelsFor, totalNorm } from '../optim/clip.js';
import { type Check, checkNames, checkOption, count, flag } from '../options.js';
import { tidy } from '../tensor/scope.js';
import { Tensor } from '../tensor/tensor.js';

export interface GradScalerOptions {
  /** The first scale. Default 65536. */
  initScale?: number;
  /** Factor of the scale after `growthInterval` updates in succession with finite gradients. Default 2. */
  growthFactor?: number;
  /** Factor of the scale after an update whose gradients are not finite. Default 0.5. */
  backoffFactor?: number;
  /** Updates in succession before the scale grows. Default 2000. */
  growthInterval?: number;
  /** Without it all methods leave everything as it is, and `step` steps. Default true. */
  enabled?: boolean;
}

/** The state under PyTorch's names. */
export interface GradScalerState {
  scale: number;
  growth_factor: number;
  backoff_factor: number;
  growth_interval: number;
  _growth_tracker: number;
}

/** The part of an optimizer that a scaler needs; all of `torch.optim` have it. */
export interface ScaledOptimizer {
  readonly paramGroups: readonly { readonly params: readonly Tensor[] }[];
  step(): void;
}

const largest = 2 ** 127 * (2 - 2 ** -23);
const above = (low: number, expected: string): Check => ({
  expected,
  accepts: (value) => typeof value === 'number' && value > low && value <= largest,
});
const checks = {
  initScale: above(0, 'a number above 0'),
  growthFactor: above(1, 'a number above 1'),
  backoffFactor: { expected: 'a number between 0 and 1', accepts: (x) => typeof x === 'number' && x > 0 && x < 1 },
  growthInterval: { expected: 'a whole number of at least 1', accepts: (x) => count.accepts(x) && x !== 0 },
  enabled: flag,
} satisfies Record<keyof GradScalerOptions, Check>;

/**
 * One update is
 *
 * ```ts
 * scaler.scale(torch.autocast('cuda', { dtype: 'float16' }, loss)).backward();
 * scaler.unscale_(optimizer); // only where gradients are clipped or read
 * scaler.step(optimizer); // skipped when a gradient is not finite
 * scaler.update();
 * optimizer.zeroGrad();
 * ```
 *
 * The scale is a number of this process, so an update waits once for the device: to learn whether the gradients are finite.
 */
export class GradScaler {
  readonly #enabled: boolean;
  #scale: number;
  #growthFactor: number;
  #backoffFactor: number;
  #growthInterval: number;
  #tracker = 0;
  /** Optimizers whose gradients were divided since the last `update`, and whether these were finite. */
  readonly #finite = new Map<ScaledOptimizer, boolean>();
  readonly #stepped = new Set<ScaledOptimizer>();

  /** Throws `TorchError` (`ARGUMENT`) for an unknown or unfit option. */
  constructor(options: GradScalerOptions = {}) {
    const where = 'GradScaler()';
    const given = checkNames(where, options, Object.keys(checks) as (keyof GradScalerOptions)[]);
    const { initScale = 65536, growthFactor = 2, backoffFactor = 0.5, growthInterval = 2000, enabled = true } = given;
    const values = { initScale, growthFactor, backoffFactor, growthInterval, enabled };
    for (const name of Object.keys(checks) as (keyof GradScalerOptions)[])
      checkOption(where, name, values[name], checks[name]);
    this.#enabled = enabled;
    this.#scale = Math.fround(initScale);
    this.#growthFactor = growthFactor;
    this.#backoffFactor = backoffFactor;
    this.#growthInterval = growthInterval;
  }

  isEnabled(): boolean {
    return this.#enabled;
  }

  /** The factor of losses; 1 when the scaler is not enabled. */
  getScale(): number {
    return this.#enabled ? this.#scale : 1;
  }

  getGrowthFactor(): number {
    return this.#growthFactor;
  }

  getBackoffFactor(): number {
    return this.#backoffFactor;
  }

  getGrowthInterval(): number {
    return this.#growthInterval;
  }

  /** Returns `outputs` times the scale, of the same dtype. */
  scale(outputs: Tensor): Tensor {
    if (!(outputs instanceof Tensor))
      throw new TorchError('ARGUMENT', `GradScaler.scale(): expected a tensor, got ${describeValue(outputs)}`);
    return this.#enabled ? outputs.mul(this.#scale) : outputs;
  }

  /**
   * Divides the gradients of the optimizer's parameters by the scale, in place, and returns whether all are finite.
   * Throws `TorchError` (`ARGUMENT`) when that was done since the last `update`, and for gradients in float16, which have lost what the
   * scale is for.
   */
  unscale_(optimizer: ScaledOptimizer): boolean {
    if (!this.#enabled) return true;
    if (this.#finite.has(optimizer))
      throw new TorchError(
        'ARGUMENT',
        'GradScaler.unscale_(): the gradients of this optimizer were divided already since the last update()',
      );
    const grads = optimizer.paramGroups.flatMap(({ params }) => params.flatMap(({ grad }) => grad ?? []));
    if (grads.some(({ dtype }) => dtype === 'float16'))
      throw new TorchError(
        'ARGUMENT',
        'GradScaler.unscale_(): the gradients are in float16; keep the parameters in float32 and compute with autocast',
      );
    const finite = tidy(() =>
      noGrad(() => {
        if (grads.length === 0) return true;
        for (const { device, grads: here } of gradientBatches(grads)) kernelsFor(device).scale_(here, 1 / this.#scale);
        return Number.isFinite(totalNorm(grads, Number.POSITIVE_INFINITY).toNumber());
      }),
    );
    this.#finite.set(optimizer, finite);
    return finite;
  }

  /**
   * Steps `optimizer` unless a gradient is not finite; divides the gradients first, where `unscale_` did not. Returns whether it
   * stepped. Throws `TorchError` (`ARGUMENT`) for a second step before the next `update`.
   */
  step(optimizer: ScaledOptimizer): boolean {
    if (this.#stepped.has(optimizer))
      throw new TorchError('ARGUMENT', 'GradScaler.step(): this optimizer stepped already since the last update()');
    const finite = this.#finite.get(optimizer) ?? this.unscale_(optimizer);
    if (finite) optimizer.step();
    if (this.#enabled) this.#stepped.add(optimizer);
    return finite;
  }

  /**
   * Reduces the scale when a gradient was not finite since the last `update`, and lets it grow after enough updates without one;
   * with `newScale` it is that. Throws `TorchError` (`ARGUMENT`) when no gradients were divided before.
   */
  update(newScale?: number): void {
    if (newScale !== undefined) checkOption('GradScaler.update()', 'newScale', newScale, checks.initScale);
    if (!this.#enabled) return;
    if (newScale !== undefined) {
      this.#scale = Math.fround(newScale);
    } else {
      if (this.#finite.size === 0)
        throw new TorchError(
          'ARGUMENT',
          'GradScaler.update(): no gradients were divided: call step() or unscale_() before',
        );
      if ([...this.#finite.values()].every(Boolean)) this.#grow();
      else this.#backOff();
    }
    this.#finite.clear();
    this.#stepped.clear();
  }

  /** Returns the state under PyTorch's names; `{}` when the scaler is not enabled. */
  stateDict(): GradScalerState | Record<string, never> {
    if (!this.#enabled) return {};
    return {
      scale: this.#scale,
      growth_factor: this.#growthFactor,
      backoff_factor: this.#backoffFactor,
      growth_interval: this.#growthInterval,
      _growth_tracker: this.#tracker,
    };
  }

  /** Takes a state of `stateDict`, also PyTorch's. Throws `TorchError` (`ARGUMENT`) for values that are missing or unfit. */
  loadStateDict(state: Readonly<Partial<Record<keyof GradScalerState, unknown>>>): void {
    if (!this.#enabled) return;
    const where = 'GradScaler.loadStateDict()';
    checkOption(where, 'scale', state.scale, checks.initScale);
    checkOption(where, 'growth_factor', state.growth_factor, checks.growthFactor);
    checkOption(where, 'backoff_factor', state.backoff_factor, checks.backoffFactor);
    checkOption(where, 'growth_interval', state.growth_interval, checks.growthInterval);
    checkOption(where, '_growth_tracker', state._growth_tracker, count);
    const checked = state as GradScalerState;
    this.#scale = Math.fround(checked.scale);
    this.#growthFactor = checked.growth_factor;
    this.#backoffFactor = checked.backoff_factor;
    this.#growthInterval = checked.growth_interval;
    this.#tracker = checked._growth_tracker;
    this.#finite.clear();
    this.#stepped.clear();
  }

  #grow(): void {
    this.#tracker++;
    if (this.#tracker < this.#growthInterval) return;
    const grown = Math.fround(this.#scale * this.#growthFactor);
    if (Number.isFinite(grown)) this.#scale = grown;
    this.#tracker = 0;
  }

  #backOff(): void {
    this.#scale = Math.fround(this.#scale * this.#backoffFactor);
    this.#tracker = 0;
  }
}
