/**
 * Schemas of the JSON files of a run folder. Unknown keys are kept, for later versions; known values have their
 * types and limits, so that a file that was damaged or changed by hand is refused by name and never half believed.
 */
import { z } from 'zod';
import { groupNames } from '../data/groups.js';
import { UserError } from '../errors.js';
import { loadedPlugins } from '../plugin.js';
import { completeOlder } from '../recipe/older.js';
import { type Recipe, recipeSchema } from '../recipe/schema.js';
import { shellLine } from '../shell-line.js';
import { epochTotals } from './epoch-totals.js';

/** Far beyond any data set; arrays of these lengths still fit into memory. */
const mostClasses = 1_000_000;
const count = z.int().nonnegative();
/** An epoch, from 0. */
export const epochNumber = count.max(10_000_000);
/** JSON has null for what is not a number. */
const notFinite = z.null().transform(() => Number.NaN);
const loss = z.union([z.number(), notFinite]);
const percent = z.number().min(0).max(100.001);

const group = z.enum(groupNames);

/** A recipe with the keys of this version; one of a later version may have more. */
const recipe = z.unknown().transform((value, context): Recipe => {
  const complete = completeOlder(value as Recipe);
  const wrong = recipeSchema.safeParse(complete).error?.issues.find(({ code }) => code !== 'unrecognized_keys');
  if (wrong === undefined) return complete;
  context.addIssue({ code: 'custom', path: wrong.path, message: wrong.message });
  return z.NEVER;
});

const data = z
  .looseObject({
    name: z.string(),
    classNames: z.array(z.string()).min(1).max(mostClasses),
    namesUnknown: z.boolean().exactOptional(),
    trainCounts: z.array(count).max(mostClasses),
    groups: z.array(group).max(mostClasses),
    countsBefore: z.array(count).max(mostClasses).exactOptional(),
    fingerprint: z.string().default(''),
  })
  .refine(
    ({ classNames, trainCounts, groups }) =>
      trainCounts.length === classNames.length && groups.length === classNames.length,
    { error: 'classNames, trainCounts and groups differ in length' },
  );

const runFormat = z.literal('deit-lt run 1', {
  error: ({ input }) =>
    `its format is ${input === undefined ? 'missing' : JSON.stringify(input)}, expected "deit-lt run 1"`,
});

const plugins = z.array(z.looseObject({ path: z.string(), sha256: z.string() }));

const startingWeights = z.looseObject({
  path: z.string(),
  sha256: z.string(),
  model: z.string().exactOptional(),
  licence: z.string().exactOptional(),
  source: z.string().exactOptional(),
  get from() {
    return startingWeights.exactOptional();
  },
});

const config = z.looseObject({
  format: runFormat,
  kind: z.enum(['teacher', 'student', 'vit']),
  recipe,
  data,
  teacher: z.string().nullable().default(null),
  teacherSha256: z.string().nullable().default(null),
  from: startingWeights.exactOptional(),
  tau: z.number().exactOptional(),
  task: z.string().exactOptional(),
  logitScale: z.number().positive().exactOptional(),
  plugins: plugins.exactOptional(),
  command: z.array(z.string()),
  environment: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  started: z.string().default(''),
});

/** Whether all names and keys of a recipe are of this version, or of modules that are loaded. */
const isKnown = (value: unknown): boolean => recipeSchema.safeParse(completeOlder(value as Recipe)).success;

/** Throws `UserError` (PLUGIN) for a run whose recipe names what only a module that is not loaded registers. */
function requirePlugins(value: unknown): unknown {
  const { data: given } = z.looseObject({ plugins, recipe: z.unknown() }).safeParse(value);
  if (given === undefined || isKnown(given.recipe)) return value;
  const missing = given.plugins.filter(({ sha256 }) => loadedPlugins().every((plugin) => plugin.sha256 !== sha256));
  const [first] = missing;
  if (first === undefined) return value;
  const changed = loadedPlugins().some((plugin) => plugin.path === first.path);
  throw new UserError(
    'PLUGIN',
    changed
      ? `the run was trained with ${first.path} as it was then; it has changed since, and does not register what the run's recipe names.`
      : `the run was trained with a module of your own: add --plugin ${shellLine([first.path])}`,
  );
}

/** A run's `config.json`. */
export const configSchema = z.unknown().transform(requirePlugins).pipe(config);

/** Absent in files of earlier versions and of other programs. */
const figure = percent.nullable().default(null);

const bound = z.number().min(-0.001).max(100.001);
const interval = z.looseObject({ low: bound, high: bound }).nullable();
const intervals = z.looseObject({
  ...{ balanced: interval, overall: interval },
  ...{ head: interval, mid: interval, tail: interval },
});
const few = z.looseObject({ classes: count, fewest: count, without: count, of: count });

const metrics = z.looseObject({
  images: count.default(0),
  overall: z.union([percent, notFinite]),
  top5: z.union([percent, notFinite]).default(Number.NaN),
  balanced: figure,
  head: figure,
  mid: figure,
  tail: figure,
  perClass: z.array(percent.nullable()).max(mostClasses).default([]),
  imagesPerClass: z.array(count).max(mostClasses).exactOptional(),
  intervals: intervals.exactOptional(),
  few: few.exactOptional(),
  confusion: z.array(z.array(count)).max(mostClasses).exactOptional(),
  loss: loss.exactOptional(),
});

const evaluation = z.looseObject({
  classNames: z.array(z.string()).min(1).max(mostClasses).exactOptional(),
  groups: z.array(group).max(mostClasses).exactOptional(),
  avg: metrics,
  cls: metrics.exactOptional(),
  dist: metrics.exactOptional(),
  expertCosine: z.number().min(-1.001).max(1.001).exactOptional(),
});

const split = z.enum(['test', 'validation']);

export const evaluationSchema = z.looseObject({
  ...evaluation.shape,
  split,
  checkpoint: z.literal('best'),
  epoch: epochNumber,
});

/** A line of metrics.jsonl. Lines of earlier versions may have less. */
export const epochSchema = z.looseObject({
  epoch: epochNumber,
  lr: z.number().default(Number.NaN),
  loss: loss.default(Number.NaN),
  parts: z.record(z.string(), loss).default({}),
  gradNorm: loss.exactOptional(),
  seconds: z.number().nonnegative().default(0),
  imagesPerSecond: z
    .number()
    .nonnegative()
    .nullable()
    .default(0)
    .transform((value) => value ?? 0),
  drw: z.boolean().default(false),
  evaluation: evaluation.exactOptional(),
  emaEvaluation: evaluation.exactOptional(),
  evaluatedOn: split.exactOptional(),
});

/**
 * The state of the optimizer in `last.safetensors`, without its tensors: PyTorch's parameter groups, and the numbers of
 * each parameter.
 */
export const optimizerSchema = z.looseObject({
  param_groups: z.array(z.looseObject({ params: z.array(count) })),
  numbers: z.record(z.string(), z.record(z.string(), z.unknown())),
});

/** The progress of the training in `last.safetensors`. */
export const progressSchema = z.looseObject({
  epoch: epochNumber,
  batch: count,
  updates: count,
  sums: epochTotals,
  seconds: z.number().nonnegative(),
  best: z.looseObject({ epoch: epochNumber, score: loss }).nullable(),
  pace: z.looseObject({ from: count, epoch: z.number().nonnegative(), total: count }).exactOptional(),
  stopping: z.looseObject({ epoch: epochNumber, score: percent, ended: z.boolean() }).exactOptional(),
});
