/**
 * Several views of the same images in one batch (multi-crop, Caron et al. 2020, arXiv 2006.09882, as the published code
 * of DeiT-LT feeds it to the network): views of one size go through the network together.
 */
import * as torch from '@deit-lt/torch';
import { type Mix, mixImages } from '../augment/mixup.js';
import type { Box } from '../augment/random-erasing.js';
import type { ModelOutput } from '../models/model.js';

/** Views of one size, one after the other along the batch. */
export interface JoinedViews {
  /** `[copies · B, 3, S, S]`. */
  readonly images: torch.Tensor;
  readonly copies: number;
}

/** Joins those of `views` (each `[B, 3, S, S]`) that have the same size; in the order in which sizes occur. */
export function joinBySize(views: readonly torch.Tensor[]): JoinedViews[] {
  const sizes = [...new Set(views.map((view) => view.size(3)))];
  return sizes.map((size) => {
    const same = views.filter((view) => view.size(3) === size);
    return { images: joinBatches(same), copies: same.length };
  });
}

/** Returns the labels `copies` times. */
export function repeatLabels(labels: Int32Array, copies: number): Int32Array {
  return Int32Array.from({ length: copies * labels.length }, (_, i) => labels[i % labels.length]!);
}

/** Concatenates batches; returns a single one unchanged. */
export function joinBatches(batches: readonly torch.Tensor[]): torch.Tensor {
  return batches.length === 1 ? batches[0]! : torch.cat([...batches], 0);
}

/** Returns the logits of several batches as if they were one. */
export function joinOutputs(outputs: readonly ModelOutput[]): ModelOutput {
  if (outputs.length === 1) return outputs[0]!;
  const heads = outputs.map((output) => (Array.isArray(output) ? output : [output]));
  const [cls, dist] = heads[0]!.map((_, head) => joinBatches(heads.map((of) => of[head]!)));
  return dist === undefined ? cls! : [cls!, dist];
}

/**
 * Mixes `images` `[B, 3, T, T]` as other views of them, of side `side`, were mixed: a box of CutMix keeps its place.
 */
export function mixAlike(images: torch.Tensor, mixes: readonly Mix[], side: number): torch.Tensor {
  return mixImages(images, scaledMixes(mixes, images.size(3) / side));
}

/** Returns `mixes` for images of `scale` times the side. */
export function scaledMixes(mixes: readonly Mix[], scale: number): Mix[] {
  return mixes.map((mix) => (mix.kind === 'cutmix' ? { ...mix, box: scaleBox(mix.box, scale) } : mix));
}

function scaleBox({ top, left, height, width }: Box, scale: number): Box {
  const [y, x] = [Math.round(top * scale), Math.round(left * scale)];
  return {
    top: y,
    left: x,
    height: Math.round((top + height) * scale) - y,
    width: Math.round((left + width) * scale) - x,
  };
}
