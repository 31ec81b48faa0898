/** Modules of `--plugin`, as a user writes them beside the installed package. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { failureOf } from '../src/cli/failure.js';
import * as library from '../src/index.js';
import { createLoss } from '../src/losses/registry.js';
import { loadPlugin } from '../src/plugin.js';
import { deitLt } from './cli-helpers.js';
import { ownProject } from './helpers/own-project.js';
import { temporaryFolder } from './helpers/temporary-folder.js';

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
