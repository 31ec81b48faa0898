/** The interface of a family of networks, which recognises its networks by the names of their weights. */
import type { ModelOptions } from '../models/model.js';
import type { Shapes } from './weight-source.js';

export interface RecognisedModel {
  /** Kind of the model: a student has CLS and DIST, a plain transformer only CLS, a teacher is a CNN. */
  readonly kind: 'student' | 'vit' | 'teacher';
  /** The model as a recipe describes it. */
  readonly model: { readonly name: string } & Partial<
    Omit<ModelOptions, 'numClasses' | 'imageSize' | 'inChans' | 'device'>
  >;
  /** Channels of its input. */
  readonly inChans: number;
  readonly numClasses: number;
  readonly imageSize: number;
  /** Whether it is for images of CIFAR's size, normalised by CIFAR's statistics. */
  readonly cifar: boolean;
  /** Our name of a tensor; null when only training needed it. */
  rename(name: string): string | null;
}

/** Undefined when the names are of another family. Throws UserError CHECKPOINT for an unknown network of the family. */
export type Family = (shapes: Shapes, settings: FamilySettings) => RecognisedModel | undefined;

export interface FamilySettings {
  readonly file: string;
  /** Heads of a transformer, which no weight shows. Default: 64 numbers to a head. */
  readonly numHeads?: number | undefined;
  /** Side of a transformer's patches in pixels, which no weight of a convolutional stem shows. */
  readonly patchSize?: number | undefined;
}

/** Returns the number of different `N` in names that match `pattern`, whose first group is `N`. */
export function countOf(shapes: Shapes, pattern: RegExp): number {
  const found = new Set<string>();
  for (const name of shapes.keys()) {
    const index = pattern.exec(name)?.[1];
    if (index !== undefined) found.add(index);
  }
  return found.size;
}
