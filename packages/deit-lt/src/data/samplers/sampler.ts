/** Samplers: functions from labels, seed and epoch to the list of image indices of an epoch. */
import type { z } from 'zod';
import type { RandomStream } from '../../random/stream.js';
import type { RegistryEntry } from '../../registry.js';

/** The epoch that is drawn, and this process among those that share it. */
export interface SamplerPlace {
  /** Default 0. */
  seed?: number;
  /** Counted from 0, the default. */
  epoch?: number;
  /** This process among the `world` that share the epoch; default 0 of 1. */
  rank?: number;
  world?: number;
}

/** The images of one epoch in order; `labels` are in [0, numClasses). */
export type Sampler = (labels: Int32Array, numClasses: number, place?: SamplerPlace) => Int32Array;

/**
 * The images of an epoch in order, as an entry of the registry gives them: indices in [0, labels.length), as many in every
 * epoch. An image may come several times. `place.random` is the stream of the epoch; what is drawn from it alone is drawn
 * again when a run is resumed.
 */
export type EpochOrder = (
  labels: Int32Array,
  numClasses: number,
  place: Required<SamplerPlace> & { readonly random: RandomStream },
) => Int32Array;

/** One entry of the registry of samplers; recipes name it in `teacher.sampler` and `student.sampler`. */
export interface SamplerEntry<O extends z.ZodObject = z.ZodObject> extends RegistryEntry<O> {
  /** Returns the function that gives the images of an epoch. */
  create(options: z.output<O>): EpochOrder;
  /**
   * Whether the function deals the epoch out to processes itself, by `rank` and `world`. Default false: it returns the
   * epoch of all processes, of which each receives every world-th image.
   */
  readonly deals?: boolean;
}

/** `entry` with the types of its own options checked. */
export function samplerEntry<O extends z.ZodObject>(entry: SamplerEntry<O>): SamplerEntry {
  return entry as unknown as SamplerEntry;
}
