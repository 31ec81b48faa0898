/**
 * Resampling through matrices as a composition of tensor operations, in doubles and in Pillow's order of operations, for
 * devices that the engine's own operator does not know. Gives the same levels; needs a few dozen times the memory of the images.
 */
import * as torch from '@deit-lt/torch';
import type { Sent } from '../upload.js';
import type { AffineFilter, Matrix } from './affine-matrix.js';
import type { PlannedBatch } from './transform.js';

/** Source position of each output pixel: `[n, H, W]` in pixels of the source. */
interface Places {
  x: torch.Tensor;
  y: torch.Tensor;
}

/** Plans to take image i of `[n, 3, H, W]` through its matrix with its filter; outside, `fill`. A new tensor, channels last. */
export function planResampling(
  matrices: readonly Matrix[],
  filters: readonly AffineFilter[],
  fill: readonly number[],
  batch: PlannedBatch,
): (images: torch.Tensor) => torch.Tensor {
  const colour = batch.upload.numbers(Float32Array.from(fill, Math.round), [1, 3, 1, 1]);
  const groups = [...new Set(filters)].map((filter) => {
    const members = [...filters.keys()].filter((i) => filters[i] === filter);
    const of = members.map((i) => matrices[i]!);
    const work = filter === 'nearest' ? planNearest(of, colour, batch) : planBetween(of, filter, colour, batch);
    return { index: batch.upload.indices(members), work };
  });
  return (images) =>
    torch.tidy(() => {
      const result = torch.emptyLike(images, { memoryFormat: 'channels_last' });
      for (const { index, work } of groups) result.indexCopy_(0, index(), work(images.indexSelect(0, index())));
      return result;
    });
}

/** Sends rows `[n][k]` in doubles; gives each column as `[n, 1, 1]`. */
function sendColumns(rows: readonly (readonly number[])[], { upload }: PlannedBatch): () => torch.Tensor[] {
  const width = rows[0]!.length;
  const table = upload.numbers(Float64Array.from(rows.flat()), [rows.length, width, 1, 1]);
  return () => table().unbind(1);
}

function mapped(images: torch.Tensor, columns: readonly torch.Tensor[]): Places {
  const [a, b, c, d, e, f] = columns as Columns;
  const centres = (length: number): torch.Tensor =>
    torch.arange(length, { dtype: 'float64', device: images.device }).add_(0.5);
  const x = centres(images.size(3)); // (W)
  const y = centres(images.size(2)).unsqueeze(1); // (H, 1)
  return { x: x.mul(a).add(y.mul(b)).add_(c), y: x.mul(d).add(y.mul(e)).add_(f) };
}

function filled(sampled: torch.Tensor, inside: torch.Tensor, colour: torch.Tensor): torch.Tensor {
  return sampled.float().where(inside.unsqueeze(1), colour);
}

/** True where `places` lie from 0 to below `length`. */
const within = (places: torch.Tensor, length: number): torch.Tensor => places.ge(0).logicalAnd_(places.lt(length));

/** The pixels `[n, 3, H, W]` in column `x` and row `y` (`[n, H, W]`, int64); beyond the border, those at the border. */
function pixelsAt(images: torch.Tensor, x: torch.Tensor, y: torch.Tensor): torch.Tensor {
  const [n, channels, height, width] = images.shape as [number, number, number, number];
  const index = y
    .clamp(0, height - 1)
    .mul_(width)
    .add_(x.clamp(0, width - 1));
  const flat = images.reshape(n, channels, -1);
  return flat.gather(2, index.view(n, 1, -1).expand(n, channels, -1)).view(n, channels, height, width);
}

/** The six numbers of a matrix, each for all images. */
type Columns = readonly [torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor];

type Cubic = readonly [torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor];

/** The cubic through four neighbours with a = −1, in Horner's form. */
function cubicBetween([v1, v2, v3, v4]: Cubic, d: torch.Tensor): torch.Tensor {
  const p2 = v3.sub(v1);
  const p3 = v1.sub(v2).mul_(2).add_(v3).sub_(v4);
  const p4 = v2.sub(v1).sub_(v3).add_(v4);
  return p4.mul_(d).add_(p3).mul_(d).add_(p2).mul_(d).add_(v2);
}

function planBetween(
  matrices: readonly Matrix[],
  filter: 'bilinear' | 'bicubic',
  colour: Sent,
  batch: PlannedBatch,
): (images: torch.Tensor) => torch.Tensor {
  const columns = sendColumns(matrices, batch);
  return (images) => {
    const [, , height, width] = images.shape as [number, number, number, number];
    const { x, y } = mapped(images, columns());
    const inside = within(x, width).logicalAnd_(within(y, height));
    return filled(between(images, { x, y }, filter), inside, colour());
  };
}

function between(images: torch.Tensor, { x, y }: Places, filter: 'bilinear' | 'bicubic'): torch.Tensor {
  const left = x.sub(0.5).floor();
  const top = y.sub(0.5).floor();
  const dx = x.sub(0.5).sub_(left).unsqueeze(1); // (n, 1, H, W)
  const dy = y.sub(0.5).sub_(top).unsqueeze(1);
  const levels = images.double();
  const row = (j: number): torch.Tensor => {
    const at = (i: number): torch.Tensor => pixelsAt(levels, left.long().add_(i), top.long().add_(j));
    if (filter === 'bicubic') return cubicBetween([at(-1), at(0), at(1), at(2)], dx);
    return at(1).sub_(at(0)).mul_(dx).add_(at(0));
  };
  const sampled =
    filter === 'bicubic'
      ? cubicBetween([row(-1), row(0), row(1), row(2)], dy)
      : row(1).sub_(row(0)).mul_(dy).add_(row(0));
  return sampled.clamp_(0, 255).floor_();
}

/** Pillow's positions of the nearest pixels: sums of single steps without rotation and shear, else steps of 2⁻¹⁶ pixels. */
function planNearest(
  matrices: readonly Matrix[],
  colour: Sent,
  batch: PlannedBatch,
): (images: torch.Tensor) => torch.Tensor {
  const isStraight = ([, b, , d]: Matrix): boolean => b === 0 && d === 0;
  const straight = planStraight(matrices, batch);
  const turned = planFixed(matrices, batch);
  const choice = sendColumns(
    matrices.map((matrix) => [isStraight(matrix) ? 1 : 0]),
    batch,
  );
  return (images) => {
    const isTable = choice()[0]!.ne(0);
    const [tables, steps] = [straight(), turned(images)];
    const x = tables.x.where(isTable, steps.x);
    const y = tables.y.where(isTable, steps.y);
    const inside = within(x, batch.width).logicalAnd_(within(y, batch.height));
    return filled(pixelsAt(images, x, y), inside, colour());
  };
}

function planFixed(matrices: readonly Matrix[], batch: PlannedBatch): (images: torch.Tensor) => Places {
  const fixed = (v: number): number => Math.floor(v * 65536 + 0.5);
  const rows = matrices.map(([a, b, c, d, e, f]) =>
    [a, b, c + a * 0.5 + b * 0.5, d, e, f + d * 0.5 + e * 0.5].map(fixed),
  );
  const columns = sendColumns(rows, batch);
  return (images) => {
    const [a, b, c, d, e, f] = columns().map((column) => column.long()) as unknown as Columns;
    const x = torch.arange(images.size(3), { device: images.device });
    const y = torch.arange(images.size(2), { device: images.device }).unsqueeze(1);
    const whole = (steps: torch.Tensor): torch.Tensor => steps.div(65536, { roundingMode: 'floor' });
    return { x: whole(x.mul(a).add(y.mul(b)).add_(c)), y: whole(x.mul(d).add(y.mul(e)).add_(f)) };
  };
}

function planStraight(matrices: readonly Matrix[], { height, width, upload }: PlannedBatch): () => Places {
  const n = matrices.length;
  const table = (length: number, start: (m: Matrix) => number, step: (m: Matrix) => number): Sent => {
    const places = matrices.flatMap((matrix) => {
      let place = start(matrix) + step(matrix) * 0.5;
      return Array.from({ length }, () => {
        const source = place < 0 ? -1 : Math.trunc(place);
        place += step(matrix);
        return source;
      });
    });
    return upload.numbers(BigInt64Array.from(places, BigInt), [n, length]);
  };
  const x = table(
    width,
    (m) => m[2],
    (m) => m[0],
  );
  const y = table(
    height,
    (m) => m[5],
    (m) => m[4],
  );
  return () => ({ x: x().unsqueeze(1).expand(n, height, width), y: y().unsqueeze(2).expand(n, height, width) });
}
