/** The interface of an augmentation in the registry, and option types that several augmentations share. */
import { z } from 'zod';
import type { Filter, Window } from '../data/decode/window.js';
import type { RandomStream } from '../random/stream.js';
import type { BatchTransform, WindowSampler } from './transform.js';

/** The target of a pipeline. `mean` and `std` are per channel, for values 0…1. */
export interface PipelineContext {
  /** Side of the square input in pixels. */
  readonly size: number;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  readonly filter: Filter;
}

/** Changes the window that was drawn: mirrors it, for one. */
export type WindowChange = (window: Window, random: RandomStream) => Window;

interface Products {
  /** Chooses the part of the source image; each pipeline has exactly one. */
  window: WindowSampler;
  /** Changes that choice. */
  'window-change': WindowChange;
  /** Works on a batch of tensors. */
  batch: BatchTransform;
}

export type AugmentationKind = keyof Products;

/**
 * One entry of the registry: what it makes, the options that a recipe can give (every one with a default), and how it
 * is made from them.
 */
export interface Augmentation<K extends AugmentationKind, S extends z.ZodObject> {
  readonly kind: K;
  readonly options: S;
  create(options: z.output<S>, context: PipelineContext): Products[K];
}

/** Declares an augmentation; keeps the type of its options for `create`. */
export function augmentation<K extends AugmentationKind, S extends z.ZodObject>(
  kind: K,
  options: S,
  create: (options: z.output<S>, context: PipelineContext) => Products[K],
): Augmentation<K, S> {
  return { kind, options, create };
}

/** A probability with a default. */
export const probability = (initial: number) =>
  z.number().min(0).max(1).default(initial).describe('share of the images that are changed');

/** The border of an image: its mirror image or black. */
export const borderMode = (initial: 'reflect' | 'zero') =>
  z
    .enum(['reflect', 'zero'])
    .default(initial)
    .describe("what the border shows: the image's mirror image, without its edge twice, or black");

/** A pair [low, high] of numbers from `min` to `max`. */
export const range = (min: number, max: number) =>
  z
    .tuple([z.number().min(min).max(max), z.number().min(min).max(max)])
    .refine(([low, high]) => low <= high, { error: 'expected [low, high] with low not above high' });

/** A colour, each channel 0…255. */
export const colour = () => {
  const channel = z.number().min(0).max(255);
  return z.tuple([channel, channel, channel]);
};
