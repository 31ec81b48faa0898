/**
 * TransMix: labels of CutMix by how much the transformer attends to the pasted part, not by its area alone.
 * J.-N. Chen et al., "TransMix: attend to mix for vision transformers", CVPR 2022, arXiv 2111.09833.
 */
import * as torch from '@deit-lt/torch';
import { type Mix, type MixTargetsOptions, mixTargets, smoothedOneHot } from './mixup.js';
import type { Box } from './random-erasing.js';

export interface TransMixOptions extends MixTargetsOptions {
  /** Size of the images in pixels. */
  readonly height: number;
  readonly width: number;
}

/**
 * Targets `[B, numClasses]` on the device of `attention` `[B, patches]` (of CLS, row by row, of a grid with the images'
 * shape). The share of a pasted box is the mean of its share of the image's area and of its share of the attention, as
 * in the authors' code (the paper takes the attention alone). Mixup keeps its λ. `mixes` as for `mixImages`.
 */
export function transMixTargets(
  labels: Int32Array,
  mixes: readonly Mix[],
  attention: torch.Tensor,
  { height, width, numClasses, smoothing = 0 }: TransMixOptions,
): torch.Tensor {
  return torch.tidy(() => {
    const { device } = attention;
    if (mixes.every(({ kind }) => kind !== 'cutmix'))
      return mixTargets(labels, mixes, { numClasses, smoothing }).to(device);
    const grid = gridOf(attention.size(1), height, width);
    const masks = mixes.map((mix) => (mix.kind === 'cutmix' ? pastedPatches(mix.box, { height, width, grid }) : null));
    const pasted = perMix(masks.map((mask) => mask ?? new Float32Array(attention.size(1)))).to(device);
    const full = attention.detach().float();
    const attended = full
      .mul(pasted)
      .sum(1, { keepdim: true })
      .div(full.sum(1, { keepdim: true })); // (B, 1)
    const isCut = perMix(masks.map((mask) => [mask === null ? 0 : 0.5])).to(device);
    const area = perMix(mixes.map(({ lambda }) => [1 - lambda])).to(device);
    const share = area.add(isCut.mul(attended.sub(area))); // (B, 1): of the partner
    const own = smoothedOneHot(labels, numClasses, smoothing).to(device);
    return own.add(share.mul(own.flip(0).sub(own)));
  });
}

/** `[mixes, n]`: one row for the whole batch, or one for each image. */
const perMix = (rows: readonly ArrayLike<number>[]): torch.Tensor => torch.tensor(rows.map((row) => Array.from(row)));

/** Rows and columns of `patches` square patches that cover an image. */
function gridOf(patches: number, height: number, width: number): readonly [rows: number, columns: number] {
  const rows = Math.round(Math.sqrt((patches * height) / width));
  return [rows, patches / rows];
}

interface PatchPlace {
  readonly height: number;
  readonly width: number;
  readonly grid: readonly [rows: number, columns: number];
}

/** 1 for the patches whose first pixel lies in `box` (nearest-neighbour shrinking), else 0; row by row. */
export function pastedPatches(box: Box, { height, width, grid: [rows, columns] }: PatchPlace): Float32Array {
  const inside = (at: number, start: number, length: number): boolean => at >= start && at < start + length;
  return Float32Array.from({ length: rows * columns }, (_, patch) => {
    const y = Math.floor((Math.floor(patch / columns) * height) / rows);
    const x = Math.floor(((patch % columns) * width) / columns);
    return inside(y, box.top, box.height) && inside(x, box.left, box.width) ? 1 : 0;
  });
}
