/** Learning rates and SAM radii against those that the published loops applied. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { ScheduleConfig } from '../src/optim/schedule-config.js';
import { learningRate, samRadius, scaledLearningRate } from '../src/optim/schedules.js';
import { assertClose, golden, skipGolden } from './helpers/golden-files.js';

interface Student {
  epochs: number;
  accum_iter: number;
  loader_len: number;
  lr: number;
  batch_size: number;
  world: number;
  scaled_lr: number;
  warmup_epochs: number;
  warmup_lr: number;
  min_lr: number;
  cooldown_epochs: number;
  lr_per_epoch?: number[];
  epochs_listed?: {
    epoch: number;
    lr_per_iteration: number[];
    optimizer_updates: { iteration: number; lr: number }[];
  }[];
}

interface Schedule {
  student: Student[];
  teacher_saddle: {
    lr: number;
    epochs: number;
    min_rho: number;
    max_rho: number;
    rho: number;
    lr_per_epoch: number[];
    rho_none: number[];
    rho_step: number[];
    rho_linear: number[];
    rho_linear_before_float16: number[];
    rule: string;
  }[];
  teacher_paco: {
    code: string;
    lr: number;
    epochs: number;
    warmup_epochs: number;
    lr_per_epoch: number[];
    rule: string;
  }[];
}

/** `e>180 lr*1e-4; e>160 lr*1e-2` of the stored rule: milestones in order, with their factors. */
function stepsIn(rule: string): { milestones: number[]; factors: number[] } {
  const steps = [...rule.matchAll(/e>(\d+) lr\*([\d.e-]+)/g)].map(([, epoch, factor]) => [
    Number(epoch),
    Number(factor),
  ]);
  const inOrder = steps.toSorted(([a], [b]) => a! - b!) as [number, number][];
  assert.ok(inOrder.length > 0, `no steps in "${rule}"`);
  return { milestones: inOrder.map(([epoch]) => epoch), factors: inOrder.map(([, factor]) => factor) };
}

/** `e<=5 lr*e/5` of the stored rule. */
const warmupIn = (rule: string): number =>
  Number(/e<=(\d+) lr/.exec(rule)?.[1] ?? assert.fail(`no warm-up in "${rule}"`));

const { json } = golden<Schedule>('schedule', { student: [], teacher_saddle: [], teacher_paco: [] });
const relative = { rtol: 1e-12 };

const common: ScheduleConfig = {
  name: 'cosine',
  warmupEpochs: 5,
  warmupLr: 0,
  minLr: 0,
  cooldownEpochs: 0,
  milestones: [],
  factors: [],
  stepping: 'published',
};

function compare(expected: readonly number[], of: (i: number) => number, what: string): void {
  expected.forEach((value, i) => {
    assertClose(of(i), value, relative, `${what} ${i}`);
  });
}

suite('golden schedules', { skip: skipGolden }, () => {
  for (const [i, run] of json.student.entries())
    test(`student ${i}, ${run.epochs} epochs of ${run.loader_len} batches, ${run.accum_iter} to an update`, () => {
      const { batch_size: batchSize, accum_iter: accumulation, world, epochs, loader_len: batches } = run;
      const lr = scaledLearningRate(run.lr, { lrPer: 512, lrRule: 'published', batchSize, accumulation, world });
      assertClose(lr, run.scaled_lr, relative, 'base learning rate');
      const config = {
        ...common,
        warmupEpochs: run.warmup_epochs,
        warmupLr: run.warmup_lr,
        minLr: run.min_lr,
        cooldownEpochs: run.cooldown_epochs,
      };
      const at = (epoch: number, batch: number): number =>
        learningRate(config, { lr, epochs }, { epoch, batch, batches, accumulation });
      compare(run.lr_per_epoch ?? [], (epoch) => at(epoch, batches - 1), 'epoch');
      for (const { epoch, lr_per_iteration: lrs, optimizer_updates: updates } of run.epochs_listed ?? []) {
        compare(lrs, (batch) => at(epoch, batch), `epoch ${epoch}, batch`);
        for (const update of updates)
          assertClose(at(epoch, update.iteration), update.lr, relative, `update of epoch ${epoch}`);
      }
    });

  for (const { lr, epochs, lr_per_epoch: lrs, rule } of json.teacher_saddle)
    test('LDAM teacher: learning rate', () => {
      const config: ScheduleConfig = { ...common, name: 'step', warmupEpochs: warmupIn(rule), ...stepsIn(rule) };
      for (const stepping of ['published', 'epoch'] as const)
        compare(
          lrs,
          (epoch) => learningRate({ ...config, stepping }, { lr, epochs }, { epoch, batch: 0, batches: 97 }),
          stepping,
        );
    });

  for (const run of json.teacher_saddle)
    test('LDAM teacher: radius of SAM', () => {
      const { epochs, rho, min_rho: minRho, max_rho: maxRho } = run;
      const linear = { schedule: 'linear', rho: maxRho, minRho } as const;
      compare(run.rho_none, (epoch) => samRadius(epoch, epochs, { schedule: 'none', rho }), 'none');
      compare(run.rho_step, (epoch) => samRadius(epoch, epochs, { schedule: 'step', rho }), 'step');
      compare(run.rho_linear_before_float16, (epoch) => samRadius(epoch, epochs, linear), 'linear');
      compare(run.rho_linear, (epoch) => samRadius(epoch, epochs, { ...linear, halfPrecision: true }), 'half');
    });

  for (const { code, lr, epochs, warmup_epochs: warmupEpochs, lr_per_epoch: lrs, rule } of json.teacher_paco)
    test(`${code} teacher: learning rate`, () => {
      const config: ScheduleConfig = {
        ...common,
        name: 'step',
        ...stepsIn(rule),
        warmupEpochs,
        stepping: 'published-paco',
      };
      compare(lrs, (epoch) => learningRate(config, { lr, epochs }, { epoch, batch: 0, batches: 1 }), 'epoch');
    });
});
