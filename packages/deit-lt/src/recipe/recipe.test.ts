/** Recipes: the ones that come with the project, `--set`, inheritance, shares of a training, and messages for mistakes. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import { UserError } from '../errors.js';
import { unusualValues } from './contradictions.js';
import { recipeKeys } from './keys.js';
import { loadRecipe, recipeNames } from './load.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-recipe-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const at = path.join(folder, name);
  writeFileSync(at, text);
  return at;
}

function refuses(load: () => unknown, message: RegExp): void {
  assert.throws(load, (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.code, 'RECIPE');
    assert.match(error.message, message);
    return true;
  });
}

const set = (...settings: string[]) => loadRecipe('default', { settings });

suite('absurd values', () => {
  for (const setting of [
    'student.optimizer.lr=1e9',
    'teacher.epochs=1e9',
    'student.batchSize=1e9',
    'student.accumulation=1e12',
    'student.imageSize=1e6',
    'student.model={name: deit, depth: 1e9}',
    'student.model={name: deit, embedDim: 1e9}',
    'teacher.loss={name: paco, queue: 1e12}',
    'evaluation.batchSize=1e10',
    'student.schedule.warmupEpochs=1e9',
  ])
    test(`${setting} is refused`, () =>
      assert.throws(() => loadRecipe('default', { settings: [setting] }), {
        code: 'RECIPE',
        message: /expected a value of at most \d+; found \d+/,
      }));

  for (const setting of [
    'student.optimizer.lr=30', // linear probes with SGD
    'teacher={loss: {name: paco, queue: 65536}, model: {cosine: false}, drw: {epoch: null}}',
    'student.batchSize=65536',
    'student.accumulation=4096',
    'student.imageSize=8192',
    'student.epochs=1e5', // of a few images
    'student.model={name: deit, embedDim: 16384}',
    'student.schedule.warmupEpochs=1000',
    'evaluation.every=1e9', // only after the last epoch
  ])
    test(`${setting} is allowed`, () => assert.doesNotThrow(() => loadRecipe('default', { settings: [setting] })));

  test('unusual ones are warned about, those of the recipes are not', () => {
    for (const name of recipeNames()) {
      const recipe = loadRecipe(name);
      for (const part of ['teacher', 'student'] as const) assert.deepEqual(unusualValues(part, recipe[part]), [], name);
    }
    const { student } = loadRecipe('default', { settings: ['student.optimizer.lr=5', 'student.epochs=90000'] });
    const [rate, epochs, ...others] = unusualValues('student', student);
    assert.match(rate!, /^student\.optimizer\.lr is 5.* unusually large for adamw/);
    assert.match(epochs!, /^student\.epochs is 90000/);
    assert.deepEqual(others, []);
  });
});

suite('the recipes of the project', () => {
  for (const name of recipeNames())
    test(`${name} is complete and has a description`, () => {
      assert.ok(loadRecipe(name).description.length > 10);
    });

  test('default has the published values', () => {
    const { student, teacher } = loadRecipe('default');
    assert.equal(student.optimizer.lr, 5e-4);
    assert.equal(student.drw.epoch, 1100);
    assert.equal(teacher.sam.rho, 0.8);
    assert.deepEqual(teacher.schedule.factors, [0.01, 0.0001]);
  });
});

suite('--set', () => {
  test('changes numbers, lists, booleans and null', () => {
    const { student, data } = set(
      'student.epochs=90',
      'student.augment.randomResizedCrop.scale=[0.3, 1]',
      'student.augment.flip=false',
      'data.imbalance=null',
    );
    assert.equal(student.epochs, 90);
    assert.deepEqual(student.augment.randomResizedCrop, { scale: [0.3, 1], ratio: [0.75, 4 / 3] });
    assert.equal(student.augment.flip, false);
    assert.equal(data.imbalance, null);
  });

  test('takes a name for every value that a recipe has', () => {
    for (const key of recipeKeys()) assert.doesNotMatch(tryMessage(`${key}=1`), /no recipe has/, key);
  });

  test('refuses unknown keys with the nearest', () => {
    refuses(() => set('student.epoch=90'), /no recipe has "student\.epoch"; did you mean "epochs"\?/);
    refuses(() => set('studnet.epochs=90'), /did you mean "student"\?/);
    refuses(() => set('seed.x=1'), /seed is one value/);
  });

  test('refuses values that are not allowed and lists those that are', () => {
    refuses(() => set('student.epochs=0.5'), /student\.epochs: expected a whole number; found 0\.5/);
    refuses(() => set('student.distillation.type=firm'), /expected one of none, soft, hard; found "firm"/);
    refuses(() => set('teacher.optimizer.lr=-1'), /expected a value above 0; found -1/);
    refuses(() => set('student.epochs=1e400'), /student\.epochs: expected number; found Infinity/);
    refuses(() => set('student.std=[0.5, 0, 0.5]'), /student\.std\.1: expected a value above 0; found 0/);
    refuses(() => set('student.epochs'), /expected key=value/);
    refuses(() => set('student.mean=[0.5'), /cannot be read/);
    refuses(
      () => set('evaluation.earlyStopping=true'),
      /earlyStopping: expected values for its keys patience, minDelta, for example --set evaluation\.earlyStopping\.patience=10; found true/,
    );
    refuses(() => set('student.mixing=1'), /student\.mixing: expected values for its keys mixup, .*; found 1/);
    refuses(() => set('teacher.sam.steps=3'), /teacher\.sam\.steps: expected a list; found 3/);
    refuses(() => set('teacher.sam.steps=[]'), /expected a list of at least 1; found \[\]/);
    refuses(() => set('student.mixing.cutmixMinMax=[0.5, 0.2]'), /expected \[low, high\] with low below high/);
    refuses(
      () => set('student.mixing.transMix=true', 'student.mixing.cutmix=0'),
      /transMix is for the labels of CutMix/,
    );
    refuses(
      () =>
        loadRecipe('quickstart', {
          settings: ['student.model.patchEmbed=linear', 'student.model.stemChannels=[8, 8]'],
        }),
      /student\.model\.stemChannels are .*patchEmbed is "linear": set it to conv/,
    );
  });
});

suite('a loss in a recipe', () => {
  const lossOf = (...settings: string[]) =>
    set('teacher.model.cosine=false', 'teacher.drw.epoch=null', ...settings).teacher.loss;

  test('is a name, or a name with options; those that are missing take its defaults', () => {
    assert.deepEqual(lossOf('teacher.loss=focal'), { name: 'focal', gamma: 1, published: false });
    assert.deepEqual(lossOf('teacher.loss.name=focal'), lossOf('teacher.loss=focal'));
    assert.deepEqual(lossOf('teacher.loss={name: vs, tau: 2}'), { name: 'vs', gamma: 0.3, tau: 2 });
    assert.deepEqual(lossOf('teacher.loss.maxMargin=0.4'), { name: 'ldam', maxMargin: 0.4, scale: 30 });
  });

  test('has its own options whatever was set first', () => {
    const expected = { name: 'focal', gamma: 2, published: false };
    assert.deepEqual(lossOf('teacher.loss.gamma=2', 'teacher.loss=focal'), expected);
    assert.deepEqual(lossOf('teacher.loss=vs', 'teacher.loss.gamma=2', 'teacher.loss.name=focal'), expected);
    assert.deepEqual(lossOf('teacher.loss.name=vs', 'teacher.loss.name=focal', 'teacher.loss.gamma=2'), expected);
  });

  test('that is named in a file starts from its defaults, and keeps the options of one of its name', () => {
    const own = (text: string) => loadRecipe(file('own.yaml', `extends: imagenet-lt\n${text}`)).teacher.loss;
    assert.deepEqual(own('teacher: { loss: ldam }'), { name: 'ldam', maxMargin: 0.3, scale: 30 });
    assert.deepEqual(own('teacher: { loss: { replace: true, name: ldam } }'), {
      name: 'ldam',
      maxMargin: 0.5,
      scale: 30,
    });
    assert.deepEqual(own('teacher: { loss: vs, model: { cosine: false } }'), { name: 'vs', gamma: 0.3, tau: 1 });
  });

  test('keeps the entries of a view that only some change', () => {
    const { keyAugment } = lossOf('teacher.loss=paco', 'teacher.loss.keyAugment.gaussianBlur.probability=0.2');
    assert.deepEqual((keyAugment as Record<string, object>).gaussianBlur, { probability: 0.2, radius: [0.1, 2] });
    assert.ok((keyAugment as Record<string, object>).randomResizedCrop);
  });

  test('is refused by its name, or the name of its option, with what there is', () => {
    refuses(() => set('teacher.loss=ldma'), /teacher\.loss\.name: .*\(did you mean "ldam"\?\)/);
    refuses(() => set('teacher.loss=3'), /teacher\.loss: expected a name \(ldam, .*paco, glmc\).*; found 3/);
    refuses(
      () => lossOf('teacher.loss=focal', 'teacher.loss.tau=1'),
      /the loss "focal" has no option "tau": known: gamma, published/,
    );
    refuses(
      () => lossOf('teacher.loss=paco', 'teacher.loss.queue=0'),
      /teacher\.loss\.queue: expected a value above 0; found 0/,
    );
    refuses(() => set('student.clsLoss=ldam'), /the loss "ldam" accepts only labels, and CLS learns from mixed ones/);
    refuses(() => set('student.clsLoss.labelSmoothing=0.1'), /set student\.labelSmoothing=0\.1/);
  });

  test('names the new place of options of earlier versions', () => {
    refuses(
      () => set('teacher.paco.queue=9'),
      /no recipe has "teacher\.paco" any more: its options are those of teacher\.loss/,
    );
    const own = () => loadRecipe(file('old.yaml', 'student: { clsLoss: bce, clsThreshold: 0 }\n'));
    refuses(own, /no recipe has "student\.clsThreshold" any more: it is student\.clsLoss\.threshold now/);
  });
});

suite('a model in a recipe', () => {
  test('is a name, or a name with options, and keeps those that the one before had too', () => {
    const transformer = set('student.model=vit').student.model;
    assert.deepEqual(transformer, { name: 'vit', dropPathRate: 0.1 });
    assert.deepEqual(set('student.model.name=resnet32').student.model, { name: 'resnet32' });
    assert.deepEqual(set('teacher.model=resnet50').teacher.model, { name: 'resnet50', cosine: true });
  });

  test('is refused with options that it does not have, and for its name', () => {
    refuses(
      () => set('student.model.dropPathRate=0.2', 'student.model=resnet32'),
      /student\.model\.dropPathRate: the model "resnet32" has no option "dropPathRate": known: cosine, width/,
    );
    refuses(() => set('student.model=resnet33'), /student\.model\.name: no model has this name \(did you mean "resnet/);
    refuses(() => set('student.model.depth=0'), /student\.model\.depth: the model .* has no option "depth"/);
  });
});

function tryMessage(setting: string): string {
  try {
    set(setting);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

suite('a recipe file', () => {
  test('changes only the values that it contains', () => {
    const own = loadRecipe(file('own.yaml', 'extends: quickstart\nstudent: { epochs: 7 }\n'));
    assert.equal(own.student.epochs, 7);
    assert.deepEqual(own.teacher, loadRecipe('quickstart').teacher);
  });

  test('extends a file beside it', () => {
    file('base.yaml', 'seed: 5\n');
    assert.equal(loadRecipe(file('above.yaml', 'extends: base.yaml\n')).seed, 5);
  });

  test('that extends itself, does not exist or is not YAML is an error with its name', () => {
    refuses(() => loadRecipe(file('loop.yaml', 'extends: loop.yaml\n')), /loop\.yaml: extends itself/);
    refuses(() => loadRecipe(path.join(folder, 'none.yaml')), /none\.yaml: no such recipe file/);
    refuses(() => loadRecipe(file('bad.yaml', 'student: { epochs: [\n')), /bad\.yaml/);
    refuses(() => loadRecipe('quikstart'), /did you mean "quickstart"\?/);
  });

  test('that cannot be read, or has itself in it, is an error with its name', () => {
    mkdirSync(path.join(folder, 'folder.yaml'));
    refuses(() => loadRecipe(path.join(folder, 'folder.yaml')), /folder\.yaml cannot be read: EISDIR/);
    refuses(() => loadRecipe(file('itself.yaml', 'student: &a\n  model: *a\n')), /itself\.yaml: an alias \(\*name\)/);
    const lists = [
      'a: &a [1, 1]',
      ...'bcdefghi'.split('').map((key, i) => `${key}: &${key} [${`*${'abcdefgh'[i]},`.repeat(9)}]`),
    ];
    refuses(() => loadRecipe(file('bomb.yaml', lists.join('\n'))), /bomb\.yaml: an alias \(\*name\)/);
  });

  test('with an unknown key is refused with the nearest', () => {
    refuses(() => loadRecipe(file('key.yaml', 'techer: {}\n')), /no recipe has "techer": did you mean "teacher"\?/);
  });
});

suite('points in time', () => {
  test('between 0 and 1 are shares of the epochs', () => {
    const { student } = set('student.epochs=90', 'student.drw.epoch=0.8', 'student.schedule.warmupEpochs=0.1');
    assert.equal(student.drw.epoch, 72);
    assert.equal(student.schedule.warmupEpochs, 9);
  });

  test('of mixing are of the student’s epochs', () => {
    assert.equal(set('student.mixing.untilEpoch=0.75').student.mixing.untilEpoch, 900);
    assert.equal(set().student.mixing.untilEpoch, null);
  });

  test('of 1 and more are epochs', () => {
    assert.equal(set('student.drw.epoch=12').student.drw.epoch, 12);
  });
});

suite('values that do not go together', () => {
  test('are named', () => {
    refuses(() => set('teacher.weights=ema'), /teacher\.weights is "ema" but teacher\.ema is null/);
    refuses(() => set('teacher.schedule.milestones=[1]'), /1 milestones and 2 factors/);
  });
});
