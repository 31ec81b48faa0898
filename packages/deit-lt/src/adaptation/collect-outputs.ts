/** The logits of a model for all images of a split. */
import * as torch from '@deit-lt/torch';
import type { AnyClassifier } from '../classifier/classifier.js';
import { logitScale } from '../classifier/logit-scale.js';
import { Loader } from '../data/loader.js';
import type { PixelSource } from '../data/pixel-source.js';
import { UserError } from '../errors.js';
import { nextTurn } from '../next-turn.js';
import type { OutputName } from '../runs/predictions.js';

export interface CollectOptions {
  readonly source: PixelSource;
  /** Number of images of `source`. */
  readonly images: number;
  readonly batchSize?: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** The outputs that are weighted: the experts of a student, else the only output. */
export function weightedOutputs(names: readonly OutputName[]): OutputName[] {
  return names.includes('cls') && names.includes('dist') ? ['cls', 'dist'] : ['avg'];
}

/**
 * Returns the logits `[N, C]`, float32 on the CPU and multiplied by the model's scale, of each output that
 * `weightedOutputs` names; the caller disposes them. Throws the signal's reason, and UserError CHECKPOINT for logits that
 * are not finite.
 */
export async function collectOutputs(
  classifier: AnyClassifier,
  { source, images, batchSize = 256, onProgress, signal }: CollectOptions,
): Promise<Map<OutputName, torch.Tensor>> {
  const { pipeline, placement } = classifier;
  const scale = logitScale(classifier);
  const [ids, labels] = [Int32Array.from({ length: images }, (_, i) => i), new Int32Array(images)];
  const pieces = new Map<OutputName, torch.Tensor[]>();
  let done = 0;
  try {
    for await (const batch of new Loader({ source, labels, pipeline, ids, batchSize, device: placement.device })) {
      using views = batch;
      signal?.throwIfAborted();
      torch.tidy(() => {
        const logits = torch.noGrad(() => classifier.logits(views.images));
        for (const name of weightedOutputs(Object.keys(logits) as OutputName[])) {
          const piece = torch.keep(logits[name]!.float().mul(scale).to('cpu'));
          pieces.set(name, [...(pieces.get(name) ?? []), piece]);
        }
      });
      done += views.ids.length;
      onProgress?.(done, images);
      await nextTurn();
    }
    return torch.tidy(() => {
      const whole = [...pieces].map(([name, all]): [OutputName, torch.Tensor] => [name, torch.cat(all, 0)]);
      for (const [name, logits] of whole) requireFinite(logits, name, classifier.file);
      return new Map(whole.map(([name, logits]) => [name, torch.keep(logits)]));
    });
  } finally {
    for (const piece of [...pieces.values()].flat()) piece.dispose();
  }
}

function requireFinite(logits: torch.Tensor, name: string, file: string): void {
  if (Number.isFinite(logits.abs().max().toNumber())) return;
  throw new UserError(
    'CHECKPOINT',
    `${file}: the output ${name} is not finite for some images: its weights are too large, or the image normalisation is wrong. Use an earlier checkpoint.`,
  );
}
