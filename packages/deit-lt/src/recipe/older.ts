/** Recipes of runs that earlier versions began: the keys that they had not, with the values that they meant. */
import { optimizerRegistry } from '../optim/registry.js';
import { chosenEntry } from './choice.js';
import { choicesAt } from './keys.js';
import { isValues, type Values } from './merge.js';
import { respelled, withoutFormerKeys } from './older-spelling.js';
import { type Recipe, recipeSchema } from './schema.js';

const training = {
  dropLast: false,
  emaDevice: 'same',
  emaStepping: 'update',
  logGradNorm: false,
  from: null,
  learn: 'all',
  layerDecay: null,
  shards: 1,
  syncBatchNorm: false,
  timeLimit: null,
} as const;

/** A key that is added to the schema gets its line here, so that runs can be resumed and models opened. */
const meant: Values = {
  tf32: 'convolutions',
  cudnnBenchmark: false,
  cudaGraphs: false,
  data: { limit: null, classOrder: 'data', background: [255, 255, 255] },
  teacher: {
    ...training,
    external: false,
    mixing: null,
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
  evaluation: { earlyStopping: null },
  student: {
    ...training,
    distillation: {
      reweight: 'drw',
      logitAdjustment: 0,
      softWeights: 'probabilities',
      mapTargets: 'names',
      teacherAugment: null,
    },
    multiCrop: null,
    clsReweight: 'never',
    mixing: { cutmixMinMax: null, mode: 'batch', correctLambda: true, transMix: false, untilEpoch: null },
  },
};

/**
 * Returns the recipe of a run folder with every key of this version; a recipe that still does not fit the schema is
 * returned unchanged.
 */
export function completeOlder(recipe: Recipe): Recipe {
  if (!isValues(recipe)) return recipe; // a damaged file has anything
  const result = recipeSchema.safeParse(fill(inPresentSpelling(recipe), meant));
  return result.success ? withLinearDropPath(result.data, recipe) : recipe;
}

function inPresentSpelling(recipe: Values): Values {
  const own = withOwnOptimizerOptions(withLossOptions(recipe));
  return withoutFormerKeys(respelled(own, own));
}

/**
 * DeiT-III's networks had a linear drop path before theirs was constant, which no key of the recipe said; a recipe of
 * that time has no `dropLast`.
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

/**
 * The options of losses stood beside them before each loss had its own: those of PaCo and GLMC in blocks of that name,
 * those of CLS in `clsTau` and `clsThreshold`. Options that the loss does not have had no effect.
 */
function withLossOptions(recipe: Values): Values {
  const { teacher, student } = recipe;
  const isEarlier = isValues(student) && typeof student.clsLoss === 'string';
  return {
    ...recipe,
    ...(isValues(teacher) && isEarlier && { teacher: teacherLoss(teacher) }),
    ...(isEarlier && { student: clsLoss(student) }),
  };
}

function teacherLoss({ paco, glmc, ...teacher }: Values): Values {
  const { loss } = teacher;
  if (!isValues(loss)) return teacher;
  const block = { paco, glmc }[String(loss.name)];
  return { ...teacher, loss: knownOptions('teacher', 'loss', { ...loss, ...(isValues(block) && block) }) };
}

function clsLoss({ clsTau: tau, clsThreshold: threshold, ...student }: Values): Values {
  const given = {
    name: student.clsLoss,
    ...(tau !== undefined && { tau }),
    ...(threshold !== undefined && { threshold }),
  };
  return { ...student, clsLoss: knownOptions('student', 'clsLoss', given) };
}

/** Options of SGD, AdamW and LAMB that a recipe could have beside another one's name, without effect. */
const formerOptimizerOptions: readonly string[] = ['momentum', 'nesterov', 'betas', 'eps'];

function withOwnOptimizerOptions(recipe: Values): Values {
  const own = (part: 'teacher' | 'student'): Values => {
    const given = recipe[part];
    if (!isValues(given) || !isValues(given.optimizer)) return {};
    const entry = optimizerRegistry.get(String(given.optimizer.name));
    const stays = ([key]: [string, unknown]): boolean =>
      entry === undefined || !formerOptimizerOptions.includes(key) || key in entry.options.shape;
    const optimizer = Object.fromEntries(Object.entries(given.optimizer).filter(stays));
    return { [part]: { ...given, optimizer } };
  };
  return { ...recipe, ...own('teacher'), ...own('student') };
}

/** Returns `loss` with the options that a loss of its name has; unchanged when there is none of that name. */
function knownOptions(part: string, key: string, loss: Values): Values {
  const choices = choicesAt([part, key]);
  const found = choices && chosenEntry(choices, String(loss.name));
  if (found === undefined) return loss;
  const { shape } = found.entry.options;
  return Object.fromEntries(Object.entries(loss).filter(([option]) => option === 'name' || option in shape));
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
