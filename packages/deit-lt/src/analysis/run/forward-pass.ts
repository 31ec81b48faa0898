/** One pass of a model over the evaluated images, in batches: answers, features' moments, attention distances. */
import * as torch from '@deit-lt/torch';
import { type Group, groupNames } from '../../data/groups.js';
import { type Batch, Loader } from '../../data/loader.js';
import { cosineSimilarity } from '../../models/expert-cosine.js';
import { type BlockView, VisionTransformer } from '../../models/vit.js';
import type { OutputLogits } from '../../training/evaluate.js';
import { nextTurn } from '../../training/next-turn.js';
import { outputNames } from '../../training/predictions.js';
import { studentOutputs } from '../../training/student-task.js';
import { type AttentionGeometry, attentionDistances, patchDistances } from '../attention-distance.js';
import { momentsOf } from '../feature-rank.js';
import { logitScale } from './logit-scale.js';
import type { PassState } from './pass-state.js';
import type { Subject } from './subject.js';

/** Images of a batch unless told otherwise: attention takes heads · tokens² numbers for each. */
export const defaultBatchSize = 64;

export interface ForwardPassOptions {
  readonly batchSize: number;
  /** Where the state is saved now and then. */
  readonly partialFile: string;
  /** Seconds between two saves. Default 20. */
  readonly saveEverySeconds?: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** From `state.done` to the last image. Saves the state and throws the signal's reason when it is aborted. */
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

function look({ classifier }: Subject, state: PassState, { images, labels }: Pick<Batch, 'images' | 'labels'>): void {
  const { model, groups } = classifier;
  if (model instanceof VisionTransformer) {
    const watch = watcherOf(model, state, { images, labels, groups });
    const features = model.prefixFeaturesWatched(images, watch);
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

/** Rows and columns of patches of a batch of images. */
export function geometryOf(model: VisionTransformer, images: torch.Tensor): AttentionGeometry {
  const { patchEmbed, prefixTokens } = model;
  return { grid: patchEmbed.gridOf(images.size(2), images.size(3)), patchSize: patchEmbed.patchSize, prefixTokens };
}

interface WatchedBatch extends Pick<Batch, 'images' | 'labels'> {
  readonly groups: readonly Group[];
}

/** Adds up what each block shows: `distance.BLOCK` `[2, heads]`, and moments for `BLOCK.TOKEN.GROUP`. */
function watcherOf(
  model: VisionTransformer,
  state: PassState,
  { images, labels, groups }: WatchedBatch,
): (view: BlockView) => void {
  const geometry = geometryOf(model, images);
  const distances = patchDistances(geometry).float().to(images.device);
  const places = placesOf(labels, groups, images.device);
  return ({ block, tokens, attention }) => {
    const { raw, renormalised } = attentionDistances(attention, geometry, distances);
    state.add(`distance.${block}`, torch.stack([raw, renormalised]).double().sum(1)); // (2, heads)
    const prefix = tokens.narrow(1, 0, model.prefixTokens).float();
    for (const [group, index] of places)
      for (let token = 0; token < model.prefixTokens; token++)
        addMoments(state, `${block}.${token}.${group}`, prefix.select(1, token).indexSelect(0, index));
  };
}

/** Where in the batch the images of each group are; groups without any are left out. */
function placesOf(labels: Int32Array, groups: readonly Group[], device: string): [Group, torch.Tensor][] {
  return groupNames.flatMap((group): [Group, torch.Tensor][] => {
    const places = Array.from(labels, (_, i) => i).filter((i) => groups[labels[i]!] === group);
    return places.length === 0 ? [] : [[group, torch.tensor(places, { dtype: 'int64' }).to(device)]];
  });
}

function addMoments(state: PassState, name: string, features: torch.Tensor): void {
  const { count, sum, products } = momentsOf(features);
  state.add(`count.${name}`, torch.tensor([count], { dtype: 'float64' }));
  state.add(`sum.${name}`, sum);
  state.add(`products.${name}`, products);
}
