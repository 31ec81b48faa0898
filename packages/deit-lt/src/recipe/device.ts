/** Chooses the device and the precision that a recipe trains with. */
import * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import type { Recipe } from './schema.js';

export type Precision = 'float32' | 'bfloat16' | 'float16';

type CardProperties = ReturnType<typeof torch.cuda.properties>;

export interface Placement {
  readonly device: string;
  readonly precision: Precision;
  /** Why `auto` is not bfloat16 on a card; for the reader. */
  readonly note?: string;
  /** Runs `fn` with automatic casts to the precision, unless that is float32. */
  autocast<R>(fn: () => R): R;
}

/** The properties of a device that decide its precision. */
export interface Hardware {
  /** For messages. */
  readonly name: string;
  /** Whether it multiplies bfloat16 matrices; undefined when this is unknown. */
  readonly bfloat16: boolean | undefined;
  /** The hardware that bfloat16 needs, for messages. */
  readonly needs: string;
}

/**
 * `auto` is CUDA where there is a card, and bfloat16 where it is native. Throws UserError RECIPE for a device that is
 * not there, and for bfloat16 on a card without it.
 */
export function placementOf({ device, precision }: Pick<Recipe, 'device' | 'precision'>): Placement {
  const chosen = device === 'auto' ? (torch.cuda.isAvailable() ? 'cuda' : 'cpu') : device;
  checkDevice(chosen, device);
  const kind = chosen === 'cpu' ? 'cpu' : 'cuda';
  const { precision: type, note } = precisionOn(kind === 'cpu' ? processor() : card(chosen), precision);
  return {
    device: chosen,
    precision: type,
    ...(note !== undefined && { note }),
    autocast: (fn) => (type === 'float32' ? fn() : torch.autocast(kind, { dtype: type }, fn)),
  };
}

/** Sets libtorch's switches for the kernels of a card as the recipe has them; those of the CPU have none. */
export function setKernels({ tf32, cudnnBenchmark }: Pick<Recipe, 'tf32' | 'cudnnBenchmark'>, device: string): void {
  if (device === 'cpu') return;
  const { cuda, cudnn } = torch.backends;
  cuda.matmul.allowTf32 = tf32 === 'all';
  cudnn.allowTf32 = tf32 !== 'none';
  cudnn.benchmark = cudnnBenchmark;
}

/**
 * Returns the precision that `asked` means on a device: `auto` is bfloat16 where the device multiplies it, else
 * float32, with a note on a card. Throws UserError RECIPE for bfloat16 on a card that has none; a processor computes it
 * slowly.
 */
export function precisionOn(
  { name, bfloat16, needs }: Hardware,
  asked: Recipe['precision'],
): { precision: Precision; note?: string } {
  const isCard = needs !== '';
  if (asked === 'bfloat16' && isCard && bfloat16 === false)
    throw new UserError(
      'RECIPE',
      `precision: bfloat16 was requested, but ${name} has no instructions for it (${needs}). Use --set precision=float16 or float32.`,
    );
  if (asked === 'float16' && !isCard) requireFloat16OnCpu();
  if (asked !== 'auto') return { precision: asked };
  if (bfloat16 === true) return { precision: 'bfloat16' };
  if (!isCard) return { precision: 'float32' };
  const why = bfloat16 === false ? `does not multiply bfloat16 (${needs})` : 'does not say whether it has bfloat16';
  const faster = '; --set precision=float16 is faster where the card multiplies that';
  return { precision: 'float32', note: `${name} ${why}, so it computes in float32${faster}` };
}

/** libtorch 1.13 has automatic casts to float16 on cards only. */
function requireFloat16OnCpu(): void {
  try {
    torch.autocast('cpu', { dtype: 'float16' }, () => undefined);
  } catch (error) {
    throw new UserError(
      'RECIPE',
      'precision: float16 was requested, which this libtorch computes on cards only. Use --set precision=float32 or bfloat16.',
      { cause: error },
    );
  }
}

/** A card by its properties; null when they cannot be read. */
export function cardHardware(
  device: string,
  properties: Pick<CardProperties, 'name' | 'major' | 'minor'> | null,
): Hardware {
  const needs = 'compute capability 8.0 or higher does';
  if (properties === null) return { name: device, bfloat16: undefined, needs };
  const { name, major, minor } = properties;
  return {
    name: `${device} (${name}, compute capability ${major}.${minor})`,
    bfloat16: torch.hasCudaBfloat16(properties),
    needs,
  };
}

const processor = (): Hardware => ({ name: 'the processor', bfloat16: torch.hasNativeBfloat16(), needs: '' });

function card(device: string): Hardware {
  let properties: CardProperties | null = null;
  try {
    properties = torch.cuda.properties(device);
  } catch (error) {
    // A number too high is the user's mistake; a libtorch that cannot say what its card is still computes on it.
    if (Number(device.split(':')[1] ?? 0) >= torch.cuda.deviceCount())
      throw new UserError('RECIPE', `device: ${(error as Error).message}.`, { cause: error });
  }
  return cardHardware(device, properties);
}

function checkDevice(chosen: string, device: string): void {
  if (chosen !== 'cpu' && !/^cuda(:\d+)?$/.test(chosen))
    throw new UserError('RECIPE', `device: expected auto, cpu, cuda or cuda:1; found "${device}".`);
  if (chosen !== 'cpu' && !torch.cuda.isAvailable())
    throw new UserError(
      'RECIPE',
      `device: ${chosen} was requested, but this libtorch finds no CUDA device. Use --set device=cpu.`,
    );
}
