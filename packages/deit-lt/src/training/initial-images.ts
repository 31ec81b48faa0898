/** Weights that a network computes from training images before the first update, such as a whitening. */
import type * as torch from '@deit-lt/torch';
import type { Pipeline } from '../augment/transform.js';
import { Loader } from '../data/loader.js';
import type { LabelledSource } from '../data/prepare-data.js';
import { isInitializedFromImages } from '../models/model.js';

/** Images that are shown to the network, evenly spaced over the training images: means over their pixels hardly vary. */
const most = 2000;

/**
 * Shows training images without augmentation to the parts of a network that are an `InitializedFromImages`; others stay as they are. All
 * processes of a training show the same images.
 */
export async function initializeFromImages(
  model: torch.nn.AnyModule,
  { source, labels }: Pick<LabelledSource, 'source' | 'labels'>,
  { pipeline, device }: { readonly pipeline: Pipeline; readonly device: string },
): Promise<void> {
  const parts = [...model.modules()].filter(isInitializedFromImages);
  if (parts.length === 0) return;
  const count = Math.min(most, labels.length);
  const ids = Int32Array.from({ length: count }, (_, i) => Math.floor((i * labels.length) / count));
  for await (using batch of new Loader({ source, labels, pipeline, ids, batchSize: count, device }))
    for (const part of parts) part.initializeFrom(batch.images);
}
