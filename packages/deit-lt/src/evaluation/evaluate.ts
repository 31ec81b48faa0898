/**
 * Evaluation of a classifier on a split: the accuracies of each of its outputs. A teacher or
 * plain ViT has one output (`avg`), a student three: CLS, DIST, and the mean of their logits.
 */
import * as torch from '@deit-lt/torch';
import type { Pipeline } from '../augment/transform.js';
import { type ByClass, type ClassLabels, requireSameOrder } from '../by-class.js';
import type { Group } from '../data/groups.js';
import { Loader } from '../data/loader.js';
import type { PixelSource } from '../data/pixel-source.js';
import { range } from '../data/samplers/sampler-orders.js';
import { nextTurn } from '../next-turn.js';
import { Readback } from '../readback.js';
import { Metrics, type MetricsResult } from './metrics.js';
import {
  type BatchFindings,
  type EvaluatingProcesses,
  evaluatedOutputs,
  ownBatches,
  Rounds,
} from './shared-batches.js';

/** Accuracies in % of each output; `avg` is the prediction. */
export interface EvaluationResult {
  /** The order in which figures of classes are; not in `metrics.jsonl`, where it is that of the run's configuration. */
  readonly classNames?: readonly string[];
  /** The groups of the classes for head, mid and tail; not in `metrics.jsonl`. */
  readonly groups?: readonly Group[];
  readonly avg: MetricsResult;
  readonly cls?: MetricsResult;
  readonly dist?: MetricsResult;
  /** Mean cosine of CLS and DIST features, −1 … 1, where it was measured: figure 4a of the paper shows 1 − it. */
  readonly expertCosine?: number;
}

/** Logits of a batch by output name; `avg` is the prediction. */
export interface OutputLogits {
  readonly avg: torch.Tensor;
  readonly cls?: torch.Tensor;
  readonly dist?: torch.Tensor;
}

/** Logits, and what else of the network is measured. */
export interface EvaluationOutputs extends OutputLogits {
  /** Cosine of CLS and DIST features of each image, `[B]`. */
  readonly expertCosine?: torch.Tensor;
}

/** Labels and groups are in the order of the model's outputs. */
export interface EvaluateOptions extends ClassLabels {
  readonly source: PixelSource;
  readonly groups: ByClass<Group>;
  /** The class of each column of the logits. */
  readonly outputClasses: readonly string[];
  readonly pipeline: Pipeline;
  readonly batchSize: number;
  /** Device of the model. Default: the CPU. */
  readonly device?: string;
  /** Returns the logits `[B, C]` of normalised images `[B, 3, S, S]`. Called without gradients. */
  readonly logits: (images: torch.Tensor) => EvaluationOutputs;
  /** Gets the best classes of each batch of each output, in order, as `Metrics.add` returns them. */
  readonly keep?: (output: keyof OutputLogits, best: Int32Array) => void;
  readonly onProgress?: (done: number, total: number) => void;
  /** The processes that evaluate together; all get the figures of all images. Default: this one alone. */
  readonly processes?: EvaluatingProcesses;
  readonly signal?: AbortSignal;
}

/**
 * Evaluates all images of `source`. Throws the signal's reason when it is aborted, `StoppedElsewhere` when that of another process
 * is, and an `internal:` error when labels, groups and logits have different orders of classes.
 */
export async function evaluate(options: EvaluateOptions): Promise<EvaluationResult> {
  const { classNames, groups, processes } = options;
  requireSameOrder(classNames, options.outputClasses, 'the labels and the model');
  requireSameOrder(groups.classNames, options.outputClasses, 'the groups and the model');
  const tally = new Tally(options);
  if (processes !== undefined && processes.count > 1) await evaluateTogether(options, processes, tally);
  else await evaluateAlone(options, tally);
  return tally.result();
}

/** Counts what is found in batches, in their order. */
class Tally {
  readonly #options: EvaluateOptions;
  readonly #metrics = new Map<keyof OutputLogits, Metrics>();
  #cosines: number | undefined;

  constructor(options: EvaluateOptions) {
    this.#options = options;
  }

  of(name: keyof OutputLogits): Metrics {
    const of = this.#metrics.get(name) ?? new Metrics(this.#options);
    this.#metrics.set(name, of);
    return of;
  }

  add(name: keyof OutputLogits, ranks: Int32Array, labels: Int32Array): void {
    const best = this.of(name).addRanks(ranks, labels);
    this.#options.keep?.(name, best);
  }

  addCosines(sum: number): void {
    this.#cosines = (this.#cosines ?? 0) + sum;
  }

  result(): EvaluationResult {
    const { classNames, groups, labels } = this.#options;
    const accuracies = Object.fromEntries(
      [...this.#metrics].map(([name, of]) => [name, of.result()]),
    ) as unknown as EvaluationResult;
    return {
      classNames,
      groups: [...groups],
      ...accuracies,
      ...(this.#cosines !== undefined && { expertCosine: this.#cosines / labels.length }),
    };
  }
}

/** Calls `found` with the batches of the images `ids`, and what the model makes of them; its tensors belong to the open scope. */
async function eachBatch(
  { source, labels, pipeline, batchSize, logits, device }: EvaluateOptions,
  ids: Int32Array,
  found: (outputs: EvaluationOutputs, labels: Int32Array) => void,
  before: () => void,
): Promise<void> {
  const loader = new Loader({ source, labels, pipeline, ids, batchSize, ...(device && { device }) });
  for await (const batch of loader) {
    using images = batch.images;
    before();
    torch.tidy(() =>
      found(
        torch.noGrad(() => logits(images)),
        batch.labels,
      ),
    );
    await nextTurn();
  }
}

async function evaluateAlone(options: EvaluateOptions, tally: Tally): Promise<void> {
  const { labels: all, onProgress, signal } = options;
  using readback = new Readback();
  let done = 0;
  const found = (outputs: EvaluationOutputs, labels: Int32Array): void => {
    for (const name of evaluatedOutputs) {
      const values = outputs[name];
      if (values !== undefined)
        readback.add([tally.of(name).ranks(values.float(), labels)], (ranks) =>
          tally.add(name, ranks as Int32Array, labels),
        );
    }
    if (outputs.expertCosine !== undefined)
      readback.add([outputs.expertCosine.sum()], (sum) => tally.addCosines(sum![0]!));
    done += labels.length;
    onProgress?.(done, all.length);
  };
  await eachBatch(options, range(all.length), found, () => signal?.throwIfAborted());
  readback.flush();
}

/** Each process evaluates every `count`-th batch; the batches are those of one process, so each image has the same logits. */
async function evaluateTogether(options: EvaluateOptions, processes: EvaluatingProcesses, tally: Tally): Promise<void> {
  const { labels: all, batchSize, groups, onProgress, signal } = options;
  const batches = Math.ceil(all.length / batchSize);
  const everything = range(all.length);
  const ids = ownBatches(batches, processes).flatMap((batch) => [
    ...everything.subarray(batch * batchSize, (batch + 1) * batchSize),
  ]);
  const rounds = new Rounds(processes, Math.min(batchSize, all.length) * (1 + Math.min(5, groups.length)));
  let round = 0;
  const exchange = (own: BatchFindings | 'stopped' | undefined): void => {
    for (const [rank, findings] of rounds.exchange(own).entries()) {
      const labels = all.subarray((round * processes.count + rank) * batchSize).subarray(0, batchSize);
      for (const [name, ranks] of findings?.ranks ?? []) tally.add(name, ranks, labels);
      if (findings?.cosines !== undefined) tally.addCosines(findings.cosines);
    }
    round++;
    onProgress?.(Math.min(all.length, round * processes.count * batchSize), all.length);
  };
  const before = (): void => {
    if (signal?.aborted === true) exchange('stopped');
  };
  await eachBatch(
    options,
    Int32Array.from(ids),
    (outputs, labels) => exchange(findingsOf(outputs, labels, tally)),
    before,
  );
  if (round * processes.count < batches) exchange(undefined);
}

function findingsOf(outputs: EvaluationOutputs, labels: Int32Array, tally: Tally): BatchFindings {
  const ranks = evaluatedOutputs.flatMap((name) => {
    const values = outputs[name];
    return values === undefined
      ? []
      : [[name, tally.of(name).ranks(values.float(), labels).toTypedArray<'int32'>()] as const];
  });
  const cosines = outputs.expertCosine?.sum().float().toNumber();
  return { ranks: new Map(ranks), ...(cosines !== undefined && { cosines }) };
}
