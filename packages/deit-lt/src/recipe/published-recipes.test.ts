/** The recipes of the paper's CIFAR rows against a table of the published figures. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { assertHas } from '../../test/helpers/assert-has.js';
import { totalEpochs } from '../optim/schedules.js';
import { loadRecipe, recipeNames } from './load.js';

/** Values that all four rows have, by key. */
const common = {
  teacher: {
    external: false,
    model: { name: 'resnet32', cosine: true },
    imageSize: 32,
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.2023, 0.1994, 0.201],
    epochs: 200,
    batchSize: 128,
    accumulation: 1,
    dropLast: false,
    loss: { name: 'ldam', maxMargin: 0.5, scale: 30 },
    sam: { rho: 0.8, adaptive: false, schedule: 'none', freezeStatistics: false },
    optimizer: { name: 'sgd', lr: 0.1, momentum: 0.9, weightDecay: 2e-4, lrPer: null, nesterov: false },
    schedule: { name: 'step', warmupEpochs: 5, milestones: [160, 180], factors: [0.01, 0.0001] },
    drw: { epoch: 160, beta: 0.9999 },
    augment: { padCrop: { padding: 4 }, flip: { probability: 0.5 } },
  },
  student: {
    model: { name: 'deit_base_distilled_patch16_224', dropPathRate: 0.1 },
    imageSize: 224,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    filter: 'bicubic',
    epochs: 1200,
    batchSize: 256,
    accumulation: 4,
    sampler: { name: 'published-repeated-augmentation', repeats: 3 },
    distillation: { type: 'hard', alpha: 0.5, temperature: 1, teacherInput: 'published', reweight: 'drw' },
    clsLoss: { name: 'cross-entropy' },
    clsReweight: 'never',
    labelSmoothing: 0.1,
    mixing: {
      mixup: 0.8,
      cutmix: 1,
      cutmixMinMax: null,
      mode: 'batch',
      probability: 1,
      switchProbability: 0.5,
      correctLambda: true,
      inDrw: false,
    },
    optimizer: {
      name: 'adamw',
      lr: 5e-4,
      lrPer: 512,
      lrRule: 'published',
      weightDecay: 0.05,
      betas: [0.9, 0.999],
      eps: 1e-8,
      clipGradNorm: null,
    },
    schedule: {
      name: 'cosine',
      warmupEpochs: 5,
      warmupLr: 1e-6,
      minLr: 1e-5,
      cooldownEpochs: 10,
      stepping: 'published',
    },
    drw: { epoch: 1100, beta: 0.9999 },
    ema: 0.99996,
    emaStepping: 'batch',
    weights: 'raw',
    augment: {
      randomResizedCrop: { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] },
      flip: { probability: 0.5 },
      randAugment: { config: 'rand-m9-mstd0.5-inc1' },
      randomErasing: { probability: 0.25, fill: 'pixel' },
    },
  },
  evaluation: { every: 1, select: 'test' },
};

const rows = [
  { name: 'cifar10-lt-100', imbalance: 100, groups: 'cifar10-lt' },
  { name: 'cifar10-lt-50', imbalance: 50, groups: 'cifar10-lt' },
  { name: 'cifar100-lt-100', imbalance: 100, groups: 'cifar100-lt' },
  { name: 'cifar100-lt-50', imbalance: 50, groups: 'cifar100-lt' },
];

/** dvlab-research/Parametric-Contrastive-Learning, CIFAR. */
const paco = {
  model: { name: 'resnet32', cosine: false },
  epochs: 400,
  batchSize: 128,
  dropLast: true,
  loss: {
    name: 'paco',
    variant: 'paco',
    alpha: 0.01,
    beta: 1,
    gamma: 1,
    temperature: 0.05,
    embedding: 32,
    queue: 1024,
    momentum: 0.999,
    contrastParts: 1,
  },
  optimizer: { name: 'sgd', lr: 0.05, momentum: 0.9, weightDecay: 5e-4 },
  schedule: { name: 'step', warmupEpochs: 10, milestones: [320, 360], factors: [0.1, 0.01] },
  drw: { epoch: null },
};

/** Its key view, PaCo/LT/paco_cifar.py. */
const pacoKey = {
  randomResizedCrop: { scale: [0.2, 1], ratio: [3 / 4, 4 / 3] },
  flip: { probability: 0.5 },
  colorJitter: { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
  grayscale: { probability: 0.2 },
  gaussianBlur: { probability: 0.5, radius: [0.1, 2] },
};

/** val-iisc/Saddle-LongTail, GLMC-2023. */
const glmc = {
  model: { name: 'resnet34_cifar' },
  mean: [0.4914, 0.4822, 0.4465],
  epochs: 200,
  batchSize: 64,
  accumulation: 1,
  sampler: { name: 'shuffle' },
  loss: { name: 'glmc', mixAlpha: 1, correctLambda: false, partnerPower: 0, labelPower: 1.2, embedding: 256 },
  sam: { rho: 0.05, schedule: 'none', freezeStatistics: false },
  optimizer: { name: 'sgd', lr: 0.01, momentum: 0.9, nesterov: false, weightDecay: 5e-3 },
  schedule: { name: 'cosine', warmupEpochs: 0, minLr: 0, stepping: 'epoch' },
  drw: { epoch: null },
  augment: { padCrop: { padding: 4 }, flip: { probability: 0.5 } },
};

/** The values of GLMC that differ between the two data sets. */
const glmcOf = (name: string) =>
  name.startsWith('cifar100')
    ? { std: [0.2023, 0.1994, 0.201], loss: { consistency: 4 } }
    : { std: [0.247, 0.2435, 0.2616], loss: { consistency: 1 } };

for (const { name, ...data } of rows)
  suite(`recipe ${name}`, () => {
    const recipe = loadRecipe(name);

    test('has the published figures', () => {
      assertHas(recipe, common, name);
      assertHas(recipe.data, { ...data, imbalanceType: 'exp', imbalanceSeed: 0, validation: 0 }, 'data');
      assert.equal(totalEpochs(recipe.student.schedule, recipe.student.epochs), 1200);
    });

    test('augments exactly as published', () => {
      const on = Object.entries(recipe.student.augment).flatMap(([key, options]) => (options ? [key] : []));
      assert.deepEqual(on.sort(), ['flip', 'randAugment', 'randomErasing', 'randomResizedCrop']);
      assert.deepEqual(Object.keys(recipe.teacher.augment).sort(), ['flip', 'padCrop']);
    });

    test('has a twin with a PaCo teacher, whose student is trained alike', () => {
      const { teacher, student, data } = loadRecipe(`${name}-paco`);
      assert.deepEqual({ student, data }, { student: recipe.student, data: recipe.data });
      assert.equal(teacher.loss.name, 'paco');
      assertHas(teacher, paco, `${name}-paco.teacher`);
      assert.deepEqual(teacher.loss.keyAugment, pacoKey);
    });

    test('and one with a GLMC teacher', () => {
      const { teacher, student, data } = loadRecipe(`${name}-glmc`);
      assert.deepEqual({ student, data }, { student: recipe.student, data: recipe.data });
      assertHas(teacher, glmc, `${name}-glmc.teacher`);
      assertHas(teacher, glmcOf(name), `${name}-glmc.teacher`);
    });
  });

suite('PaCo on CIFAR', () => {
  test('shows the key encoder the published view in every recipe', () => {
    const names = recipeNames().filter((name) => /^cifar.*-paco$/.test(name));
    assert.equal(names.length, 5);
    for (const name of names) assert.deepEqual(loadRecipe(name).teacher.loss.keyAugment, pacoKey, name);
  });

  test('has less blur in GPaCo’s second view', () => {
    const settings = ['teacher.loss.variant=gpaco', 'teacher.loss.keyAugment.preset=gpaco-key'];
    const { keyAugment } = loadRecipe('cifar100-lt-100-paco', { settings }).teacher.loss;
    assert.deepEqual(keyAugment, { ...pacoKey, gaussianBlur: { probability: 0.2, radius: [0.1, 2] } });
  });
});

/** Facts of the baselines: DeiT (Touvron et al., 2021), DeiT-III (2022), cRT (Kang et al., 2020). */
const baselines = {
  vit: {
    model: { name: 'deit_base_patch16_224', dropPathRate: 0.1 },
    clsLoss: { name: 'cross-entropy' },
    learn: 'all',
  },
  deit: { model: { name: 'deit_base_distilled_patch16_224' }, distillation: { type: 'hard' } },
  deit3: {
    model: { name: 'deit3_base_patch16_224', dropPathRate: 0.2, constantDropPath: true },
    clsLoss: { name: 'bce', threshold: 0 },
    labelSmoothing: 0,
    optimizer: { name: 'lamb', lr: 3e-3, lrPer: null, weightDecay: 0.05, eps: 1e-8 },
    mixing: { mixup: 0.8, cutmix: 1, probability: 1 },
    sampler: { repeats: 3 },
  },
  crt: {
    model: { name: 'deit_base_patch16_224' },
    learn: 'classifier',
    sampler: { name: 'class-balanced', power: 0 },
    mixing: { probability: 0 },
  },
} as const;

for (const { name, ...data } of rows)
  suite(`baselines of ${name}`, () => {
    for (const [kind, student] of Object.entries(baselines))
      test(`${kind} has its figures on the same data, without re-weighting`, () => {
        const recipe = loadRecipe(`${name}-${kind}`);
        assertHas(recipe.data, { ...data, validation: 0 }, 'data');
        assertHas(recipe.student, { ...student, drw: { epoch: null }, clsReweight: 'never' }, kind);
        assert.equal(recipe.student.epochs, kind === 'crt' ? 130 : 1200);
      });

    test('deit has a teacher that is trained as its student', () => {
      const { teacher, student } = loadRecipe(`${name}-deit`);
      assert.equal(teacher.model.name, 'regnety_160');
      assert.deepEqual(teacher.augment, student.augment);
      assert.deepEqual({ ...teacher.mixing, inDrw: false }, student.mixing);
      assert.deepEqual([teacher.loss.labelSmoothing, teacher.sam.rho], [student.labelSmoothing, 0]);
    });

    test('deit3 augments by random resized crops and 3-Augment without erasing', () => {
      const { augment } = loadRecipe(`${name}-deit3`).student;
      const on = Object.entries(augment).flatMap(([key, options]) => (options ? [key] : []));
      assert.deepEqual(on.sort(), ['colorJitter', 'flip', 'randomResizedCrop', 'threeAugment']);
      assert.deepEqual(augment.randomResizedCrop, { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] });
    });
  });
