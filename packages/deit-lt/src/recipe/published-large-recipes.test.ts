/** The recipes of the paper's rows of ImageNet-LT and iNaturalist-2018 against a table of the published figures. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { assertHas } from '../../test/helpers/assert-has.js';
import { learningRate, samRadius, totalEpochs } from '../optim/schedules.js';
import { loadRecipe } from './load.js';
import type { Recipe, StudentRecipe } from './schema.js';

const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const iNat = { mean: [0.466, 0.471, 0.38], std: [0.195, 0.194, 0.192] };

const rows = [
  {
    name: 'imagenet-lt',
    groups: 'imagenet-lt',
    epochs: 1400,
    drw: 1200,
    lr: 0.2,
    wd: 2e-4,
    pacoWd: 5e-4,
    seen: imageNet,
  },
  { name: 'inat2018', groups: 'inaturalist-2018', epochs: 1000, drw: 900, lr: 0.1, wd: 1e-4, pacoWd: 1e-4, seen: iNat },
];

/** The teachers' weak augmentation: torchvision's crop, flip, colours without hue. */
const weak = {
  randomResizedCrop: { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] },
  flip: { probability: 0.5 },
  colorJitter: { probability: 1, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0 },
};

/** val-iisc/Saddle-LongTail, ImageNet-LT and iNaturalist-2018. */
const ldam = {
  external: false,
  model: { name: 'resnet50', cosine: true },
  imageSize: 224,
  filter: 'bilinear',
  epochs: 90,
  batchSize: 256,
  accumulation: 1,
  loss: { name: 'ldam', maxMargin: 0.3, scale: 30 },
  sam: { adaptive: false, schedule: 'step', freezeStatistics: false },
  optimizer: { name: 'sgd', momentum: 0.9, lrPer: null, nesterov: false },
  schedule: { name: 'cosine', warmupEpochs: 0, minLr: 0 },
  drw: { epoch: 60, beta: 0.9999 },
};

/** dvlab-research/Parametric-Contrastive-Learning, the same. */
const paco = {
  model: { name: 'resnet50', cosine: false },
  imageSize: 224,
  epochs: 400,
  batchSize: 128,
  dropLast: true,
  loss: {
    name: 'paco',
    variant: 'paco',
    alpha: 0.05,
    beta: 1,
    gamma: 1,
    temperature: 0.2,
    embedding: 128,
    queue: 8192,
    momentum: 0.999,
    batchNormParts: 4,
    contrastParts: 4,
  },
  optimizer: { name: 'sgd', lr: 0.02, momentum: 0.9 },
  schedule: { name: 'cosine', warmupEpochs: 10, stepping: 'published-paco' },
  drw: { epoch: null },
};

/** The values that differ from the CIFAR student. */
const student = {
  model: { name: 'deit_base_distilled_patch16_224', dropPathRate: 0.1 },
  batchSize: 512,
  accumulation: 4,
  mixing: { mixup: 0.8, cutmix: 1, probability: 1, switchProbability: 0.5, inDrw: true },
  distillation: { type: 'hard', alpha: 0.5, reweight: 'drw', teacherInput: 'published', mapTargets: 'names' },
  optimizer: { name: 'adamw', lr: 5e-4, lrPer: 512, lrRule: 'published' },
};

/** Entries that are on. */
const onlyOn = (augment: Recipe['teacher']['augment']): string[] =>
  Object.entries(augment)
    .flatMap(([key, options]) => (options ? [key] : []))
    .sort();

for (const { name, groups, epochs, drw, lr, wd, pacoWd, seen } of rows)
  suite(`recipe ${name}`, () => {
    const recipe = loadRecipe(name);
    const twin = loadRecipe(`${name}-paco`);

    test('takes the data as they are, class 0 the largest', () => {
      assertHas(recipe.data, { imbalance: null, classOrder: 'count', groups, validation: 0 }, 'data');
      assertHas(recipe.evaluation, { every: 1, select: 'test' }, 'evaluation');
    });

    test('has the published LDAM teacher', () => {
      assertHas(recipe.teacher, { ...ldam, ...seen, augment: weak }, 'teacher');
      assertHas(recipe.teacher.optimizer, { lr, weightDecay: wd }, 'teacher.optimizer');
      assert.deepEqual(onlyOn(recipe.teacher.augment), Object.keys(weak).sort());
    });

    test('changes the learning rate and the radius as published', () => {
      const { schedule, sam } = recipe.teacher;
      const rate = (epoch: number) => learningRate(schedule, { lr, epochs: 90 }, { epoch, batch: 17, batches: 20 });
      for (const epoch of [0, 1, 45, 89]) // torch's CosineAnnealingLR, stepped after each epoch
        assert.ok(Math.abs(rate(epoch) - (lr / 2) * (1 + Math.cos((Math.PI * epoch) / 90))) < 1e-12, `${epoch}`);
      const radii = [0, 4, 5, 59, 60, 74, 75, 89].map((epoch) => samRadius(epoch, 90, sam));
      assert.deepEqual(radii, [0.05, 0.05, 0.1, 0.1, 0.5, 0.5, 0.5, 0.5]);
    });

    test('has the published student', () => {
      assertHas(recipe.student, { ...student, epochs, drw: { epoch: drw, beta: 0.9999 } }, 'student');
      assert.equal(totalEpochs(recipe.student.schedule, epochs), epochs);
      const { batchSize, optimizer, accumulation } = recipe.student;
      assert.equal((optimizer.lr * batchSize) / optimizer.lrPer!, 5e-4);
      assert.equal(batchSize * accumulation, 2048);
    });

    test('else trains the student as on CIFAR', () => {
      const same = ({ epochs, batchSize, drw, mixing: { inDrw, ...mixing }, ...rest }: StudentRecipe) => ({
        ...rest,
        mixing,
      });
      assert.deepEqual(same(recipe.student), same(loadRecipe('cifar10-lt-100').student));
    });

    test('has a twin with a PaCo teacher, whose student is trained alike', () => {
      assert.deepEqual({ student: twin.student, data: twin.data }, { student: recipe.student, data: recipe.data });
      assertHas(
        twin.teacher,
        { ...paco, ...seen, augment: { ...weak, randAugment: { config: 'rand-n2-m10-mstd0.5' } } },
        'teacher',
      );
      assert.equal(twin.teacher.optimizer.weightDecay, pacoWd);
      const key = { ...weak, grayscale: { probability: 0.2 }, gaussianBlur: { probability: 0.5, radius: [0.1, 2] } };
      assert.deepEqual(twin.teacher.loss.keyAugment, key);
      assert.deepEqual(onlyOn(twin.teacher.augment), [...Object.keys(weak), 'randAugment'].sort());
    });
  });
