/**
 * Adds up the gradients of all shards in one fixed order, whatever the number of processes: first over the batches of an
 * update for each shard alone, then over the shards from 0 on. Floating-point sums depend on their order, so this is what
 * makes a training in several processes bit-identical to one in a single process.
 */
import * as torch from '@deit-lt/torch';
import { inLayoutOf } from '../models/place-on.js';
import { type GradientLayout, gradientLayout } from './gradient-layout.js';
import type { Processes } from './processes.js';

export interface ShardGradientsOptions {
  readonly parameters: readonly torch.nn.Parameter[];
  /** Shards of this process. */
  readonly shards: number;
  /** Batches per update. */
  readonly accumulation: number;
  readonly processes: Pick<Processes, 'count' | 'addRows' | 'bucketBytes' | 'addDuringBackward'>;
}

/** The gradients of the shards of this process, each as one row. */
export class ShardGradients {
  readonly #options: ShardGradientsOptions;
  readonly #isNeeded: boolean;
  readonly #layout: GradientLayout;
  /** `[shards, layout.length]` */
  #rows: torch.Tensor | undefined;
  readonly #isFilled: boolean[] = [];
  /** Gives the sum of what is sent during the backward pass. */
  #finish: (() => torch.Tensor) | undefined;

  constructor(options: ShardGradientsOptions) {
    const { parameters, shards, accumulation, processes } = options;
    const { count, bucketBytes } = processes;
    this.#options = options;
    // In one process, autograd adds the shards of one batch in their order by itself.
    this.#isNeeded = count > 1 || (shards > 1 && accumulation > 1);
    this.#layout = gradientLayout(
      parameters.map((parameter) => parameter.numel()),
      { bucketBytes, count },
    );
  }

  /**
   * Prepares a backward pass of the `i`-th shard of this process; `isLast`: of the last batch of an update. Where gradients travel in
   * buckets, the last shard sends those of all.
   */
  expect(i: number, { isLast }: { readonly isLast: boolean }): void {
    const { parameters, shards, processes } = this.#options;
    if (!isLast || i !== shards - 1 || processes.bucketBytes === undefined) return;
    const row = this.#row(i);
    this.#finish = processes.addDuringBackward?.({
      ...{ parameters, ...this.#layout },
      rows: this.#rows!,
      row: i,
      adds: this.#isFilled[i] === true,
    });
    row.dispose();
  }

  /** Takes the gradients of a batch of the `i`-th shard of this process off the parameters. */
  take(i: number): void {
    if (!this.#isNeeded) return;
    const { parameters } = this.#options;
    if (this.#finish === undefined)
      torch.tidy(() =>
        torch.noGrad(() => {
          const row = this.#row(i);
          const taken = torch.cat(this.#taken());
          if (this.#isFilled[i]) row.add_(taken);
          else row.copy_(taken);
        }),
      );
    this.#isFilled[i] = true;
    for (const parameter of parameters) parameter.grad = null;
  }

  /** Gives the parameters the sum over all shards of all processes. */
  reduce(): void {
    if (!this.#isNeeded) return;
    const { parameters, processes } = this.#options;
    this.#isFilled.length = 0;
    torch.tidy(() =>
      torch.noGrad(() => {
        const sum = this.#finish?.() ?? processes.addRows(this.#rows!);
        this.#finish = undefined;
        const { places } = this.#layout;
        const counts = torch.cat(places.map(({ count }) => sum.narrow(0, count, 1))).toArray() as number[];
        for (const [p, parameter] of parameters.entries()) {
          const { offset, numel } = places[p]!;
          const grad = sum.narrow(0, offset, numel).view(parameter.shape);
          parameter.grad = counts[p] === 0 ? null : inLayoutOf(parameter.detach(), grad);
        }
      }),
    );
  }

  [Symbol.dispose](): void {
    this.#rows?.dispose();
    this.#rows = undefined;
  }

  /** The parts of a row, in their order: of each bucket the gradients, their counts, and zeros. */
  #taken(): torch.Tensor[] {
    const { parameters } = this.#options;
    const { places, buckets } = this.#layout;
    return buckets.flatMap(({ offset, length }, bucket) => {
      const members = places.flatMap((place, p) =>
        place.bucket === bucket ? [{ ...place, grad: parameters[p]!.grad }] : [],
      );
      members.sort((a, b) => a.offset - b.offset);
      const grads = members.map(({ grad, numel }) =>
        grad === null ? torch.zeros([numel], { device: this.#device }) : grad.reshape([-1]).float(),
      );
      const counts = members.map(({ grad }) => (grad === null ? 0 : 1));
      const filling = length - (members.at(-1)!.offset + members.at(-1)!.numel - offset) - counts.length;
      const rest = [...counts, ...Array.from({ length: filling }, () => 0)];
      return [...grads, torch.tensor(rest, { device: this.#device })];
    });
  }

  get #device(): string {
    return this.#options.parameters[0]?.device ?? 'cpu';
  }

  #row(i: number): torch.Tensor {
    this.#rows ??= torch.keep(torch.zeros([this.#options.shards, this.#layout.length], { device: this.#device }));
    return this.#rows.select(0, i);
  }
}
