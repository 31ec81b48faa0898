/** Random brightness, contrast, saturation and hue in a random order for each image, as torchvision's `ColorJitter`. */
import { z } from 'zod';
import type { RandomStream } from '../random/stream.js';
import { augmentation, probability, range } from './augmentation.js';
import { type OpChoice, planOps } from './ops.js';
import { plannedTransform } from './transform.js';

const factors = (what: string) =>
  z
    .union([z.number().min(0), range(0, 1000)], { error: 'expected a number of at least 0, or [low, high]' })
    .default(0)
    .describe(`factor of the ${what}: x means [max(0, 1 − x), 1 + x]; or [low, high]`);

const options = z.strictObject({
  probability: probability(1),
  brightness: factors('brightness'),
  contrast: factors('contrast'),
  saturation: factors('saturation'),
  hue: z
    .union([z.number().min(0).max(0.5), range(-0.5, 0.5)], { error: 'expected 0…0.5, or [low, high] within −0.5…0.5' })
    .default(0)
    .describe('turn of the hue in circles: x means [−x, x], at most 0.5; or [low, high]'),
});

type Setting = number | readonly [number, number];

export interface Adjustment {
  readonly op: 'brightness' | 'contrast' | 'color' | 'hue';
  readonly low: number;
  readonly high: number;
}

const isActive = (setting: Setting): boolean => typeof setting !== 'number' || setting !== 0;

export function adjustments({ brightness, contrast, saturation, hue }: z.output<typeof options>): Adjustment[] {
  const factor = (op: Adjustment['op'], setting: Setting, middle: number): Adjustment[] => {
    if (!isActive(setting)) return [];
    if (typeof setting !== 'number') return [{ op, low: setting[0], high: setting[1] }];
    const low = middle - setting;
    return [{ op, low: op === 'hue' ? low : Math.max(0, low), high: middle + setting }];
  };
  return [
    ...factor('brightness', brightness, 1),
    ...factor('contrast', contrast, 1),
    ...factor('color', saturation, 1),
    ...factor('hue', hue, 0),
  ];
}

/** One image's adjustments in their random order. */
export function drawJitter(available: readonly Adjustment[], random: RandomStream): OpChoice[] {
  const order = random.shuffle(Int32Array.from(available.keys()));
  return Array.from(order, (k) => {
    const { op, low, high } = available[k]!;
    return { op, arg: random.uniform(low, high) };
  });
}

export const colorJitter = augmentation('batch', options, (given) => {
  const available = adjustments(given);
  return plannedTransform((batch, randoms) =>
    planOps(
      randoms.map((random) => (random.chance(given.probability) ? drawJitter(available, random) : [])),
      batch,
    ),
  );
});
