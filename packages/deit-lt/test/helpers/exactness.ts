/**
 * How near our operations are to Pillow's: each operation of the golden file `augment` (Pillow 9.4, timm, torchvision) on
 * two images at all of its levels, directions and filters; and the table of docs/augmentation.md made of it.
 */
import * as torch from '@deit-lt/torch';
import { cifarChoice } from '../../src/augment/auto-augment.js';
import type { CifarOpName } from '../../src/augment/auto-augment-policies.js';
import { opOf, type ScaledOp } from '../../src/augment/magnitudes.js';
import type { OpChoice, OpName } from '../../src/augment/ops.js';
import type { Filter, Window } from '../../src/data/decode/window.js';
import { MemorySource } from '../../src/data/memory-source.js';
import { type Golden, golden } from './golden-files.js';

export type ImageName = string;
type Affine = 'bilinear' | 'bicubic';

interface AugmentGolden {
  /** `shared` is the set that the figures of docs/augmentation.md are of. */
  variant: string;
  images: Record<ImageName, { width: number; height: number; key: string }>;
  img_mean_fill: number[];
  randaugment: {
    level_to_arg: { op: string; level: number | null; sign: 1 | -1 | null; args: number[] }[];
    cases: { key: string; op: string; interpolation: Affine | null; image: ImageName; args: number[] }[];
  };
  randaugment_full: { image: ImageName; cases: { key: string; applied: { op: string; args: number[] }[] }[] };
  autoaugment_cifar10_policy: {
    fillcolor: number[];
    cases: {
      key: string;
      policy: number;
      position: 1 | 2;
      op: CifarOpName;
      magnitude_index: number;
      magnitude: number;
      probability: number;
      sign: 1 | -1 | null;
      image: ImageName;
    }[];
    full_cases: { key: string; python_seed: number; image: ImageName }[];
  };
  color_jitter: { cases: { key: string; op: string; factor: number; image: ImageName }[] };
  gaussian_blur: { cases: { key: string; radius: number; image: ImageName }[] };
  resized_crop: {
    cases: {
      key: string;
      image: ImageName;
      top: number;
      left: number;
      height: number;
      width: number;
      size: number;
      interpolation: Filter;
    }[];
  };
  pad_crop: {
    cases: {
      key: string;
      mode: 'reflect' | 'constant';
      image: ImageName;
      padding: number;
      top: number;
      left: number;
      size: number;
    }[];
  };
}

/** The golden file `augment`; empty where it is absent. */
export function augmentGolden(): Golden<AugmentGolden> {
  return golden<AugmentGolden>('augment', {} as AugmentGolden);
}

/** RandAugment's operations by the golden file's names, which are timm's. */
export const scaledNames: Record<string, ScaledOp> = {
  AutoContrast: 'autocontrast',
  Equalize: 'equalize',
  Invert: 'invert',
  Rotate: 'rotate',
  PosterizeIncreasing: 'posterizeIncreasing',
  SolarizeIncreasing: 'solarizeIncreasing',
  SolarizeAdd: 'solarizeAdd',
  ColorIncreasing: 'colorIncreasing',
  ContrastIncreasing: 'contrastIncreasing',
  BrightnessIncreasing: 'brightnessIncreasing',
  SharpnessIncreasing: 'sharpnessIncreasing',
  ShearX: 'shearX',
  ShearY: 'shearY',
  TranslateXRel: 'translateX',
  TranslateYRel: 'translateY',
};

/** What turns images with their plans into others. */
export type Apply = (images: torch.Tensor, plans: OpChoice[][], fill: readonly number[]) => torch.Tensor;

/** A golden image and what gives it: the operations on `image`. */
export interface OpCase {
  readonly operation: string;
  readonly key: string;
  readonly image: ImageName;
  readonly plan: OpChoice[];
  readonly fill: readonly number[];
}

/** One row: how many images and values were compared, how many values differ, and by how many levels at most. */
export interface Exactness {
  readonly operation: string;
  readonly images: number;
  readonly values: number;
  readonly different: number;
  readonly levels: number;
}

/** All golden results of operations on levels. */
export function opCases({ json }: Golden<AugmentGolden>): OpCase[] {
  const fill = json.img_mean_fill;
  const one = (key: string, image: ImageName, choice: OpChoice, operation: string, colour = fill): OpCase => ({
    operation,
    key,
    image,
    plan: [choice],
    fill: colour,
  });
  const described = (op: OpName, filter: string | null | undefined): string => (filter ? `${op}, ${filter}` : op);
  const { randaugment, autoaugment_cifar10_policy: cifar, color_jitter, gaussian_blur } = json;
  const jitter: Record<string, OpName> = { saturation: 'color' };
  return [
    ...randaugment.cases.map(({ key, op: name, interpolation, image, args }) => {
      const op = opOf(scaledNames[name]!);
      const filter = interpolation === null ? {} : { filter: interpolation };
      return one(key, image, { op, arg: args[0] ?? 0, ...filter }, described(op, interpolation));
    }),
    ...cifar.cases.map(({ key, op, magnitude_index, sign, image }) => {
      const choice = cifarChoice(op, magnitude_index, sign ?? 1);
      return one(key, image, choice, described(choice.op, choice.filter), cifar.fillcolor);
    }),
    ...color_jitter.cases.map(({ key, op: name, factor, image }) => {
      const op = jitter[name] ?? (name as OpName);
      return one(key, image, { op, arg: factor }, op);
    }),
    ...gaussian_blur.cases.map(({ key, radius, image }) =>
      one(key, image, { op: 'gaussianBlur', arg: radius }, 'gaussianBlur'),
    ),
    ...Object.keys(json.images).flatMap((image) => [
      one(`solarize128.${image}`, image, { op: 'solarize', arg: 128 }, 'solarize'),
      one(`grayscale3.${image}`, image, { op: 'grayscale', arg: 0 }, 'grayscale'),
    ]),
  ];
}

/** uint8 `[H, W, 3]` as a float32 batch `[1, 3, H, W]`, channels last. */
const asBatch = (image: torch.Tensor): torch.Tensor => image.float().unsqueeze(0).permute(0, 3, 1, 2);

/** Compares levels `[H, W, 3]`. */
function compare(operation: string, actual: torch.Tensor, expected: torch.Tensor): Exactness {
  return torch.tidy(() => {
    const difference = actual.sub(expected.float()).abs();
    const different = difference.ne(0).sum().toNumber();
    return { operation, images: 1, values: expected.numel(), different, levels: difference.max().toNumber() };
  });
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

/** Applies every case by `apply`, all of an image and a colour as one batch, and compares. */
export function compareOps(source: Golden<AugmentGolden>, cases: readonly OpCase[], apply: Apply): Exactness[] {
  const batches = groupBy(cases, ({ image, fill }) => `${image} ${fill.join()}`);
  return [...batches.values()].flatMap((batch) => {
    const [{ image, fill }] = batch as [OpCase];
    const images = asBatch(source.tensor(source.json.images[image]!.key)).repeat(batch.length, 1, 1, 1);
    const changed = apply(
      images,
      batch.map(({ plan }) => plan),
      fill,
    );
    return batch.map(({ operation, key }, i) =>
      compare(operation, changed.select(0, i).permute(1, 2, 0), source.tensor(key)),
    );
  });
}

/** Crops, resizes and borders as the loader makes them of images in memory. */
export async function compareWindows(source: Golden<AugmentGolden>): Promise<Exactness[]> {
  const { resized_crop, pad_crop } = source.json;
  const resizes = resized_crop.cases.map(({ key, image, top: y, left: x, width, height, size, interpolation }) => {
    const window: Window = { x, y, width, height, flip: false };
    return { operation: `crop and resize, ${interpolation}`, key, image, window, size, filter: interpolation };
  });
  const paddings = pad_crop.cases.map(({ key, mode, image, padding, top, left, size }) => {
    const reflect = mode === 'reflect';
    const place: Window = { x: left - padding, y: top - padding, width: size, height: size, flip: false };
    const window = reflect ? { ...place, reflect } : place;
    const border = reflect ? 'mirrored' : 'black';
    return { operation: `crop with a ${border} border`, key, image, window, size, filter: 'bicubic' as const };
  });
  return Promise.all(
    [...resizes, ...paddings].map(async ({ operation, key, image, window, size, filter }) => {
      const original = source.tensor(source.json.images[image]!.key);
      const [height, width] = original.shape as [number, number, number];
      const pixels = original.toTypedArray<'uint8'>();
      const memory = { kind: 'memory' as const, length: 1, width, height, pixels, nameOf: () => image };
      const read = await new MemorySource(memory).read(Int32Array.of(0), [window], size, filter);
      return compare(operation, read.select(0, 0).permute(1, 2, 0), source.tensor(key));
    }),
  );
}

/** One row for each operation. */
export function summarise(rows: readonly Exactness[]): Exactness[] {
  return [...groupBy(rows, ({ operation }) => operation)].map(([operation, of]) => {
    const sum = (value: (row: Exactness) => number): number => of.reduce((total, row) => total + value(row), 0);
    return {
      operation,
      images: of.length,
      values: sum(({ values }) => values),
      different: sum(({ different }) => different),
      levels: Math.max(...of.map(({ levels }) => levels)),
    };
  });
}

/** The table as Markdown. */
export function exactnessTable(rows: readonly Exactness[]): string {
  const verdict = ({ different, levels, values }: Exactness): string =>
    different === 0
      ? 'exact'
      : `${levels} ${levels === 1 ? 'level' : 'levels'} at most, on ${((100 * different) / values).toFixed(3)} % of the values`;
  const lines = summarise(rows).map(
    (row) => `| ${row.operation} | ${row.images} | ${row.values.toLocaleString('en')} | ${verdict(row)} |`,
  );
  return ['| operation | images | values | beside Pillow |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

/** Operations with their verdicts, without the counts, which differ from set to set. */
export function verdictsIn(table: string): Map<string, string> {
  const cells = table
    .split('\n')
    .slice(2)
    .map((line) => line.split('|').map((cell) => cell.trim()));
  return new Map(cells.map((row) => [row[1]!, row[4]!]));
}

const begin = '<!-- exactness: made by packages/deit-lt/scripts/augmentation-page.mjs -->';
const end = '<!-- end of exactness -->';

/** The table that stands in `page` between its marks; undefined without them. */
export function tableIn(page: string): string | undefined {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  return from < 0 || to < from ? undefined : page.slice(from + begin.length, to).trim();
}

/** `page` with `table` between its marks; at its end, under a heading, when it has none. */
export function withTable(page: string, table: string): string {
  const section = `${begin}\n\n${table}\n\n${end}`;
  const from = page.indexOf(begin);
  if (from < 0) return `${page.trimEnd()}\n\n## Comparison with Pillow\n\n${section}\n`;
  return page.slice(0, from) + section + page.slice(page.indexOf(end) + end.length);
}
