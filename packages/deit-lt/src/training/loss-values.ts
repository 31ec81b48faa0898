/** Reads the losses and gradient norms of an epoch from the device, and adds them up. */
import type * as torch from '@deit-lt/torch';
import { Readback } from '../readback.js';
import type { LossParts } from '../tasks/task.js';
import type { EpochSums } from './epoch-sums.js';
import type { LoopOptions } from './loop-options.js';
import { notFinite } from './not-finite.js';

/** Place of a batch, from 0, and its number of images. */
export interface BatchPlace {
  readonly epoch: number;
  readonly batch: number;
  readonly images: number;
}

/**
 * Adds losses to `sums`: on the CPU at once, on a card some batches late, so that a step does not wait for it. What is
 * added is the same.
 */
export class LossReader implements Disposable {
  #gradNorm: number | undefined;

  constructor(
    private readonly options: Pick<LoopOptions, 'task' | 'run' | 'recipe'>,
    private readonly sums: EpochSums,
    private readonly readback: Readback = new Readback(),
  ) {}

  /** The last norm that was read. */
  get gradNorm(): number | undefined {
    return this.#gradNorm;
  }

  /** Adds the losses of a batch. Throws UserError NOT_FINITE when a loss that is read is not; its parts may be so. */
  add({ loss, parts }: LossParts, { epoch, batch, images }: BatchPlace): void {
    const names = Object.keys(parts);
    this.readback.add([loss, ...Object.values(parts)], (first, ...more) => {
      const value = first![0]!;
      if (!Number.isFinite(value))
        throw notFinite(
          this.options,
          `the loss of the ${this.options.task.kind} became ${value} in epoch ${epoch + 1}, batch ${batch + 1}`,
        );
      this.sums.add(images, {
        loss: value,
        parts: Object.fromEntries(names.map((name, i) => [name, more[i]![0]!])),
      });
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
