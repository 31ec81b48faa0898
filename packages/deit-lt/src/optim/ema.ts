/**
 * A running average of the weights, which often predicts better than the last ones. As timm's `ModelEmaV3`, but for the warm-up.
 * B. Polyak and A. Juditsky, "Acceleration of stochastic approximation by averaging", 1992.
 */
import * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import { copyAll_, lerpAll_ } from './tensor-lists.js';

export interface EmaOptions {
  /** Share of the average that an update keeps, in [0, 1). Default 0.99996, as published. */
  decay?: number;
  /** Device of the average. Default: the model's. */
  device?: string;
  /** Keeps less at first, `min(decay, (1 + t)/(10 + t))` at update t from 0: for runs of few updates. Default false. */
  warmup?: boolean;
}

/** The state of an average that a checkpoint stores. */
export interface EmaState {
  /** Updates so far. */
  readonly updates: number;
  /** The averages by the model's own names; shares memory with the average. */
  readonly tensors: ReadonlyMap<string, torch.Tensor>;
}

/** One tensor of the model and its average. */
interface Pair {
  readonly name: string;
  readonly value: torch.Tensor;
  readonly average: torch.Tensor;
}

/** `average ← decay · average + (1 − decay) · model`, over parameters and buffers; integer buffers are copied. */
export class Ema implements Disposable {
  readonly decay: number;
  readonly warmup: boolean;
  readonly #pairs: readonly Pair[];
  #updates = 0;

  /**
   * Starts at the model's weights. Make it when the model is on its device. Throws `UserError` (RECIPE) for an unfit
   * decay.
   */
  constructor(model: torch.nn.AnyModule, { decay = 0.99996, warmup = false, device }: EmaOptions = {}) {
    if (!(decay >= 0 && decay < 1))
      throw new UserError('RECIPE', `ema: expected a decay from 0 to below 1, found ${decay}.`);
    this.decay = decay;
    this.warmup = warmup;
    this.#pairs = pairsOf(model, device);
  }

  /** Updates so far. */
  get updates(): number {
    return this.#updates;
  }

  /** Takes the model's weights of now into the average; call it after each update of the optimizer. */
  update(): void {
    const decay = this.warmup ? Math.min(this.decay, (1 + this.#updates) / (10 + this.#updates)) : this.decay;
    this.#updates++;
    const [smooth, counted] = split(this.#pairs);
    torch.tidy(() =>
      torch.noGrad(() => {
        lerpAll_(averages(smooth), valuesBesideAverages(smooth), 1 - decay);
        copyAll_(averages(counted), values(counted));
      }),
    );
  }

  /**
   * Runs `fn` while the model has the averaged weights, then gives it back its own, also when `fn` throws. `fn` may be
   * asynchronous; the model must not be trained or saved meanwhile. Gives what `fn` gives.
   */
  swap<R>(fn: () => R): R {
    this.#exchange();
    let result: R;
    try {
      result = fn();
    } catch (error) {
      this.#exchange();
      throw error;
    }
    if (result instanceof Promise) return result.finally(() => this.#exchange()) as R;
    this.#exchange();
    return result;
  }

  /** The average and the number of updates. */
  stateDict(): EmaState {
    return { updates: this.#updates, tensors: new Map(this.#pairs.map(({ name, average }) => [name, average])) };
  }

  /**
   * Takes a state that `stateDict` gave, by copying. Throws `UserError` (CHECKPOINT) for what does not fit; then
   * nothing has changed.
   */
  loadStateDict({ updates, tensors }: EmaState): void {
    const saved = this.#pairs.map(({ name, average }) => fitting(name, average, tensors.get(name)));
    torch.tidy(() => torch.noGrad(() => this.#pairs.forEach(({ average }, i) => void average.copy_(saved[i]!))));
    this.#updates = updates;
  }

  /** Releases the average. */
  dispose(): void {
    for (const { average } of this.#pairs) average.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** One tensor at a time: the second copy is as large as the largest tensor, not as the model. */
  #exchange(): void {
    torch.noGrad(() => {
      for (const { value, average } of this.#pairs)
        torch.tidy(() => {
          const kept = value.clone();
          value.copy_(average);
          average.copy_(kept);
        });
    });
  }
}

/**
 * Returns pairs in the order and under the names of the state dict, but with the model's own tensors, which stay the
 * same objects when it moves.
 */
function pairsOf(model: torch.nn.AnyModule, device: string | undefined): Pair[] {
  return torch.tidy(() =>
    torch.noGrad(() => {
      const own = new Map<string, torch.Tensor>([...model.namedParameters(), ...model.namedBuffers()]);
      const names = [...model.stateDict().keys()].filter((name) => own.has(name));
      return names.map((name) => {
        const value = own.get(name)!;
        const copy = value.detach().clone();
        return { name, value, average: torch.keep(device === undefined ? copy : copy.to(device)) };
      });
    }),
  );
}

function split(pairs: readonly Pair[]): [smooth: Pair[], counted: Pair[]] {
  const isSmooth = ({ average }: Pair): boolean => /float/.test(average.dtype);
  return [pairs.filter(isSmooth), pairs.filter((pair) => !isSmooth(pair))];
}

const averages = (pairs: readonly Pair[]): torch.Tensor[] => pairs.map(({ average }) => average);
const values = (pairs: readonly Pair[]): torch.Tensor[] => pairs.map(({ value }) => value);

/** The values, brought to the averages' device where those are kept elsewhere. */
const valuesBesideAverages = (pairs: readonly Pair[]): torch.Tensor[] =>
  pairs.map(({ value, average }) => (value.device === average.device ? value : value.to(average.device)));

function fitting(name: string, average: torch.Tensor, saved: torch.Tensor | undefined): torch.Tensor {
  const shape = average.shape.join(', ');
  if (saved === undefined)
    throw new UserError(
      'CHECKPOINT',
      `the averaged weights (EMA) have no ${name}; the checkpoint belongs to another model.`,
    );
  if (saved.shape.join(', ') !== shape)
    throw new UserError(
      'CHECKPOINT',
      `the averaged weights (EMA) have ${name} as [${saved.shape.join(', ')}], the model as [${shape}].`,
    );
  return saved;
}
