/** What `analysis.json` may say, so that a damaged or changed one is refused by name. Keys that are not known stay. */
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

const output = z.looseObject({
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
const teacher = z.looseObject({
  run: z.string(),
  images: count,
  clean: byGroup(summary.nullable()),
  augmented: byGroup(summary.nullable()),
  mixed: byGroup(summary.nullable()).exactOptional(),
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

export const analysisSchema = z
  .looseObject({
    format: z.literal('deit-lt analysis 1', {
      error: ({ input }) => `its format is ${JSON.stringify(input)}, expected "deit-lt analysis 1"`,
    }),
    kind: kinds,
    checkpoint: z.looseObject({ file: z.string(), epoch: epochNumber, sha256: z.string() }),
    data: z.looseObject({
      name: z.string(),
      split: z.enum(['test', 'validation']),
      images: count,
      imagesSha256: z.string(),
    }),
    outputs: z.looseObject({ avg: output, cls: output.exactOptional(), dist: output.exactOptional() }),
    experts: byGroup(agreement).exactOptional(),
    cosineDistance: byGroup(z.number().nullable()).exactOptional(),
    ranks: z.array(rank).exactOptional(),
    attention: attention.exactOptional(),
    teacher: teacher.exactOptional(),
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
    { path: ['gallery'], error: 'a map has another size than attention.grid' },
  );

type Found = z.infer<typeof analysisSchema>;

/** The first class of `analysis` that a run of `classes` classes has not; undefined when it has all. */
export function classBeyond({ gallery, confused: taken, outputs }: Found, classes: number): string | undefined {
  const labels = [...gallery, ...taken.flatMap(({ examples }) => examples)].flatMap(({ label, guesses: of }) => [
    label,
    ...[of.cls, of.dist, of.avg, of.teacher].flatMap((each) => (each === undefined ? [] : [each.class])),
  ]);
  const named = [...labels, ...taken.flatMap((each) => [each.class, ...each.takenFor.map((other) => other.class)])];
  const beyond = named.find((label) => label >= classes);
  if (beyond !== undefined) return `it names class ${beyond}, and the run has ${classes}`;
  const lengths = [outputs.avg, outputs.cls, outputs.dist].flatMap((of) =>
    of === undefined ? [] : [of.perClass.length],
  );
  const other = lengths.find((length) => length !== 0 && length !== classes);
  return other === undefined ? undefined : `it has figures of ${other} classes, and the run has ${classes}`;
}
