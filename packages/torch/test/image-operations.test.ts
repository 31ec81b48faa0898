/**
 * bridge::image_operations (native/images.cc): resampling against plain doubles in Pillow's order for every filter and
 * processor family, and the operator's own rules. What the other operations give is compared with Pillow in deit-lt.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { suite, test } from 'node:test';
import * as torch from '../src/index.js';

const fill = [9, 8, 7];
const filters = { nearest: 0, bilinear: 1, bicubic: 2 } as const;
const operation = { affine: 0, invert: 3 } as const;

type Row = readonly number[];

function apply(images: torch.Tensor, rows: readonly Row[], colour: readonly number[] = fill): torch.Tensor {
  const steps = torch.zeros([rows.length, 9], { dtype: 'float64' });
  rows.forEach((row, k) => {
    row.forEach((value, i) => {
      steps.indexPut_([k, i], value);
    });
  });
  return torch.ops.bridge!.image_operations!.default!(images, steps, colour) as torch.Tensor;
}

const generator = new torch.Generator().manualSeed(5);
const numbers = (tensor: torch.Tensor): number[] => Array.from(tensor.contiguous().toTypedArray<'float32'>());

/** Noise, a slope on which exact values fall on whole levels, and an image with flat parts: `[3, 3, H, W]`. */
function images(height: number, width: number): torch.Tensor {
  const noise = torch.randint(0, 256, [3, height, width], { generator }).float();
  const slope = torch
    .arange(height * width)
    .mul(5)
    .remainder(256)
    .float()
    .reshape([height, width])
    .expand(3, height, width);
  const flat = noise.gt(200).float().mul(255);
  return torch.stack([noise, slope, flat]).contiguous({ memoryFormat: 'channels_last' });
}

function cubic([v1, v2, v3, v4]: readonly number[], d: number): number {
  const [p2, p3, p4] = [-v1! + v3!, 2 * (v1! - v2!) + v3! - v4!, -v1! + v2! - v3! + v4!];
  return v2! + d * (p2 + d * (p3 + d * p4));
}

/** One channel `[H][W]` at the place (x, y), outside of which there is nothing. */
function sample(channel: number[][], x: number, y: number, isCubic: boolean): number | undefined {
  const [height, width] = [channel.length, channel[0]!.length];
  if (!(x >= 0 && x < width && y >= 0 && y < height)) return undefined;
  const [left, top] = [Math.floor(x - 0.5), Math.floor(y - 0.5)];
  const [dx, dy] = [x - 0.5 - left, y - 0.5 - top];
  const at = (j: number, i: number): number =>
    channel[Math.min(height - 1, Math.max(0, top + j))]![Math.min(width - 1, Math.max(0, left + i))]!;
  const row = (j: number): number =>
    isCubic ? cubic([at(j, -1), at(j, 0), at(j, 1), at(j, 2)], dx) : at(j, 0) + (at(j, 1) - at(j, 0)) * dx;
  const value = isCubic ? cubic([row(-1), row(0), row(1), row(2)], dy) : row(0) + (row(1) - row(0)) * dy;
  return Math.trunc(Math.min(255, Math.max(0, value)));
}

function expected(image: torch.Tensor, [a, b, c, d, e, f]: Row, isCubic: boolean): number[] {
  const channels = image.toArray() as number[][][];
  return channels.flatMap((channel, k) =>
    channel.flatMap((line, y) =>
      line.map((_, x) => {
        const place = [a! * (x + 0.5) + b! * (y + 0.5) + c!, d! * (x + 0.5) + e! * (y + 0.5) + f!] as const;
        return sample(channel, ...place, isCubic) ?? fill[k]!;
      }),
    ),
  );
}

/** The nearest pixel in steps of 2^-16. */
function expectedNearest(image: torch.Tensor, [a, b, c, d, e, f]: Row): number[] {
  const fixed = (v: number): number => Math.floor(v * 65536 + 0.5);
  const [A, B, D, E] = [a!, b!, d!, e!].map(fixed) as [number, number, number, number];
  const [C, F] = [fixed(c! + a! * 0.5 + b! * 0.5), fixed(f! + d! * 0.5 + e! * 0.5)];
  return (image.toArray() as number[][][]).flatMap((channel, k) =>
    channel.flatMap((line, y) =>
      line.map((_, x) => {
        const [column, row] = [Math.floor((C + A * x + B * y) / 65536), Math.floor((F + D * x + E * y) / 65536)];
        return channel[row]?.[column] ?? fill[k]!;
      }),
    ),
  );
}

/** Turns, shears, shifts by fractions and whole pixels, and one that sees nothing. */
function matrices(count: number): Row[] {
  const random = Array.from(torch.randn([count, 6], { generator }).toTypedArray<'float32'>());
  const turned = Array.from({ length: count }, (_, k) => {
    const [a, b, c, d, e, f] = random.slice(6 * k, 6 * k + 6) as [number, number, number, number, number, number];
    return [1 + 0.2 * a, 0.3 * b, 5 * c, 0.3 * d, 1 + 0.2 * e, 5 * f];
  });
  return [...turned, [1, 0.2, 0, 0, 1, 0], [1, 0, 7.2, 0, 1, 0], [1, 0, 3, 0, 1, -2], [1, 0.5, 1000, 0, 1, 0]];
}

suite('bridge::image_operations', () => {
  for (const [height, width] of [
    [19, 33],
    [8, 5],
    [1, 2],
  ] as const)
    for (const filter of ['bilinear', 'bicubic', 'nearest'] as const)
      test(`${filter} resampling of ${height} × ${width} is that of plain doubles`, () => {
        const batch = images(height, width);
        for (const matrix of matrices(12)) {
          const isTable = filter === 'nearest' && matrix[1] === 0 && matrix[3] === 0;
          if (isTable && !Number.isInteger(matrix[2])) continue;
          const changed = apply(
            batch,
            [0, 1, 2].map((i) => [i, operation.affine, filters[filter], ...matrix]),
          );
          [0, 1, 2].forEach((i) => {
            const image = batch.select(0, i);
            const want =
              filter === 'nearest' ? expectedNearest(image, matrix) : expected(image, matrix, filter === 'bicubic');
            assert.deepEqual(numbers(changed.select(0, i)), want, `image ${i} through ${matrix}`);
          });
        }
      });

  test('applies the steps of each image in their order, and copies images without steps', () => {
    const batch = images(6, 7);
    const shift = [operation.affine, filters.nearest, 1, 0, 2, 0, 1, 0];
    const changed = apply(batch, [
      [0, operation.invert],
      [0, ...shift],
      [2, ...shift],
      [2, operation.invert],
    ]);
    assert.deepEqual(numbers(changed.select(0, 1)), numbers(batch.select(0, 1)));
    assert.deepEqual(numbers(changed.select(0, 0).select(0, 0).select(1, 6)), new Array(6).fill(9));
    assert.deepEqual(numbers(changed.select(0, 2).select(0, 0).select(1, 6)), new Array(6).fill(246));
    assert.ok(changed.isContiguous({ memoryFormat: 'channels_last' }));
  });

  test('takes any strides, and gives the same with several threads', () => {
    const batch = torch.cat([images(12, 9), images(12, 9), images(12, 9)]);
    const rows = Array.from({ length: 9 }, (_, i) => [i, operation.affine, 2, 1, 0.1 * i, 1, 0.05 * i, 1, 0]);
    const threads = torch.getNumThreads();
    try {
      torch.setNumThreads(1);
      const one = numbers(apply(batch, rows));
      torch.setNumThreads(3);
      assert.deepEqual(numbers(apply(batch, rows)), one);
      assert.deepEqual(numbers(apply(batch.contiguous(), rows)), one);
      const wider = torch.cat([batch, batch], 3).narrow(3, 0, 9);
      assert.deepEqual(numbers(apply(wider, rows)), one);
      assert.deepEqual(numbers(apply(batch.clone().requiresGrad_(), rows).detach()), one);
    } finally {
      torch.setNumThreads(threads);
    }
  });

  test('takes empty batches and images, and no steps', () => {
    for (const shape of [
      [0, 3, 4, 4],
      [2, 3, 0, 4],
    ])
      assert.deepEqual(apply(torch.zeros(shape), []).shape, shape);
    const batch = images(4, 4);
    assert.deepEqual(numbers(apply(batch, [])), numbers(batch));
  });

  test('refuses unknown values, and names them', () => {
    const batch = images(4, 4);
    const refuses = (run: () => unknown, message: RegExp): void => assert.throws(run, { name: 'TorchError', message });
    refuses(() => apply(batch.double(), []), /expected float32 \[n, 3, H, W\] on the CPU, got Double/);
    refuses(() => apply(batch.narrow(1, 0, 2), []), /expected float32 \[n, 3, H, W\]/);
    refuses(() => apply(batch, [[3, 3]]), /step 0 is for image 3, expected a whole number from 0 to 2/);
    refuses(
      () =>
        apply(batch, [
          [1, 3],
          [0, 3],
        ]),
      /step 1 is for image 0, expected a whole number from 1/,
    );
    refuses(() => apply(batch, [[0, 14]]), /step 0 is operation 14, expected 0 to 13/);
    refuses(() => apply(batch, [[0, 0, 3]]), /filter 3 of step 0/);
    refuses(() => apply(batch, [[0, 0, 1, Number.NaN]]), /argument 1 of step 0 is nan/);
    refuses(() => apply(batch, [], [1, 2]), /expected three levels to fill with, got 2/);
    refuses(() => apply(batch, [], [1, 2, 256]), /fill 256 is not a level/);
  });

  if (process.env.ATEN_CPU_CAPABILITY === undefined) {
    for (const capability of ['default', 'avx2'])
      test(`passes these tests with ATEN_CPU_CAPABILITY=${capability}`, () => {
        const { NODE_TEST_CONTEXT: _, ...env } = process.env; // else the inner run reports to the outer one
        execFileSync(process.execPath, ['--test', import.meta.filename], {
          env: { ...env, ATEN_CPU_CAPABILITY: capability },
        });
      });
  }
});
