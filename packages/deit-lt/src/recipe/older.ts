/** Recipes of runs that earlier versions began: the keys that they had not, with the values that they meant. */
import { isValues, type Values } from './merge.js';
import { type Recipe, recipeSchema } from './schema.js';

const training = {
  dropLast: false,
  samplerPower: 0,
  samplerBeta: 0.9999,
  emaDevice: 'same',
  emaStepping: 'update',
  logGradNorm: false,
  learn: 'all',
} as const;

/** A key that is added to the schema gets its line here, so that runs can be resumed and models opened. */
const meant: Values = {
  data: { limit: null, classOrder: 'data', background: [255, 255, 255] },
  teacher: {
    ...training,
    external: false,
    mixing: null,
    paco: {
      variant: 'paco',
      alpha: 0.01,
      beta: 1,
      gamma: 1,
      temperature: 0.05,
      classTemperature: 1,
      labelSmoothing: 0,
      embedding: 32,
      queue: 1024,
      momentum: 0.999,
      batchNormParts: 1,
      contrastParts: 1,
      keyAugment: { preset: 'paco-key' },
    },
    glmc: { mixAlpha: 1, correctLambda: true, partnerPower: 0, labelPower: 1.2, consistency: 4, embedding: 256 },
    sam: {
      minRho: 0.05,
      steps: [
        [0, 0.05],
        [5, 0.1],
        [160, 0.5],
        [180, 0.6],
      ],
      halfPrecision: false,
    },
  },
  student: {
    ...training,
    distillation: {
      reweight: 'drw',
      softWeights: 'probabilities',
      mapTargets: 'names',
      teacherAugment: null,
    },
    multiCrop: null,
    clsThreshold: null,
    clsReweight: 'never',
    mixing: { cutmixMinMax: null, mode: 'batch', correctLambda: true, transMix: false, untilEpoch: null },
  },
};

/** The recipe of a run folder with every key of this version; one that does not fit the schema even so stays as it is. */
export function completeOlder(recipe: Recipe): Recipe {
  const result = recipeSchema.safeParse(fill(recipe, meant));
  return result.success ? withLinearDropPath(result.data, recipe) : recipe;
}

/**
 * DeiT-III's networks had a linear drop path before theirs was constant, which no key of the recipe said; a recipe of that
 * time has no `dropLast`.
 */
function withLinearDropPath(complete: Recipe, given: Recipe): Recipe {
  const isEarlier = (part: 'teacher' | 'student'): boolean =>
    !('dropLast' in given[part]) && complete[part].model.name.startsWith('deit3_');
  const linear = <P extends Recipe['teacher' | 'student']>(part: P): P => ({
    ...part,
    model: { constantDropPath: false, ...part.model },
  });
  return {
    ...complete,
    ...(isEarlier('teacher') && { teacher: linear(complete.teacher) }),
    ...(isEarlier('student') && { student: linear(complete.student) }),
  };
}

/** `values` with what only `missing` has. */
function fill(values: Values, missing: Values): Values {
  const filled: Values = { ...values };
  for (const [key, value] of Object.entries(missing)) {
    const own = filled[key];
    if (own === undefined) filled[key] = value;
    else if (isValues(own) && isValues(value)) filled[key] = fill(own, value);
  }
  return filled;
}
