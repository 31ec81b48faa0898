/**
 * The published epoch function for four epochs of a tiny student and teacher, beside ours: model, task, teacher's input,
 * schedule, optimizer, clipping and average, batch by batch.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { ClassMap } from '../src/by-class.js';
import { type TeacherLogits, teacherLogits } from '../src/classifier/teacher-logits.js';
import type { ImageModel } from '../src/models/model.js';
import { Ema } from '../src/optim/ema.js';
import { createOptimizer } from '../src/optim/optimizer.js';
import { learningRate, totalEpochs } from '../src/optim/schedules.js';
import { loadRecipe } from '../src/recipe/load.js';
import type { StudentRecipe } from '../src/recipe/schema.js';
import { modelOf } from '../src/tasks/model-of.js';
import { StudentTask } from '../src/tasks/student-task.js';
import type { LossParts } from '../src/tasks/task.js';
import { backward, update } from '../src/training/step.js';
import { namesOf, numbered } from './helpers/by-class.js';
import { assertClose, assertNear, golden, skipGolden } from './helpers/golden-files.js';
import { resNetLike } from './models-golden.js';

interface Iteration {
  loss: number;
  base_term: number;
  distill_term: number;
  lr: number;
  teacher_argmax: number[];
}

interface Scenario {
  name: string;
  epochs: number;
  iterations_per_epoch: number;
  drw_start_epoch: number;
  accum_iter: number;
  clip_grad_norm: number | null;
  alpha: number;
  distillation: 'hard' | 'soft' | 'none';
  label_smoothing_in_mixup: number;
  input_size: number;
  teacher_size: number;
  optimizer: { lr: number; weight_decay: number; betas: [number, number]; eps: number };
  schedule: { warmup_epochs: number; warmup_lr: number; min_lr: number };
  ema_decay: number;
  expected: { epoch: number; iterations: Iteration[] }[];
}

interface Student {
  img_size: number;
  patch_size: number;
  embed_dim: number;
  depth: number;
  num_heads: number;
  mlp_ratio: number;
  num_classes: number;
}

const { json, tensor, has } = golden<{ scenarios: Scenario[]; student_config: Student; class_counts: number[] }>(
  'train_loop',
  { scenarios: [], student_config: {} as Student, class_counts: [] },
);
const atol = 1e-4;

/** The recipe that says what the scenario does. */
function recipeOf({ schedule, optimizer, ...scenario }: Scenario): StudentRecipe {
  const student = json.student_config;
  const settings = {
    'model.name': 'deit',
    'model.dropPathRate': 0,
    'model.patchSize': student.patch_size,
    'model.embedDim': student.embed_dim,
    'model.depth': student.depth,
    'model.numHeads': student.num_heads,
    'model.mlpRatio': student.mlp_ratio,
    imageSize: student.img_size,
    epochs: scenario.epochs,
    accumulation: scenario.accum_iter,
    'drw.epoch': scenario.drw_start_epoch,
    'distillation.alpha': scenario.alpha,
    'distillation.type': scenario.distillation,
    labelSmoothing: scenario.label_smoothing_in_mixup,
    'distillation.teacherInput': 'published',
    'optimizer.lr': optimizer.lr,
    'optimizer.lrPer': null,
    'optimizer.weightDecay': optimizer.weight_decay,
    'optimizer.betas': JSON.stringify(optimizer.betas),
    'optimizer.eps': optimizer.eps,
    'optimizer.clipGradNorm': scenario.clip_grad_norm,
    'schedule.stepping': 'published',
    'schedule.warmupEpochs': schedule.warmup_epochs,
    'schedule.warmupLr': schedule.warmup_lr,
    'schedule.minLr': schedule.min_lr,
    ema: scenario.ema_decay,
  };
  const pairs = Object.entries(settings).map(([key, value]) => `student.${key}=${value}`);
  return loadRecipe('default', { settings: pairs }).student;
}

/** The stored teacher. */
function teacherOf(student: StudentRecipe, imageSize: number): TeacherLogits {
  const network = resNetLike((name) =>
    has(`teacher.state.${name}`) ? tensor(`teacher.state.${name}`).shape : undefined,
  );
  network.loadStateDict(stored('teacher.state', [...network.stateDict().keys()]));
  network.eval();
  const classNames = namesOf(json.student_config.num_classes);
  const teacher = {
    recipe: { ...student, imageSize },
    placement: { device: 'cpu' },
    classNames,
    logits: (images: torch.Tensor) => ({ avg: network.call(images) }),
    [Symbol.dispose]: () => {},
  };
  return teacherLogits(teacher, { student, order: new ClassMap(classNames, classNames, null) });
}

function stored(prefix: string, names: readonly string[]): Map<string, torch.Tensor> {
  return new Map(names.map((name) => [name, tensor(`${prefix}.${name}`)]));
}

/** The batch that both were given: mixed before deferred re-weighting, as it is with labels afterwards. */
function batchOf({ name }: Scenario, epoch: number, i: number): { images: torch.Tensor; targets: torch.Tensor } {
  const mixed = `${name}.epoch${epoch}.iter${i}`;
  return has(`${mixed}.mixed_x`)
    ? { images: tensor(`${mixed}.mixed_x`), targets: tensor(`${mixed}.mixed_target`) }
    : { images: tensor(`batch${i}.x`), targets: tensor(`batch${i}.y`) };
}

/** The stored terms are weighted by α and 1 − α. */
function assertLosses({ loss, parts }: LossParts, expected: Iteration, alpha: number, what: string): void {
  assertClose(loss.toNumber(), expected.loss, { atol }, `${what}: loss`);
  assertClose((1 - alpha) * parts.cls!.toNumber(), expected.base_term, { atol }, `${what}: CLS`);
  assertClose(alpha * parts.dist!.toNumber(), expected.distill_term, { atol }, `${what}: DIST`);
}

/** All but the key's bias, whose gradient is rounding noise that AdamW turns into whole steps. */
function assertWeights(actual: Iterable<[string, torch.Tensor]>, prefix: string): void {
  const width = json.student_config.embed_dim;
  for (const [name, value] of actual) {
    const both = [value, tensor(`${prefix}.${name}`)].map((whole) =>
      name.endsWith('attn.qkv.bias') ? withoutKey(whole, width) : whole,
    );
    assertNear(both[0]!, both[1]!, { atol }, `${prefix}: ${name}`);
  }
}

function withoutKey(bias: torch.Tensor, width: number): torch.Tensor {
  return torch.cat([bias.narrow(0, 0, width), bias.narrow(0, 2 * width, width)]);
}

suite('golden training loop', { skip: skipGolden }, () => {
  for (const scenario of json.scenarios)
    test(`"${scenario.name}": losses, learning rates, weights and average of ${scenario.epochs} epochs`, () => {
      torch.tidy(() => run(scenario));
    });

  test('a scenario accumulates, another clips the norm, and one has a smaller input for the teacher', () => {
    const some = (of: (scenario: Scenario) => boolean): boolean => json.scenarios.some(of);
    assert.ok(some(({ accum_iter }) => accum_iter > 1));
    assert.ok(some(({ clip_grad_norm: limit }) => limit !== null));
    assert.ok(some(({ input_size, teacher_size }) => teacher_size < input_size));
  });
});

function run(scenario: Scenario): void {
  const recipe = recipeOf(scenario);
  const model: ImageModel = modelOf('student', recipe, json.student_config.num_classes);
  const names = [...model.stateDict().keys()];
  model.loadStateDict(stored('student.init', names));
  const teacher = teacherOf(recipe, scenario.teacher_size);
  const trainCounts = numbered(json.class_counts);
  const task = new StudentTask({ model, teacher: teacher.logits, recipe, trainCounts });
  const optimizer = createOptimizer(model, recipe.optimizer, recipe.optimizer.lr);
  const ema = new Ema(model, { decay: recipe.ema! });
  const span = { lr: recipe.optimizer.lr, epochs: recipe.epochs };
  const { accumulation } = recipe;
  const batches = scenario.iterations_per_epoch;

  assert.equal(totalEpochs(recipe.schedule, recipe.epochs), scenario.expected.length);
  for (const { epoch, iterations } of scenario.expected) {
    model.train();
    iterations.forEach((expected, batch) => {
      const what = `epoch ${epoch}, batch ${batch}`;
      const { images, targets } = batchOf(scenario, epoch, batch);
      const lr = learningRate(recipe.schedule, span, { epoch, batch, batches, accumulation });
      assertClose(lr, expected.lr, { rtol: 1e-12 }, `${what}: learning rate`);
      for (const group of optimizer.paramGroups) group.lr = lr;
      assert.deepEqual(
        teacher.logits(images).argmax(1).toArray(),
        expected.teacher_argmax,
        `${what}: the teacher's classes`,
      );
      const forward = task.prepareMixed({ images, targets, epoch }).loss;
      assertLosses(backward(forward, accumulation), expected, scenario.alpha, what);
      if ((batch + 1) % accumulation === 0 || batch + 1 === batches)
        update({ recipe, task, optimizer }, () => backward(forward, accumulation), epoch);
      ema.update(); // published: after every batch
    });
    assertWeights(model.namedParameters(), `${scenario.name}.after_epoch${epoch}`);
  }
  assertWeights(ema.stateDict().tensors, `${scenario.name}.ema_final`);
}
