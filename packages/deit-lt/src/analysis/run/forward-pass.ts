/** One pass of a model over the evaluated images, in batches: answers, features' moments, attention distances. */
import * as torch from '@deit-lt/torch';
import type { Classifier } from '../../classifier/classifier.js';
import { logitScale } from '../../classifier/logit-scale.js';
import { type Batch, Loader } from '../../data/loader.js';
import type { OutputLogits } from '../../evaluation/evaluate.js';
import { cosineSimilarity } from '../../models/expert-cosine.js';
import { VisionTransformer } from '../../models/vit.js';
import { nextTurn } from '../../next-turn.js';
import { outputNames } from '../../runs/predictions.js';
import { studentOutputs } from '../../tasks/student-task.js';
import { addMoments, attentionSize, featuresBuffer, watcherOf } from './block-measures.js';
import type { PassState } from './pass-state.js';
import type { Subject } from './subject.js';

/** Images of a batch unless told otherwise: of a transformer as many as have 2²³ attention weights in a block, 16 to 256. */
export function defaultBatchSize({ model, recipe }: Pick<Classifier, 'model' | 'recipe'>): number {
  if (!(model instanceof VisionTransformer)) return 256;
  const fitting = 2 ** Math.round(Math.log2(2 ** 23 / attentionSize(model, recipe.evalSize ?? recipe.imageSize)));
  return Math.min(256, Math.max(16, fitting));
}

export interface ForwardPassOptions {
  readonly batchSize: number;
  /** File in which the state is saved from time to time. */
  readonly partialFile: string;
  /** Seconds between two saves. Default 20. */
  readonly saveEverySeconds?: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Processes the images from `state.done` to the last one. Saves the state and throws the signal's reason when it is
 * aborted.
 */
export async function forwardPass(subject: Subject, state: PassState, options: ForwardPassOptions): Promise<void> {
  const { batchSize, partialFile, saveEverySeconds = 20, onProgress, signal } = options;
  const { classifier, evaluated } = subject;
  const { source, labels } = evaluated;
  const ids = Int32Array.from({ length: labels.length }, (_, i) => i);
  const { pipeline, placement } = classifier;
  const startBatch = state.done / batchSize;
  if (state.done >= labels.length) return;
  const loader = new Loader({ source, labels, pipeline, ids, batchSize, startBatch, device: placement.device });
  let savedAt = performance.now();
  for await (const batch of loader) {
    using images = batch.images;
    torch.tidy(() => torch.noGrad(() => placement.autocast(() => look(subject, state, { ...batch, images }))));
    state.done += batch.labels.length;
    onProgress?.(state.done, labels.length);
    const due = performance.now() - savedAt >= saveEverySeconds * 1000;
    if (due || signal?.aborted || state.done === labels.length) {
      state.save(partialFile);
      savedAt = performance.now();
    }
    signal?.throwIfAborted();
    await nextTurn();
  }
}

function look(
  { classifier, groups }: Subject,
  state: PassState,
  { images, labels }: Pick<Batch, 'images' | 'labels'>,
): void {
  const { model } = classifier;
  if (model instanceof VisionTransformer) {
    const seen = featuresBuffer(model, images);
    const features = model.prefixFeaturesWatched(images, watcherOf(model, state, { images, seen }));
    addMoments(state, { seen, labels, groups });
    if (model.distilled) putCosine(features, state);
    const output = model.forwardHead(features);
    putAnswers(Array.isArray(output) ? studentOutputs(...output) : { avg: output }, state, 1);
  } else putAnswers(classifier.logits(images), state, logitScale(classifier));
}

/** Class and probability by each output. */
function putAnswers(outputs: OutputLogits, state: PassState, scale: number): void {
  for (const name of outputNames) {
    const logits = outputs[name]?.float();
    if (logits === undefined) continue;
    state.put(`predicted.${name}`, logits.argmax(1).int().toTypedArray<'int32'>());
    state.put(`confidence.${name}`, logits.mul(scale).softmax(1).amax(1).toTypedArray<'float32'>());
  }
}

function putCosine(features: torch.Tensor, state: PassState): void {
  const [cls, dist] = [0, 1].map((token) => features.select(1, token).float());
  state.put('cosine', cosineSimilarity(cls!, dist!).toTypedArray<'float32'>());
}
