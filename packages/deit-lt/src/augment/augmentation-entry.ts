/** An entry of the registry of augmentations, and the checks of what one of a plugin returns. */
import * as torch from '@deit-lt/torch';
import type { z } from 'zod';
import type { Window } from '../data/decode/window.js';
import { UserError } from '../errors.js';
import type { RegistryEntry } from '../registry.js';
import type { Augmentation, AugmentationKind, WindowChange } from './augmentation.js';
import type { BatchTransform, TransformPlan, WindowSampler } from './transform.js';

/** One entry of the registry of augmentations; recipes name it in `augment`. */
export type AugmentationEntry<
  K extends AugmentationKind = AugmentationKind,
  O extends z.ZodObject = z.ZodObject,
> = RegistryEntry<O> &
  Augmentation<K, O> & {
    /** Kind `batch`: it works on normalised images, after those of levels 0…255. Default false. */
    readonly normalized?: boolean;
  };

const kinds: readonly string[] = ['window', 'window-change', 'batch'] satisfies AugmentationKind[];

/** `entry` with checks of its kind, and of what it returns: errors name the augmentation. Throws `UserError` (PLUGIN). */
export function checkedEntry(entry: AugmentationEntry): AugmentationEntry {
  const { name, kind } = entry;
  if (!kinds.includes(kind))
    throw new UserError(
      'PLUGIN',
      `an augmentation cannot be registered: kind of "${name}" must be one of ${kinds.join(', ')}.`,
    );
  if (typeof entry.create !== 'function') return entry; // the registry says so
  return { ...entry, create: (options, context) => checkedResult(name, kind, entry.create(options, context)) };
}

function checkedResult(name: string, kind: AugmentationKind, made: unknown): never {
  if (typeof made !== 'function') throw unusable(name, `create must return a function, and returned ${String(made)}`);
  if (kind === 'batch') return checkedBatch(name, made as BatchTransform) as never;
  return checkedWindow(name, made as (...given: unknown[]) => unknown) as never;
}

function checkedBatch(name: string, transform: BatchTransform): BatchTransform {
  const checked = (images: torch.Tensor, changed: unknown): torch.Tensor => {
    const wanted = images.shape.join(', ');
    const got = changed instanceof torch.Tensor ? `shape [${changed.shape.join(', ')}]` : String(changed);
    if (changed instanceof torch.Tensor && got === `shape [${wanted}]`) return changed;
    throw unusable(name, `it must return images of shape [${wanted}], and returned ${got}`);
  };
  const direct: BatchTransform = (images, ...others) => checked(images, transform(images, ...others));
  const { plan } = transform;
  if (plan === undefined) return direct;
  const checkedPlan: TransformPlan = (batch, randoms) => {
    const run = plan(batch, randoms);
    return (images, options) => checked(images, run(images, options));
  };
  return Object.assign(direct, { plan: checkedPlan });
}

function checkedWindow(name: string, draw: (...given: unknown[]) => unknown): WindowSampler | WindowChange {
  return (...given: unknown[]) => {
    const window = draw(...given) as Partial<Window> | undefined;
    const { x, y, width = 0, height = 0, flip } = window ?? {};
    const isWindow = Number.isFinite(x) && Number.isFinite(y) && width > 0 && height > 0 && typeof flip === 'boolean';
    if (isWindow && Number.isFinite(width + height)) return window as Window;
    throw unusable(
      name,
      `it must return a window { x, y, width, height, flip }, and returned ${JSON.stringify(window)}`,
    );
  };
}

function unusable(name: string, why: string): UserError {
  return new UserError('PLUGIN', `the augmentation "${name}" cannot be used: ${why}.`);
}
