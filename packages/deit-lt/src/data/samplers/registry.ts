/** All samplers by the names that recipes use. A new one is a file that declares its entry, and a line here. */
import type { z } from 'zod';
import { UserError } from '../../errors.js';
import { suggest } from '../../nearest.js';
import { stream } from '../../random/stream.js';
import { Registry } from '../../registry.js';
import type { EpochOrder, Sampler, SamplerEntry } from './sampler.js';
import { samplerEntry } from './sampler.js';
import { classBalancedEntry, effectiveNumberEntry, squareRootEntry } from './sampler-balanced.js';
import { distributed } from './sampler-orders.js';
import { publishedRepeatedAugmentationEntry, publishedShuffleEntry } from './sampler-published.js';
import { repeatedAugmentationEntry, sequentialEntry, shuffleEntry } from './sampler-shuffle.js';

export const samplerRegistry = new Registry<SamplerEntry>('sampler', { sharedOptions: 'same schema' });

for (const entry of [
  shuffleEntry,
  repeatedAugmentationEntry,
  classBalancedEntry,
  squareRootEntry,
  effectiveNumberEntry,
  sequentialEntry,
  publishedShuffleEntry,
  publishedRepeatedAugmentationEntry,
])
  samplerRegistry.add(entry);

/**
 * Adds a sampler, so that recipes can name it in `teacher.sampler` and `student.sampler`. Throws `UserError` (PLUGIN) for an
 * entry that lacks something, and for a name that is taken.
 */
export function registerSampler<O extends z.ZodObject>(entry: SamplerEntry<O>): void {
  samplerRegistry.add(samplerEntry(entry));
}

/**
 * Returns the sampler `name`; options that are undefined take the entry's defaults. Throws `UserError` for an unknown name or
 * option and a value out of its limits (RECIPE); the sampler throws one (PLUGIN) if a plugin's entry returns what is not a
 * list of images.
 */
export function createSampler(name: string, options: Readonly<Record<string, unknown>> = {}): Sampler {
  const entry = samplerRegistry.find(name);
  const known = Object.keys(entry.options.shape);
  const unknown = Object.keys(options).find((key) => options[key] !== undefined && !known.includes(key));
  if (unknown !== undefined)
    throw new UserError('RECIPE', `the sampler "${name}" has no option "${unknown}"; ${suggest(unknown, known)}`);
  const result = entry.options.safeParse(options);
  if (!result.success) throw wrongOption(name, result.error.issues);
  return dealt(entry, entry.create(result.data));
}

/** Makes the order of all processes one of this process, and checks it. */
function dealt({ name, deals = false }: SamplerEntry, order: EpochOrder): Sampler {
  if (typeof order !== 'function') throw unusable(name, `create must return a function, and returned ${String(order)}`);
  return (labels, numClasses, { seed = 0, epoch = 0, rank = 0, world = 1 } = {}) => {
    const place = { seed, epoch, rank, world, random: stream(seed, 'shuffle', epoch) };
    const ids = requireIds(name, order(labels, numClasses, place), labels.length);
    return deals ? ids : distributed(ids, { rank, world });
  };
}

function requireIds(name: string, ids: unknown, images: number): Int32Array {
  if (!(ids instanceof Int32Array)) throw unusable(name, `it must return an Int32Array, and returned ${String(ids)}`);
  const wrong = ids.find((id) => id < 0 || id >= images);
  if (wrong === undefined) return ids;
  throw unusable(name, `it must return indices of the ${images} images, from 0, and returned ${wrong}`);
}

function wrongOption(name: string, [issue]: readonly z.core.$ZodIssue[]): UserError {
  return new UserError('RECIPE', `the sampler "${name}": ${issue?.path.join('.')}: ${issue?.message}`);
}

function unusable(name: string, why: string): UserError {
  return new UserError('PLUGIN', `the sampler "${name}" cannot be used: ${why}.`);
}
