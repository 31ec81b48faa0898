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
import { nextTurn } from '../next-turn.js';
import { Readback } from '../readback.js';
import { Metrics, type MetricsResult } from './metrics.js';

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
  readonly signal?: AbortSignal;
}

/**
 * Evaluates all images of `source`. Throws the signal's reason when it is aborted, and an `internal:` error when labels,
 * groups and logits have different orders of classes.
 */
export async function evaluate(options: EvaluateOptions): Promise<EvaluationResult> {
  const { source, labels, classNames, groups, pipeline, batchSize, logits, device, keep, onProgress, signal } = options;
  requireSameOrder(classNames, options.outputClasses, 'the labels and the model');
  requireSameOrder(groups.classNames, options.outputClasses, 'the groups and the model');
  const metrics = new Map<keyof OutputLogits, Metrics>();
  const ids = Int32Array.from({ length: labels.length }, (_, i) => i);
  const loader = new Loader({ source, labels, pipeline, ids, batchSize, ...(device && { device }) });
  using readback = new Readback();
  let done = 0;
  let cosines: number | undefined;
  for await (const batch of loader) {
    using images = batch.images;
    signal?.throwIfAborted();
    torch.tidy(() => {
      const outputs = torch.noGrad(() => logits(images));
      for (const name of ['avg', 'cls', 'dist'] as const) {
        const values = outputs[name];
        if (values === undefined) continue;
        const of = metrics.get(name) ?? new Metrics({ groups });
        metrics.set(name, of);
        readback.add([of.ranks(values.float(), batch.labels)], (ranks) => {
          const best = of.addRanks(ranks as Int32Array, batch.labels);
          keep?.(name, best);
        });
      }
      if (outputs.expertCosine !== undefined)
        readback.add([outputs.expertCosine.sum()], (sum) => {
          cosines = (cosines ?? 0) + sum![0]!;
        });
    });
    done += batch.labels.length;
    onProgress?.(done, labels.length);
    await nextTurn();
  }
  readback.flush();
  const accuracies = Object.fromEntries(
    [...metrics].map(([name, of]) => [name, of.result()]),
  ) as unknown as EvaluationResult;
  return {
    classNames,
    groups: [...groups],
    ...accuracies,
    ...(cosines !== undefined && { expertCosine: cosines / done }),
  };
}
