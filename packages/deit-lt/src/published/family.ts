/** What a family of networks says of weights whose names are those of one of its networks. */
import type { ModelOptions } from '../models/model.js';
import type { Shapes } from './weight-source.js';

export interface RecognisedModel {
  /** What it does here: a student has CLS and DIST, a plain transformer CLS alone, a teacher convolutions. */
  readonly kind: 'student' | 'vit' | 'teacher';
  /** As a recipe describes it. */
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

/** Undefined when the names are of another family. Throws UserError CHECKPOINT for a network that there is none of here. */
export type Family = (shapes: Shapes, settings: FamilySettings) => RecognisedModel | undefined;

export interface FamilySettings {
  readonly file: string;
  /** Heads of a transformer, which no weight shows. Default: 64 numbers to a head. */
  readonly numHeads?: number | undefined;
}

/** How many different `N` there are in names that match `pattern`, whose first group is `N`. */
export function countOf(shapes: Shapes, pattern: RegExp): number {
  const found = new Set<string>();
  for (const name of shapes.keys()) {
    const index = pattern.exec(name)?.[1];
    if (index !== undefined) found.add(index);
  }
  return found.size;
}
