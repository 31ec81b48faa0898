/** What the pipeline draws for an image, written down for the other side to do the same. */
import type { OpChoice } from '#deit-lt/augment/ops.js';
import { resampling } from '#deit-lt/augment/policy-op.js';
import { drawRandAugment, parseRandAugment } from '#deit-lt/augment/rand-augment.js';
import { type Box, drawEraseBox } from '#deit-lt/augment/random-erasing.js';
import type { Pipeline } from '#deit-lt/augment/transform.js';
import type { Window } from '#deit-lt/data/decode/window.js';
import { stream } from '#deit-lt/random/stream.js';
import { erasing, mean, policy } from './cases.js';

export interface Plan {
  readonly window: Window;
  readonly ops: readonly OpChoice[];
  /** null: nothing is erased. */
  readonly box: Box | null;
}

/** Of the image `id` in epoch 0: the pipeline's own draws, in its order. */
export function planOf(pipeline: Pipeline, id: number, { width, height }: { width: number; height: number }): Plan {
  const random = stream(0, 'augment', 0, id);
  const window = pipeline.window(width, height, random);
  const config = parseRandAugment(policy);
  const { filters } = resampling({ interpolation: 'input' }, { filter: pipeline.filter, mean });
  const drawn = drawRandAugment(config, { ...config, translate: 0.45, filters }, random);
  const ops = drawn.filter((choice) => choice !== undefined);
  const isErased = random.random() <= erasing.probability;
  const box = isErased ? drawEraseBox(pipeline.size, pipeline.size, erasing, random) : undefined;
  return { window, ops, box: box ?? null };
}
