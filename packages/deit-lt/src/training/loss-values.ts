/** Reads the losses and gradient norms of an epoch from the device, and adds them up. */
import * as torch from '@deit-lt/torch';
import { Readback } from '../readback.js';
import type { LossParts } from '../tasks/task.js';
import type { EpochSums } from './epoch-sums.js';
import type { LoopOptions } from './loop-options.js';
import { notFinite } from './not-finite.js';
import type { Processes } from './processes.js';

/** Place of a batch, from 0, and its number of images. */
export interface BatchPlace {
  readonly epoch: number;
  readonly batch: number;
  readonly images: number;
}

/** The numbers of the shards of all processes, in their order. */
function ofAllShards(own: readonly number[][], processes: Processes): readonly number[][] {
  if (processes.count === 1) return own;
  return torch.tidy(() =>
    processes
      .gather(torch.tensor(own as number[][], { dtype: 'float64' }))
      .flatMap((rows) => rows.toArray() as number[][]),
  );
}

/** The mean of each column; of one row the row itself. */
function meansOf([first = [], ...others]: readonly number[][]): number[] {
  return first.map((value, i) => others.reduce((sum, row) => sum + row[i]!, value) / (others.length + 1));
}

/**
 * Adds losses to `sums`: on the CPU at once, on a card some batches late, so that a step does not wait for it. What is
 * added is the same.
 */
export class LossReader implements Disposable {
  #gradNorm: number | undefined;

  constructor(
    private readonly options: Pick<LoopOptions, 'task' | 'run' | 'recipe' | 'processes'> &
      Partial<Pick<LoopOptions, 'config'>>,
    private readonly sums: EpochSums,
    private readonly readback: Readback = new Readback(),
  ) {}

  /** The last norm that was read. */
  get gradNorm(): number | undefined {
    return this.#gradNorm;
  }

  /**
   * Adds the mean over all shards of the losses of a batch, of which `losses` are those of the shards of this process. Throws
   * UserError NOT_FINITE, in all processes, when a loss that is read is not; its parts may be so.
   */
  add(losses: readonly LossParts[], { epoch, batch, images }: BatchPlace): void {
    const names = Object.keys(losses[0]!.parts);
    const tensors = losses.flatMap(({ loss, parts }) => [loss, ...Object.values(parts)]);
    this.readback.add(tensors, (...values) => {
      const numbers = values.map((each) => each[0]!);
      const own = losses.map((_, i) => numbers.slice(i * (names.length + 1), (i + 1) * (names.length + 1)));
      const [value, ...more] = meansOf(ofAllShards(own, this.options.processes)) as [number, ...number[]];
      if (!Number.isFinite(value))
        throw notFinite(
          this.options,
          `the loss of the ${this.options.task.kind} became ${value} in epoch ${epoch + 1}, batch ${batch + 1}`,
        );
      this.sums.add(images, { loss: value, parts: Object.fromEntries(names.map((name, i) => [name, more[i]!])) });
    });
  }

  /** Adds the norm `[]` of the gradients of an update; undefined: it was not measured. */
  addGradNorm(norm: torch.Tensor | undefined): void {
    if (norm === undefined) return;
    this.readback.add([norm], (value) => {
      this.#gradNorm = value![0]!;
      this.sums.addGradNorm(this.#gradNorm);
    });
  }

  /** Reads what was not read yet: before a checkpoint, which has the sums of all its batches. Throws as `add`. */
  flush(): void {
    this.readback.flush();
  }

  [Symbol.dispose](): void {
    this.readback[Symbol.dispose]();
  }
}
