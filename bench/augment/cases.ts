/** What bench/augment compares: the student's pipeline on three kinds of images. */
import type { PipelineContext } from '#deit-lt/augment/augmentation.js';
import { type AugmentConfig, buildPipeline } from '#deit-lt/augment/registry.js';
import type { Pipeline } from '#deit-lt/augment/transform.js';

export interface Case {
  readonly what: string;
  /** The least ratio of rates that counts as reached. */
  readonly goal: number;
  /** Side of the result in pixels. */
  readonly size: number;
  /** How the part of the image is chosen: `padded` is what DeiT does when nothing is resized. */
  readonly crop: 'resized' | 'padded';
  readonly source: 'memory' | 'files';
  /** Images of one measurement: about as many seconds in each case. */
  readonly count: number;
}

export const cases = {
  'memory-224': {
    what: '32→224 from memory',
    goal: 3,
    size: 224,
    crop: 'resized',
    source: 'memory',
    count: 512,
  },
  'memory-32': { what: '32→32 from memory', goal: 3, size: 32, crop: 'padded', source: 'memory', count: 8192 },
  'files-224': { what: '500×375 JPEG→224', goal: 1.5, size: 224, crop: 'resized', source: 'files', count: 512 },
} as const satisfies Record<string, Case>;

export type CaseName = keyof typeof cases;

export const caseNames = Object.keys(cases) as CaseName[];

/** Of ImageNet, as the published student is trained. */
export const mean: PipelineContext['mean'] = [0.485, 0.456, 0.406];
export const std: PipelineContext['std'] = [0.229, 0.224, 0.225];

/** As many as a training's batch. */
export const batchSize = 128;

/** The recipe's RandAugment. */
export const policy = 'rand-m9-mstd0.5-inc1';

/** The recipe's random erasing; `probability` is the share of the images. */
export const erasing = {
  probability: 0.25,
  area: [0.02, 1 / 3] as [number, number],
  ratio: [0.3, 1 / 0.3] as [number, number],
};

const resizedCrop: AugmentConfig = { randomResizedCrop: { scale: [0.08, 1] } };

const context = (size: number): PipelineContext => ({ size, mean, std, filter: 'bicubic' });

/** The student's pipeline of the recipe `default`; at 32 with the crop that DeiT takes where nothing is resized. */
export function studentPipeline({ size, crop }: Pick<Case, 'size' | 'crop'>): Pipeline {
  const window: AugmentConfig = crop === 'resized' ? resizedCrop : { padCrop: { padding: 4 } };
  const randomErasing = { ...erasing, fill: 'pixel' as const };
  return buildPipeline({ ...window, flip: true, randAugment: { config: policy }, randomErasing }, context(size));
}

/** Only crop, flip and normalisation: what no loader can leave out. */
export function plainPipeline(size: number): Pipeline {
  return buildPipeline({ ...resizedCrop, flip: true }, context(size));
}
