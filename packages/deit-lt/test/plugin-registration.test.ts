/** What a module registers, in this process: optimizers, augmentations, data sources, tasks and networks. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import {
  type AugmentConfig,
  buildPipeline,
  createOptimizer,
  type Dataset,
  fileSplit,
  type OptimizerEntry,
  openDataset,
  registerAugmentation,
  registerModel,
  registerOptimizer,
  registerSource,
  registerTask,
  stream,
  z,
} from '../src/index.js';
import { unusualValues } from '../src/recipe/contradictions.js';
import { completeOlder } from '../src/recipe/older.js';
import { trainStudent, trainTeacher } from '../src/training/train.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { recording, tinyDataset, tinyRecipe } from './training-tiny.js';

suite('registerOptimizer()', () => {
  const options = z.object({ momentum: z.number().default(0.95).describe('share of the last update') });
  const create: OptimizerEntry<typeof options>['create'] = (learning, { lr, momentum }) =>
    new torch.optim.SGD(
      learning.namedParameters().map(([, parameter]) => parameter),
      { lr, momentum },
    );

  test('keeps the keys that all optimizers have when a recipe names another, and not the options', () => {
    registerOptimizer({ name: 'heavy', options, create, unusualRate: 1 });
    const { optimizer } = tinyRecipe('teacher.optimizer=heavy', 'teacher.optimizer.lr=2').teacher;
    assert.deepEqual(optimizer, {
      ...{ name: 'heavy', lr: 2, lrPer: null, lrRule: 'effective', weightDecay: 2e-4 },
      ...{ momentum: 0.95, clipGradNorm: null },
    });
    const recipe = tinyRecipe('teacher.optimizer=heavy', 'teacher.optimizer.lr=2');
    assert.match(unusualValues('teacher', recipe.teacher)[0]!, /unusually large for heavy/);
    assert.throws(() => tinyRecipe('teacher.optimizer=heavy', 'teacher.optimizer.nesterov=true'), {
      code: 'RECIPE',
      message: /the optimizer "heavy" has no option "nesterov"/,
    });
  });

  test('keeps the options that AdamW and LAMB share', () => {
    const { optimizer } = tinyRecipe('student.optimizer.eps=1e-7', 'student.optimizer=lamb').student;
    assert.deepEqual([optimizer.name, optimizer.betas, optimizer.eps], ['lamb', [0.9, 0.999], 1e-7]);
  });

  test('refuses an option with the name of a common key, and a value that is not an optimizer', () => {
    const entry = { name: 'own-rate', options: z.object({ lr: z.number().default(1) }), create };
    assert.throws(() => registerOptimizer(entry as never), {
      code: 'PLUGIN',
      message: /"own-rate" cannot be registered: recipes have "lr" beside its options/,
    });
    registerOptimizer({ name: 'none', options: z.object({}), create: () => ({ step() {} }) as never });
    const { optimizer } = tinyRecipe('teacher.optimizer=none').teacher;
    assert.throws(() => createOptimizer(new torch.nn.Linear(1, 1), optimizer, 1), {
      code: 'PLUGIN',
      message: /^the optimizer "none" cannot be used: create must return a torch\.optim\.Optimizer/,
    });
  });

  test('opens runs of versions in which an optimizer could have the options of another', () => {
    const recipe = tinyRecipe();
    const optimizer = { ...recipe.student.optimizer, momentum: 0.9, nesterov: false };
    const older = { ...recipe, student: { ...recipe.student, optimizer } };
    assert.deepEqual(completeOlder(older), recipe);
  });
});

suite('registerAugmentation()', () => {
  const context = { size: 4, mean: [0, 0, 0], std: [1, 1, 1], filter: 'bilinear' } as const;
  const streams = [stream(1, 'augment', 0, 0)];
  const options = z.object({ by: z.number().default(3).describe('what is added') });

  test('adds operations in front of the normalisation, and behind it where the entry says so', () => {
    const create =
      ({ by }: { by: number }) =>
      (images: torch.Tensor) =>
        images.add(by);
    registerAugmentation({ name: 'levels-plus', kind: 'batch', options, create });
    registerAugmentation({ name: 'normalized-plus', kind: 'batch', options, create, normalized: true });
    const config = { wholeImage: true, 'levels-plus': { by: 51 }, 'normalized-plus': true };
    const { transforms } = buildPipeline(config as AugmentConfig, { ...context, mean: [0.1, 0.1, 0.1] });
    const images = transforms.reduce((batch, change) => change(batch, streams), torch.zeros([1, 3, 4, 4]));
    assert.ok(Math.abs(images.mean().toNumber() - (51 / 255 - 0.1 + 3)) < 1e-6);
    assert.deepEqual(tinyRecipe('student.augment.levels-plus.by=2').student.augment, {
      ...tinyRecipe().student.augment,
      'levels-plus': { by: 2 },
    });
    assert.throws(() => tinyRecipe('teacher.augment.levels-plus.bye=2'), {
      code: 'RECIPE',
      message: /augment\.levels-plus\.bye.*did you mean "by"/,
    });
    assert.throws(() => tinyRecipe('student.augment.level-plus=true'), { message: /did you mean "levels-plus"/ });
  });

  test('adds a choice of the part of the image, of which a pipeline has one', () => {
    const left = { x: 0, y: 0, width: 2, height: 4, flip: false };
    registerAugmentation({ name: 'leftHalf', kind: 'window', options: z.object({}), create: () => () => left });
    const { window } = buildPipeline({ leftHalf: true } as AugmentConfig, context);
    assert.deepEqual(window(4, 4, streams[0]!), left);
    assert.throws(() => buildPipeline({ leftHalf: true, wholeImage: true } as AugmentConfig, context), {
      code: 'RECIPE',
      message: /wholeImage and leftHalf are on/,
    });
  });

  test('says what an entry lacks, and what it must return', () => {
    assert.throws(() => registerAugmentation({ name: 'flip', kind: 'batch', options, create: () => (x) => x }), {
      code: 'PLUGIN',
      message: /^an augmentation "flip" exists already/,
    });
    assert.throws(() => registerAugmentation({ name: 'kindless', options, create: () => 1 } as never), {
      code: 'PLUGIN',
      message: /kind of "kindless" must be one of window, window-change, batch/,
    });
    registerAugmentation({ name: 'smaller', kind: 'batch', options, create: () => (images) => images.sum(1) });
    const { transforms } = buildPipeline({ wholeImage: true, smaller: true } as AugmentConfig, context);
    assert.throws(() => transforms[0]!(torch.zeros([1, 3, 4, 4]), streams), {
      code: 'PLUGIN',
      message: /^the augmentation "smaller" .* images of shape \[1, 3, 4, 4\], and returned shape \[1, 4, 4\]\.$/,
    });
    registerAugmentation({
      name: 'nowhere',
      kind: 'window',
      options,
      create: () => () => ({ x: Number.NaN }) as never,
    });
    const { window } = buildPipeline({ nowhere: true } as AugmentConfig, context);
    assert.throws(() => window(4, 4, streams[0]!), { code: 'PLUGIN', message: /"nowhere" .* must return a window/ });
  });
});

suite('registerSource()', () => {
  const summary = 'a word';

  test('adds a data set by a word, from memory and from files', async () => {
    const shapes = tinyDataset();
    registerSource({
      name: 'own',
      summary,
      names: ['own-shapes'],
      open: async (spec) => (spec === 'own-shapes' ? shapes : undefined),
    });
    const opened = await openDataset('own-shapes');
    assert.deepEqual([opened.classNames, opened.train.labels], [shapes.classNames, shapes.train.labels]);
    await assert.rejects(openDataset('own-shape'), { code: 'DATA_NOT_FOUND', message: /did you mean "own-shapes"/ });
    await assert.rejects(openDataset('own-shapes', { testSplit: 'val' }), { code: 'USAGE' });
    const files = fileSplit(['missing/a.png', 'missing/b.png'], [0, 1]);
    const open = async (spec: string) =>
      spec === 'gone' ? { name: spec, classNames: ['a', 'b'], train: files } : undefined;
    registerSource({ name: 'gone', summary, names: ['gone'], open });
    await assert.rejects(openDataset('gone'), { code: 'DATA_BAD_FILES' });
  });

  test('says what an entry lacks, and what is wrong with its data set', async () => {
    const open = async () => undefined;
    assert.throws(() => registerSource({ name: 'x', open } as never), {
      code: 'PLUGIN',
      message: /summary of "x" must be/,
    });
    assert.throws(() => registerSource({ name: 'x', summary, names: ['shapes'], open }), {
      code: 'PLUGIN',
      message: /there is a data set "shapes" already/,
    });
    const { train, classNames } = tinyDataset();
    const wrong: readonly [word: string, dataset: object, message: RegExp][] = [
      ['nothing', {}, /open must return \{ name, classNames, train, test \}/],
      [
        'labels',
        { name: 'x', classNames, train: { ...train, labels: [0] } },
        /train must be .* labels must be an Int32Array/,
      ],
      ['classes', { name: 'x', classNames: ['a'], train }, /labels\[\d+\] is \d, and there are 1 classes/],
      ['count', { name: 'x', classNames, train: { ...train, labels: new Int32Array(2) } }, /120 images have 2 labels/],
      [
        'pixels',
        { name: 'x', classNames, train: { ...train, images: { ...train.images, pixels: new Uint8Array(3) } } },
        /images\.pixels has 3 bytes in place of 92160/,
      ],
    ];
    for (const [word, dataset, message] of wrong) {
      registerSource({
        name: word,
        summary,
        open: async (spec) => (spec === `wrong-${word}` ? (dataset as Dataset) : undefined),
      });
      await assert.rejects(openDataset(`wrong-${word}`), { code: 'PLUGIN', message });
    }
  });
});

suite('registerTask()', () => {
  test('adds a task with views, a companion and options, which a teacher is trained by', async (t) => {
    const seen: number[][] = [];
    registerTask({
      name: 'two-views',
      options: z.object({ weight: z.number().nonnegative().default(1) }),
      balances: true,
      views: (_, first) => [first],
      small: (options) => options,
      create: ({ model, trainCounts, device }, { weight }) => {
        const companion = new torch.nn.Linear(trainCounts.length, 1);
        return {
          kind: 'teacher',
          model,
          companion,
          drwEpoch: null,
          prepare: ({ images, more = [], labels }) => ({
            loss: () => {
              const views = [images, ...more];
              seen.push([weight, views.length]);
              const [a, b] = views.map((view) => model.call(view).float()) as [torch.Tensor, torch.Tensor];
              const targets = torch.tensor(labels, { dtype: 'int64' }).to(device);
              const apart = companion.call(a.sub(b)).square().mean();
              const loss = torch.nn.functional.crossEntropy(a, targets).add(apart.mul(weight));
              return { loss, parts: { apart } };
            },
          }),
          logits: (images) => ({ avg: model.call(images) }),
        };
      },
    });
    const settings = ['loss=two-views', 'loss.weight=0.5', 'model.cosine=false', 'drw.epoch=null', 'epochs=1'];
    const recipe = tinyRecipe(...settings.map((pair) => `teacher.${pair}`));
    const reporter = recording();
    await trainTeacher({ dataset: tinyDataset(), recipe, folder: path.join(temporaryFolder(t), 'run'), reporter });
    assert.ok(Number.isFinite(reporter.records[0]!.parts.apart));
    assert.deepEqual(seen[0], [0.5, 2]);
    assert.throws(() => tinyRecipe('teacher.loss=two-views', 'teacher.model.cosine=false'), {
      code: 'RECIPE',
      message: /balances the classes by itself: set teacher\.drw\.epoch=null/,
    });
  });
});

suite('a registered network', () => {
  test('is refused with its recipe’s key when it returns no logits, or one head where there are two', async (t) => {
    const flat = (channels: number) => (numClasses: number) =>
      new torch.nn.Sequential<[torch.Tensor]>(
        new torch.nn.Flatten(),
        new torch.nn.Linear(3 * 16 * 16, numClasses + channels),
      );
    for (const [name, extra] of [
      ['one-more', 1],
      ['one-head', 0],
    ] as const)
      registerModel({ name, options: z.object({}), create: ({ numClasses }) => flat(extra)(numClasses) });
    const folder = temporaryFolder(t);
    const dataset = tinyDataset();
    const teacher = tinyRecipe('teacher.model={replace: true, name: one-more}', 'teacher.loss=vs');
    await assert.rejects(trainTeacher({ dataset, recipe: teacher, folder: path.join(folder, 'a') }), {
      code: 'PLUGIN',
      message: /^teacher\.model must return logits \[B, 10\], and returned shape \[12, 11\]\.$/,
    });
    const one = 'model={replace: true, name: one-head}';
    const recipe = tinyRecipe(`teacher.${one}`, 'teacher.loss=vs', 'teacher.epochs=1', `student.${one}`);
    const { folder: run } = await trainTeacher({ dataset: tinyDataset(), recipe, folder: path.join(folder, 'b') });
    await assert.rejects(
      trainStudent({ dataset: tinyDataset(), recipe, folder: path.join(folder, 'c'), teacher: run }),
      {
        code: 'RECIPE',
        message: /student\.model has no DIST token/,
      },
    );
  });
});
