/** Every recipe that comes with the project trains: shrunk by `--budget small`, a few steps on images of the right number of classes. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { openClassifier } from '../src/classifier/classifier.js';
import type { Dataset, ImageSplit } from '../src/data/dataset.js';
import { UserError } from '../src/errors.js';
import { stream } from '../src/random/stream.js';
import { loadRecipe, recipeNames } from '../src/recipe/load.js';
import type { Recipe } from '../src/recipe/schema.js';
import { plainName } from '../src/tasks/model-of.js';
import { type TrainOptions, trainStudent, trainTeacher, trainVit } from '../src/training/train.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { reporting } from './training-tiny.js';

/** Batches after which a training has shown that it runs: two updates of a teacher, one of a student that accumulates. */
const enough = 2;

/** As many as a recipe's groups are for. */
const classesOf: Partial<Record<Recipe['data']['groups'], number>> = {
  'cifar100-lt': 100,
  'imagenet-lt': 1000,
  'inaturalist-2018': 8142,
};

/** Noise of 32 pixels: of each class as many images as its long tail of 300 needs, and one to test. */
function datasetFor({ data }: Recipe): Dataset {
  const classes = classesOf[data.groups] ?? 10;
  const each = Math.max((data.imbalance ?? 0) * Math.ceil(30 / classes), Math.ceil(300 / classes));
  const split = (perClass: number): ImageSplit => {
    const length = classes * perClass;
    const pixels = new Uint8Array(length * 32 * 32 * 3);
    const random = stream(0, 'draw');
    const words = new Uint32Array(pixels.buffer);
    for (let i = 0; i < words.length; i++) words[i] = random.uint32();
    const images = { kind: 'memory', length, width: 32, height: 32, pixels, nameOf: String } as const;
    return { images, labels: Int32Array.from({ length }, (_, i) => Math.floor(i / perClass)) };
  };
  const classNames = Array.from({ length: classes }, (_, c) => `class ${c}`);
  return { name: 'noise', classNames, train: split(each), test: split(1) };
}

type Train = (options: TrainOptions) => Promise<unknown>;

/** Trains to the end, or to the first update after `enough` batches; either way there is a checkpoint. */
async function trainSome(train: Train, options: Omit<TrainOptions, 'reporter' | 'signal'>): Promise<void> {
  const controller = new AbortController();
  let batches = 0;
  const reporter = reporting({
    step: ({ loss }) => {
      assert.ok(Number.isFinite(loss));
      if (++batches === enough) controller.abort();
    },
  });
  try {
    await train({ ...options, reporter, signal: controller.signal });
  } catch (error) {
    if (!(error instanceof UserError && error.code === 'INTERRUPTED')) throw error;
  }
  assert.ok(batches >= 2, `${batches} batches`);
}

const made = new Map<string, Dataset>();

/** Recipes of the same data share them. */
function cachedDataset(recipe: Recipe): Dataset {
  const key = JSON.stringify(recipe.data);
  const dataset = made.get(key) ?? datasetFor(recipe);
  made.set(key, dataset);
  return dataset;
}

async function runRecipe(t: TestContext, name: string): Promise<void> {
  const settings = ['precision=float32', 'device=cpu'];
  const recipe = loadRecipe(name, { budget: 'small', settings });
  const dataset = cachedDataset(recipe);
  const folder = temporaryFolder(t);
  const at = (part: string): string => path.join(folder, part);
  const { student, teacher } = recipe;
  if (student.learn === 'classifier') {
    const first = { ...recipe, student: { ...student, learn: 'all' } } as const;
    await trainSome(trainVit, { dataset, recipe: first, folder: at('first') });
    await trainSome(trainVit, { dataset, recipe, folder: at('vit'), from: at('first') });
  } else if (plainName(student.model.name) === student.model.name) {
    await trainSome(trainVit, { dataset, recipe, folder: at('vit') });
  } else {
    const own = { ...recipe, teacher: { ...teacher, external: false } };
    await trainSome(trainTeacher, { dataset, recipe: own, folder: at('teacher') });
    await trainSome((options) => trainStudent({ ...options, teacher: at('teacher') }), {
      dataset,
      recipe,
      folder: at('student'),
    });
  }
  using classifier = await openClassifier(at(student.model.name === 'deit' ? 'student' : 'vit'));
  assert.equal(classifier.classNames.length, dataset.classNames.length);
}

suite('every recipe, with --budget small,', () => {
  for (const name of recipeNames()) test(`trains: ${name}`, (t) => runRecipe(t, name));
});
