/** Schema of `analysis.json`, so that a damaged or changed file is refused by name. Unknown keys are kept. */
import { z } from 'zod';
import { groupNames } from '../../data/groups.js';
import { epochNumber } from '../../runs/run-schema.js';

const count = z.int().nonnegative();
const share = z.number().min(-0.001).max(1.001);
const kinds = z.enum(['teacher', 'student', 'vit']);
const group = z.enum(['all', ...groupNames]);
const byGroup = <T extends z.ZodType>(of: T) => z.looseObject({ all: of, head: of, mid: of, tail: of });

const calibration = z.looseObject({
  ece: share.nullable(),
  overconfidence: z.number().nullable(),
  bins: z.array(z.looseObject({ images: count, confidence: share.nullable(), accuracy: share.nullable() })).max(10_000),
});

const percent = z.number().min(0).max(100.001);
const figure = percent.nullable();
const accuracy = z.looseObject({ overall: figure, balanced: figure, head: figure, mid: figure, tail: figure });
/** JSON has null for what is not a number. */
const overall = figure.transform((value) => value ?? Number.NaN);

const output = z.looseObject({
  accuracy: z.looseObject({ ...accuracy.shape, overall, images: count, perClass: z.array(figure) }),
  calibration: byGroup(calibration),
  countCorrelation: z.number().nullable(),
});

/** For files of earlier versions, whose accuracies were shares, over images. */
const output1 = z.looseObject({
  accuracy: byGroup(share.nullable()),
  perClass: z.array(share.nullable()),
  calibration: byGroup(calibration),
  countCorrelation: z.number().nullable(),
});

const agreement = z.looseObject({
  images: count,
  agree: count,
  bothRight: count,
  clsAlone: count,
  distAlone: count,
  bothWrong: count,
});

const rank = z.looseObject({
  block: count.max(10_000),
  token: z.enum(['cls', 'dist']),
  group,
  images: count,
  rank: z.number(),
  entropyRank: z.number(),
});

/** Mean attention distances by block, then head. */
const distances = z.array(z.array(z.number()).min(1)).min(1).max(10_000);
const side = z.int().positive().max(4096);
const attention = z.looseObject({
  patchSize: z.int().positive(),
  grid: z.tuple([side, side]),
  raw: distances,
  renormalised: distances,
});

const summary = z.looseObject({
  images: count,
  entropy: z.number(),
  confidence: z.number(),
  right: z.number(),
  asWhenClean: z.number(),
});
const teacher1 = z.looseObject({
  run: z.string(),
  images: count,
  clean: byGroup(summary.nullable()),
  augmented: byGroup(summary.nullable()),
  mixed: byGroup(summary.nullable()).exactOptional(),
});
const teacher = z.looseObject({
  ...teacher1.shape,
  accuracy: z.looseObject({ clean: accuracy, augmented: accuracy, mixed: accuracy.exactOptional() }),
});

const guess = z.looseObject({ class: count, probability: z.number() });
const guesses = z.looseObject({
  cls: guess.exactOptional(),
  dist: guess.exactOptional(),
  avg: guess.exactOptional(),
  teacher: guess.exactOptional(),
});
const shown = {
  image: count,
  name: z.string(),
  // A report needs no network: a picture is in it.
  picture: z.string().startsWith('data:image/', { error: 'expected a data: address of an image' }),
  label: count,
  guesses,
};
const map = z.array(z.number()).min(1).exactOptional();
const galleryItem = z.looseObject({ ...shown, maps: z.looseObject({ cls: map, dist: map }) });

const confused = z.looseObject({
  class: count,
  images: count,
  accuracy: z.number(),
  takenFor: z.array(z.looseObject({ class: count, images: count })),
  examples: z.array(z.looseObject(shown)),
});

const sharpness = z.looseObject({
  images: count,
  loss: z.number(),
  rho: z.number(),
  samGap: z.number(),
  largestEigenvalue: z.number(),
});

const common = z
  .looseObject({
    kind: kinds,
    checkpoint: z.looseObject({ file: z.string(), epoch: epochNumber, sha256: z.string() }),
    data: z.looseObject({
      name: z.string(),
      split: z.enum(['test', 'validation']),
      images: count,
      imagesSha256: z.string(),
    }),
    experts: byGroup(agreement).exactOptional(),
    cosineDistance: byGroup(z.number().nullable()).exactOptional(),
    ranks: z.array(rank).exactOptional(),
    attention: attention.exactOptional(),
    sharpness: sharpness.exactOptional(),
    gallery: z.array(galleryItem),
    confused: z.array(confused),
    notes: z.array(z.string()),
  })
  .refine(
    ({ attention: of, gallery }) =>
      of === undefined ||
      gallery.every(({ maps }) =>
        [maps.cls, maps.dist].every((values) => values === undefined || values.length === of.grid[0] * of.grid[1]),
      ),
    { path: ['gallery'], error: 'the size of a map differs from attention.grid' },
  );

const outputsOf = <T extends z.ZodType>(of: T) => z.looseObject({ avg: of, cls: of.optional(), dist: of.optional() });

export const analysisSchema = common.and(
  z.looseObject({
    format: z.literal('deit-lt analysis 2', {
      error: ({ input }) => `its format is ${JSON.stringify(input)}, expected "deit-lt analysis 2"`,
    }),
    outputs: outputsOf(output),
    teacher: teacher.optional(),
  }),
);

/** Files of earlier versions. */
export const analysis1Schema = common.and(
  z.looseObject({
    format: z.literal('deit-lt analysis 1'),
    outputs: outputsOf(output1),
    teacher: teacher1.optional(),
  }),
);
