/**
 * TransMix: labels of CutMix by how much the transformer attends to the pasted part, not by its area alone.
 * J.-N. Chen et al., "TransMix: attend to mix for vision transformers", CVPR 2022, arXiv 2111.09833.
 */
import * as torch from '@deit-lt/torch';
import { Upload } from '../upload.js';
import { type Mix, type MixTargetsOptions, mixTargets, smoothedOneHot } from './mixup.js';

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
  options: TransMixOptions,
): torch.Tensor {
  return torch.tidy(() => {
    const upload = new Upload(attention.device);
    const targets = planTransMix(labels, mixes, options, upload);
    upload.send();
    return targets(attention);
  });
}

/** Plans what `transMixTargets` does. */
export function planTransMix(
  labels: Int32Array,
  mixes: readonly Mix[],
  { height, width, numClasses, smoothing = 0 }: TransMixOptions,
  upload: Upload,
): (attention: torch.Tensor) => torch.Tensor {
  if (mixes.every(({ kind }) => kind !== 'cutmix'))
    return upload.tensor(mixTargets(labels, mixes, { numClasses, smoothing }));
  const column = (values: readonly number[]) => upload.numbers(Float32Array.from(values), [mixes.length, 1]);
  const boxes = upload.numbers(Int32Array.from(mixes.flatMap(edgesOf)), [mixes.length, 4]);
  const isCut = column(mixes.map(({ kind }) => (kind === 'cutmix' ? 0.5 : 0)));
  const areas = column(mixes.map(({ lambda }) => 1 - lambda));
  const ownTargets = upload.tensor(smoothedOneHot(labels, numClasses, smoothing));
  return (attention) =>
    torch.tidy(() => {
      const grid = gridOf(attention.size(1), height, width);
      const full = attention.detach().float();
      const attended = full
        .mul(pastedPatches(boxes(), { height, width, grid }))
        .sum(1, { keepdim: true })
        .div(full.sum(1, { keepdim: true })); // (B, 1)
      const area = areas();
      const share = area.add(isCut().mul(attended.sub(area))); // (B, 1): of the partner
      const own = ownTargets();
      return own.add(share.mul(own.flip(0).sub(own)));
    });
}

/** First row, first column, and those after the last, of what CutMix pastes. */
function edgesOf(mix: Mix): number[] {
  if (mix.kind !== 'cutmix') return [0, 0, 0, 0];
  const { top, left, height, width } = mix.box;
  return [top, left, top + height, left + width];
}

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

/**
 * 1 for the patches whose first pixel lies in a box (nearest-neighbour shrinking), else 0; row by row: `[m, patches]`.
 * `boxes` `[m, 4]` are first row, first column, and those after the last.
 */
export function pastedPatches(boxes: torch.Tensor, { height, width, grid: [rows, columns] }: PatchPlace): torch.Tensor {
  const [top, left, bottom, right] = boxes.split(1, 1) as [torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor];
  const firsts = (count: number, length: number): torch.Tensor =>
    torch.arange(count, { device: boxes.device }).mul(length).div(count, { roundingMode: 'floor' });
  const [y, x] = [firsts(rows, height), firsts(columns, width)];
  const inRows = y.ge(top).logicalAnd_(y.lt(bottom)); // (m, rows)
  const inColumns = x.ge(left).logicalAnd_(x.lt(right)); // (m, columns)
  return inRows.unsqueeze(2).logicalAnd(inColumns.unsqueeze(1)).flatten(1).float();
}
