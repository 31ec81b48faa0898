/**
 * Evaluation by several processes: in each round every process evaluates one batch and all exchange what they found, so that each
 * has the figures of all images. The batches are those of a single process, and are counted in the same order.
 */
import * as torch from '@deit-lt/torch';

/** The processes that evaluate together. */
export interface EvaluatingProcesses {
  /** Number of this process, from 0. */
  readonly rank: number;
  readonly count: number;
  /** Returns the `tensor` of each process, in their order. All processes call it, with tensors of one shape. */
  gather(tensor: torch.Tensor): torch.Tensor[];
}

/** The outputs of a model, in the order in which they travel. */
export const evaluatedOutputs = ['avg', 'cls', 'dist'] as const;

/** The findings of one batch. */
export interface BatchFindings {
  /** The values of `Metrics.ranks`, by output. */
  readonly ranks: ReadonlyMap<(typeof evaluatedOutputs)[number], Int32Array>;
  /** Sum of the cosines of CLS and DIST features. */
  readonly cosines?: number;
}

/** Thrown in a process whose evaluation ends because another one received a signal. */
export class StoppedElsewhere extends Error {
  override name = 'StoppedElsewhere';
}

/** The numbers of the batches that process `rank` evaluates: one in each round. */
export function ownBatches(batches: number, { rank, count }: Pick<EvaluatingProcesses, 'rank' | 'count'>): number[] {
  return Array.from({ length: Math.max(0, Math.ceil((batches - rank) / count)) }, (_, round) => round * count + rank);
}

/** Whether the process was stopped, which outputs and cosines there are, and the bits of the cosines. */
const header = 2 + evaluatedOutputs.length + 1;

/** Exchanges the findings of one round, with places for `numbers` values of each output. All processes call it. */
export class Rounds {
  constructor(
    private readonly processes: EvaluatingProcesses,
    private readonly numbers: number,
  ) {}

  /**
   * Returns the findings of all processes in their order; undefined: a process has no batch in this round. Throws
   * `StoppedElsewhere` in all processes when `own` is `stopped` in one.
   */
  exchange(own: BatchFindings | 'stopped' | undefined): (BatchFindings | undefined)[] {
    const packed = this.#pack(own);
    const all = torch.tidy(() =>
      this.processes.gather(torch.tensor(packed)).map((values) => values.toTypedArray<'int32'>()),
    );
    if (all.some(([stopped]) => stopped === 1)) throw new StoppedElsewhere('another process was stopped');
    return all.map((values) => this.#unpack(values));
  }

  #pack(own: BatchFindings | 'stopped' | undefined): Int32Array {
    const packed = new Int32Array(header + evaluatedOutputs.length * this.numbers);
    if (own === 'stopped') packed[0] = 1;
    if (own === 'stopped' || own === undefined) return packed;
    for (const [i, name] of evaluatedOutputs.entries()) {
      const ranks = own.ranks.get(name);
      if (ranks === undefined) continue;
      packed[1 + i] = ranks.length;
      packed.set(ranks, header + i * this.numbers);
    }
    if (own.cosines === undefined) return packed;
    packed[header - 2] = 1;
    packed.set(new Int32Array(Float32Array.of(own.cosines).buffer), header - 1);
    return packed;
  }

  #unpack(values: Int32Array): BatchFindings | undefined {
    const ranks = new Map(
      evaluatedOutputs.flatMap((name, i) => {
        const start = header + i * this.numbers;
        return values[1 + i] === 0 ? [] : [[name, values.slice(start, start + values[1 + i]!)] as const];
      }),
    );
    if (ranks.size === 0) return undefined;
    const [cosines] = new Float32Array(values.slice(header - 1, header).buffer);
    return { ranks, ...(values[header - 2] === 1 && { cosines: cosines! }) };
  }
}
