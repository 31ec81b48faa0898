/** Where a recipe trains and in which precision. */
import * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import type { Recipe } from './schema.js';

export type Precision = 'float32' | 'bfloat16';

export interface Placement {
  readonly device: string;
  readonly precision: Precision;
  /** Runs `fn` with automatic casts to bfloat16, when that is the precision. */
  autocast<R>(fn: () => R): R;
}

/** `auto` is CUDA where there is a card, and bfloat16 where it is native. Throws UserError RECIPE for a device that is not there. */
export function placementOf({ device, precision }: Pick<Recipe, 'device' | 'precision'>): Placement {
  const chosen = device === 'auto' ? (torch.cuda.isAvailable() ? 'cuda' : 'cpu') : device;
  if (chosen !== 'cpu' && !/^cuda(:\d+)?$/.test(chosen))
    throw new UserError('RECIPE', `device: expected auto, cpu, cuda or cuda:1; found "${device}".`);
  if (chosen !== 'cpu' && !torch.cuda.isAvailable())
    throw new UserError(
      'RECIPE',
      `device: ${chosen} is asked for, but this libtorch sees no CUDA device. Use --set device=cpu.`,
    );
  const native = chosen === 'cpu' ? torch.hasNativeBfloat16() : true;
  const type: Precision = precision === 'auto' ? (native ? 'bfloat16' : 'float32') : precision;
  const kind = chosen === 'cpu' ? 'cpu' : 'cuda';
  return {
    device: chosen,
    precision: type,
    autocast: (fn) => (type === 'float32' ? fn() : torch.autocast(kind, { dtype: 'bfloat16' }, fn)),
  };
}
