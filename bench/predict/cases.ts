/** The models that are asked: sizes of published and of our own students, with random weights. */
import type { ModelOptions } from '#deit-lt/models/model.js';

export interface PredictCase {
  readonly what: string;
  readonly model: string;
  readonly options: ModelOptions;
  readonly imageSize: number;
  readonly patchSize: number;
  readonly embedDim: number;
  readonly depth: number;
  readonly numHeads: number;
  readonly numClasses: number;
  /** Channels of the stem's convolutions; absent: patches are embedded by one product. */
  readonly stemChannels?: readonly number[];
  /** Whether files are photographs of 500×375; else they are as large as the model's input. */
  readonly photographs: boolean;
  /** Images of one measurement. */
  readonly images: number;
}

function caseOf(
  what: string,
  model: string,
  sizes: Pick<
    PredictCase,
    'imageSize' | 'patchSize' | 'embedDim' | 'depth' | 'numHeads' | 'numClasses' | 'stemChannels'
  >,
  files: Pick<PredictCase, 'photographs' | 'images'>,
): PredictCase {
  const options: ModelOptions =
    model === 'deit'
      ? { ...sizes, patchEmbed: sizes.stemChannels ? 'conv' : 'linear' }
      : { numClasses: sizes.numClasses };
  return { what, model, options, ...sizes, ...files };
}

const photograph = { imageSize: 224, patchSize: 16, depth: 12, numClasses: 1000 };

export const cases = {
  cifar: caseOf(
    "quickstart's student, 32×32",
    'deit',
    {
      imageSize: 32,
      patchSize: 8,
      embedDim: 96,
      depth: 4,
      numHeads: 3,
      numClasses: 10,
      stemChannels: [32, 48, 64, 96],
    },
    { photographs: false, images: 2048 },
  ),
  small: caseOf(
    'DeiT-S, 224×224',
    'deit_small_distilled_patch16_224',
    { ...photograph, embedDim: 384, numHeads: 6 },
    { photographs: true, images: 256 },
  ),
  base: caseOf(
    'DeiT-B, 224×224',
    'deit_base_distilled_patch16_224',
    { ...photograph, embedDim: 768, numHeads: 12 },
    { photographs: true, images: 128 },
  ),
} as const;

/** Returns the settings for what the shapes of a case's weights do not show. */
export function importSettings({ model, numHeads, patchSize, stemChannels }: PredictCase): string[] {
  if (model !== 'deit') return [];
  return [`student.model.numHeads=${numHeads}`, ...(stemChannels ? [`student.model.patchSize=${patchSize}`] : [])];
}

/** Returns settings as words of a command line. */
export const settingWords = (settings: readonly string[]): string[] => settings.flatMap((each) => ['--set', each]);

export type CaseName = keyof typeof cases;
export const caseNames = Object.keys(cases) as CaseName[];

/** Images at a time, on both sides: as `deit-lt predict` works. */
export const batchSize = 64;
