/** Modules of `--plugin`, as a user writes them beside the installed package. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { failureOf } from '../src/cli/failure.js';
import * as library from '../src/index.js';
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
import { createLoss } from '../src/losses/registry.js';
import { loadPlugin } from '../src/plugin.js';
import { unusualValues } from '../src/recipe/contradictions.js';
import { completeOlder } from '../src/recipe/older.js';
import { trainStudent, trainTeacher } from '../src/training/train.js';
import { deitLt } from './cli-helpers.js';
import { ownProject } from './helpers/own-project.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { recording, tinyDataset, tinyRecipe } from './training-tiny.js';

/** A training of seconds. */
const small = ['teacher', '--data', 'shapes', '--recipe', 'quickstart', '--budget', 'small'];
const linear = ['teacher.model.cosine=false', 'data.limit=40', 'teacher.epochs=1', 'evaluation.select=last'];

suite('examples/own-loss', () => {
  test('trains a teacher, whose run is opened and resumed only with the same module', (t) => {
    const cwd = ownProject(t, 'own-loss');
    const plugin = ['--plugin', 'poly1-loss.mjs'];
    const loss = ['teacher.loss.epsilon=2', 'teacher.loss=poly1'];
    const trained = deitLt([...small, '--set', ...loss, ...linear, ...plugin, '--out', 'run'], { cwd });
    assert.equal(trained.status, 0, trained.stderr);
    assert.match(trained.stderr, /predict run photo\.jpg --plugin poly1-loss\.mjs/);
    const config = JSON.parse(readFileSync(path.join(cwd, 'run/config.json'), 'utf8')) as {
      recipe: { teacher: { loss: unknown } };
      plugins: { path: string }[];
    };
    assert.deepEqual(config.recipe.teacher.loss, { name: 'poly1', epsilon: 2 });
    assert.equal(path.basename(config.plugins[0]!.path), 'poly1-loss.mjs');

    const without = deitLt(['compare', 'run'], { cwd });
    assert.equal(without.status, 1);
    assert.match(without.stderr, /the run was trained with a module of your own: add --plugin \S+poly1-loss\.mjs$/m);
    assert.equal(deitLt(['compare', 'run', ...plugin], { cwd }).status, 0);
    const resume = ['teacher', '--resume', '--out', 'run', ...plugin];
    const file = path.join(cwd, 'poly1-loss.mjs');
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n// changed\n`);
    assert.match(
      deitLt(resume, { cwd }).stderr,
      /cannot be resumed: it was trained with \S+poly1-loss\.mjs as it was then/,
    );
  });

  test('is the formula of its first line, of labels, weighted labels and mixed ones', (t) => {
    const cwd = ownProject(t, 'own-loss');
    const script = `import './poly1-loss.mjs';
      import { createLoss, torch } from 'deit-lt';
      const logits = torch.tensor([[0, 1, 2], [3, 0, 0]]);
      const labels = torch.tensor([2, 1], { dtype: 'int64' });
      const soft = torch.tensor([[0.5, 0.5, 0], [0, 0, 1]]);
      const value = (options, targets) => createLoss('poly1', [3, 2, 1], options)(logits, targets).toNumber();
      console.log(JSON.stringify([value({}, labels), value({ epsilon: 2, weights: [1, 2, 3] }, labels), value({}, soft)]));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd,
      encoding: 'utf8',
    });
    assert.equal(stderr, '');
    const p = [
      [0, 1, 2],
      [3, 0, 0],
    ].map((row) => {
      const sum = row.reduce((total, x) => total + Math.exp(x), 0);
      return row.map((x) => Math.exp(x) / sum);
    });
    const poly = (row: number, label: number, epsilon = 1) =>
      -Math.log(p[row]![label]!) + epsilon * (1 - p[row]![label]!);
    const expected = [
      (poly(0, 2) + poly(1, 1)) / 2,
      (3 * poly(0, 2, 2) + 2 * poly(1, 1, 2)) / 2,
      (0.5 * poly(0, 0) + 0.5 * poly(0, 1) + poly(1, 2)) / 2,
    ];
    const values = JSON.parse(stdout) as number[];
    for (const [i, value] of values.entries())
      assert.ok(Math.abs(value - expected[i]!) < 1e-5, `${value} ${expected[i]}`);
  });
});

suite('examples/own-model', () => {
  test('trains as a teacher with its options, and is evaluated and exported only with the module', (t) => {
    const cwd = ownProject(t, 'own-model');
    const plugin = ['--plugin', 'conv-mixer.mjs'];
    const model = ['teacher.model=conv_mixer', 'teacher.model.depth=1', 'teacher.model.width=8'];
    const others = ['teacher.loss=balanced-softmax', 'teacher.drw.epoch=null', ...linear.slice(1)];
    const trained = deitLt([...small, '--set', ...model, ...others, ...plugin, '--out', 'run'], { cwd });
    assert.equal(trained.status, 0, trained.stderr);
    const config = JSON.parse(readFileSync(path.join(cwd, 'run/config.json'), 'utf8')) as {
      recipe: { teacher: { model: unknown } };
    };
    assert.deepEqual(config.recipe.teacher.model, { name: 'conv_mixer', width: 8, depth: 1, patchSize: 2, kernel: 5 });

    const words = ['export', 'run', '--format', 'safetensors', '--out', 'model.safetensors'];
    const without = deitLt(words, { cwd });
    assert.deepEqual([without.status, without.stdout], [1, '']);
    assert.match(
      without.stderr,
      /best\.safetensors: the run was trained with a module of your own: add --plugin \S+conv-mixer\.mjs$/m,
    );
    assert.equal(deitLt([...words, ...plugin], { cwd }).status, 0);
    const onnx = deitLt(['export', 'run', '--format', 'onnx', '--out', 'model.onnx', ...plugin], { cwd });
    assert.deepEqual([onnx.status, /conv_mixer cannot be exported to ONNX/.test(onnx.stderr)], [1, true], onnx.stderr);
  });
});

suite('examples/own-optimizer', () => {
  test('trains a teacher with its options, whose run is opened with the same module alone', (t) => {
    const cwd = ownProject(t, 'own-optimizer');
    const plugin = ['--plugin', 'lion.mjs'];
    const settings = ['teacher.optimizer.betas=[0.8, 0.9]', 'teacher.optimizer=lion', ...linear.slice(1)];
    const words = [...small, '--set', ...settings, 'teacher.optimizer.lr=1e-3', ...plugin, '--out', 'run'];
    const trained = deitLt(words, { cwd });
    assert.equal(trained.status, 0, trained.stderr);
    const config = JSON.parse(readFileSync(path.join(cwd, 'run/config.json'), 'utf8')) as {
      recipe: { teacher: { optimizer: unknown } };
    };
    assert.deepEqual(config.recipe.teacher.optimizer, {
      ...{ name: 'lion', lr: 0.001, lrPer: null, lrRule: 'effective', weightDecay: 5e-4 },
      ...{ betas: [0.8, 0.9], clipGradNorm: null },
    });
    const without = deitLt(['compare', 'run'], { cwd });
    assert.deepEqual([without.status, /add --plugin \S+lion\.mjs$/m.test(without.stderr)], [1, true], without.stderr);
  });

  test('moves a weight and a bias by the formula of its first line, also from a loaded state', (t) => {
    const cwd = ownProject(t, 'own-optimizer');
    const script = `import './lion.mjs';
      import { createOptimizer, torch } from 'deit-lt';
      const layer = new torch.nn.Linear(1, 1);
      torch.noGrad(() => { layer.weight.fill_(2); layer.bias.fill_(1); });
      const chosen = { name: 'lion', lrPer: null, lrRule: 'effective', weightDecay: 0.5, clipGradNorm: null, betas: [0.5, 0.9] };
      let optimizer = createOptimizer(layer, chosen, 0.1);
      for (const gradient of [1, -0.05, -3]) {
        layer.weight.grad = torch.tensor([[gradient]]);
        layer.bias.grad = torch.tensor([gradient]);
        optimizer.step();
        const saved = optimizer;
        optimizer = createOptimizer(layer, chosen, 0.1);
        optimizer.loadStateDict(saved.stateDict());
      }
      const state = optimizer.stateDict().state;
      console.log(JSON.stringify([layer.weight.item(), layer.bias.item(), state[0].exp_avg.item()]));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd,
      encoding: 'utf8',
    });
    assert.equal(stderr, '');
    let [weight, bias, average] = [2, 1, 0];
    for (const gradient of [1, -0.05, -3]) {
      const step = 0.1 * Math.sign(0.5 * average + 0.5 * gradient);
      weight = weight * (1 - 0.1 * 0.5) - step;
      bias -= step;
      average = 0.9 * average + 0.1 * gradient;
    }
    for (const [i, value] of (JSON.parse(stdout) as number[]).entries())
      assert.ok(Math.abs(value - [weight, bias, average][i]!) < 1e-6, `${value} ${[weight, bias, average][i]}`);
  });
});

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

/** Two classes, dark and light, as a file of `examples/own-data`. */
function arraysFile(cwd: string): string {
  const images = (each: number) =>
    [0, 1].flatMap((label) =>
      Array.from({ length: each }, (_, i) => [label, new Array<number>(16 * 16 * 3).fill(60 + 120 * label + i)]),
    );
  const file = path.join(cwd, 'images.arrays.json');
  writeFileSync(file, JSON.stringify({ classes: ['dark', 'light'], side: 16, train: images(12), test: images(4) }));
  return file;
}

suite('examples/own-data', () => {
  test('trains on a file that only its module reads, with its augmentation, and evaluates on it', (t) => {
    const cwd = ownProject(t, 'own-data');
    arraysFile(cwd);
    const data = ['--data', 'images.arrays.json'];
    const plugin = ['--plugin', 'arrays.mjs'];
    const words = ['teacher', ...data, '--recipe', 'quickstart', '--budget', 'small', '--out', 'run', ...plugin];
    const settings = ['teacher.augment.stripes.width=4', 'teacher.epochs=1', 'evaluation.select=last'];
    const trained = deitLt([...words, '--set', ...settings, 'data.imbalance=null', 'data.groups=auto'], { cwd });
    assert.equal(trained.status, 0, trained.stderr);
    const config = JSON.parse(readFileSync(path.join(cwd, 'run/config.json'), 'utf8')) as {
      recipe: { teacher: { augment: Record<string, unknown> } };
    };
    assert.deepEqual(config.recipe.teacher.augment.stripes, { probability: 0.5, width: 4 });
    const evaluated = deitLt(['eval', 'run', ...data, ...plugin], { cwd });
    assert.equal(evaluated.status, 0, evaluated.stderr);
    const without = deitLt(['compare', 'run'], { cwd });
    assert.deepEqual([without.status, /add --plugin \S+arrays\.mjs/.test(without.stderr)], [1, true], without.stderr);
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

/** Loads a module with `code` in this process; gives its file. */
async function load(t: Parameters<typeof temporaryFolder>[0], code: string): Promise<string> {
  const file = path.join(temporaryFolder(t), 'own.mjs');
  writeFileSync(file, code);
  await loadPlugin(file, library);
  return file;
}

const register = (entry: string): string => `export default ({ registerLoss, z }) => registerLoss(${entry});`;
const lossOf = (name: string, body: string): string =>
  register(`{ name: '${name}', options: z.object({}), create: () => (logits) => ${body} }`);

suite('--plugin', () => {
  const refused: readonly [what: string, code: string, message: RegExp][] = [
    [
      'a module that is no JavaScript',
      'let x = ;',
      /cannot be loaded: SyntaxError: .*"node --check \S+own\.mjs" shows where/,
    ],
    ['one that throws', '\nthrow new Error("mine");', /cannot be loaded: Error: mine \(\S+own\.mjs:2:7\)/],
    ['one that registers nothing', 'export const x = 1;', /registers nothing here/],
    ['a package that is not there', 'import "deit-lt";', /npm install PATH-OF-THE-CLONE\/packages\/deit-lt/],
    ['a bad name', register('{ name: "my loss" }'), /name must be a text of letters, digits, _ and -/],
    ['options that are none', register('{ name: "mine", create() {} }'), /options of "mine" must be a zod object/],
    ['no factory', register('{ name: "mine", options: z.object({}) }'), /create of "mine" must be a function/],
    ['a task’s name', register('{ name: "paco", options: z.object({}), create() {} }'), /a loss "paco" exists already/],
  ];
  for (const [what, code, message] of refused)
    test(`refuses ${what}, in a line that names the file`, async (t) => {
      await assert.rejects(load(t, code), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'PLUGIN');
        assert.match(error.message, message);
        assert.match(error.message, /^\S+own\.mjs[^\n]*$/);
        return true;
      });
    });

  test('refuses a file that does not exist, as a wrong use', () => {
    const { status, stderr } = deitLt(['recipes', '--plugin', 'missing.mjs']);
    assert.equal(status, 2);
    assert.match(stderr, /--plugin missing\.mjs: there is no such file/);
  });

  test('names what a loss must return, and the place of an error in the module', async (t) => {
    const logits = torch.ones([2, 3]);
    const use = (name: string) => createLoss(name, [1, 1, 1])(logits, logits);
    await load(t, lossOf('rows', 'logits.sum(1)'));
    assert.throws(() => use('rows'), {
      code: 'PLUGIN',
      message: /the loss "rows" .* of shape \[\], and returned shape \[2\]/,
    });
    await load(t, lossOf('broken', 'logits.summ()'));
    try {
      use('broken');
      assert.fail('it must throw');
    } catch (error) {
      assert.match(
        failureOf(error).message,
        /^logits\.summ is not a function \(in \S+own\.mjs:1:\d+, the module of --plugin\)$/,
      );
    }
  });
});
