/**
 * Adds up the gradients of all shards in one fixed order, whatever the number of processes: first over the batches of an
 * update for each shard alone, then over the shards from 0 on. Floating-point sums depend on their order, so this is what
 * makes a training in several processes bit-identical to one in a single process.
 */
import * as torch from '@deit-lt/torch';
import { inLayoutOf } from '../models/place-on.js';
import type { Processes } from './processes.js';

export interface ShardGradientsOptions {
  readonly parameters: readonly torch.nn.Parameter[];
  /** Shards of this process. */
  readonly shards: number;
  /** Batches per update. */
  readonly accumulation: number;
  readonly processes: Pick<Processes, 'count' | 'addRows'>;
}

/** The gradients of the shards of this process, each as one row. */
export class ShardGradients {
  readonly #options: ShardGradientsOptions;
  readonly #isNeeded: boolean;
  /**
   * `[shards, numel + parameters]`: the gradients, then for each parameter the number of batches in which it had one; zeros up to a
   * multiple of the number of processes.
   */
  #rows: torch.Tensor | undefined;
  readonly #isFilled: boolean[] = [];

  constructor(options: ShardGradientsOptions) {
    const { shards, accumulation, processes } = options;
    this.#options = options;
    // In one process, autograd adds the shards of one batch in their order by itself.
    this.#isNeeded = processes.count > 1 || (shards > 1 && accumulation > 1);
  }

  /** Takes the gradients of a batch of the `i`-th shard of this process off the parameters. */
  take(i: number): void {
    if (!this.#isNeeded) return;
    const { parameters } = this.#options;
    torch.tidy(() =>
      torch.noGrad(() => {
        const grads = parameters.map(({ grad }) => grad);
        const counts = torch.tensor(
          grads.map((grad) => (grad === null ? 0 : 1)),
          { device: this.#device },
        );
        const flat = grads.map((grad, p) =>
          grad === null ? torch.zeros([parameters[p]!.numel()], { device: this.#device }) : grad.reshape([-1]).float(),
        );
        const row = this.#row(i).narrow(0, 0, this.#length);
        if (this.#isFilled[i]) row.add_(torch.cat([...flat, counts]));
        else row.copy_(torch.cat([...flat, counts]));
        this.#isFilled[i] = true;
        for (const parameter of parameters) parameter.grad = null;
      }),
    );
  }

  /** Gives the parameters the sum over all shards of all processes. */
  reduce(): void {
    if (!this.#isNeeded) return;
    const { parameters, processes } = this.#options;
    this.#isFilled.length = 0;
    torch.tidy(() =>
      torch.noGrad(() => {
        const sum = processes.addRows(this.#rows!);
        const counts = sum.narrow(0, this.#length - parameters.length, parameters.length).toArray() as number[];
        let at = 0;
        for (const [p, parameter] of parameters.entries()) {
          const grad = sum.narrow(0, at, parameter.numel()).view(parameter.shape);
          at += parameter.numel();
          parameter.grad = counts[p] === 0 ? null : inLayoutOf(parameter.detach(), grad);
        }
      }),
    );
  }

  [Symbol.dispose](): void {
    this.#rows?.dispose();
    this.#rows = undefined;
  }

  get #device(): string {
    return this.#options.parameters[0]?.device ?? 'cpu';
  }

  /** Numbers of a row, without the zeros at its end. */
  get #length(): number {
    const { parameters } = this.#options;
    return parameters.reduce((sum, parameter) => sum + parameter.numel(), parameters.length);
  }

  #row(i: number): torch.Tensor {
    const { shards, processes } = this.#options;
    const length = Math.ceil(this.#length / processes.count) * processes.count;
    this.#rows ??= torch.keep(torch.zeros([shards, length], { device: this.#device }));
    return this.#rows.select(0, i);
  }
}
