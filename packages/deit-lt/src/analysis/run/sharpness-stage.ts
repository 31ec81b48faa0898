/** The sharpness of a teacher's minimum, on clean training images. */
import * as torch from '@deit-lt/torch';
import { logitScale } from '../../classifier/logit-scale.js';
import { Loader } from '../../data/loader.js';
import { stream } from '../../random/stream.js';
import { type Sharpness, sharpnessOf } from '../sharpness.js';
import type { Subject } from './subject.js';

/** Gradients are requested twenty times, so the images are as many as give this number of pixels … */
const pixels = 128 * 32 * 32;
/** … and at least so many. */
const fewest = 8;

/**
 * Sharpness of the mean cross-entropy of images drawn from the training set as it is, long tail and all, in single
 * precision and with batch-norm statistics as at evaluation. Logits are scaled as in training.
 */
export async function sharpnessStage({
  classifier,
  config,
  train,
}: Subject): Promise<Sharpness & { readonly images: number }> {
  const { model, pipeline, placement } = classifier;
  const { device } = placement;
  const { seed } = config.recipe;
  const count = Math.max(fewest, Math.round(pixels / pipeline.size ** 2));
  const all = Int32Array.from({ length: train.labels.length }, (_, i) => i);
  const ids = stream(seed, 'draw', 2).shuffle(all).subarray(0, count);
  const loader = new Loader({ ...train, pipeline, ids, batchSize: ids.length, device });
  const scale = logitScale(classifier);
  for await (const batch of loader) {
    using images = batch.images;
    return torch.tidy(() => {
      const labels = torch.tensor(batch.labels, { dtype: 'int64' }).to(device);
      const loss = (): torch.Tensor => {
        const output = model.call(images);
        const logits = Array.isArray(output) ? output[0].add(output[1]).div(2) : output;
        return torch.nn.functional.crossEntropy(logits.mul(scale), labels);
      };
      const found = sharpnessOf(loss, model.parameters(), { random: stream(seed, 'draw', 3) });
      return { ...found, images: ids.length };
    });
  }
  throw new Error('internal: a training set without images');
}
