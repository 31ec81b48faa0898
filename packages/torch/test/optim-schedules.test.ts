/** Learning-rate schedules against timm's (golden vectors) and PyTorch's. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { Reference } from './reference/reference.js';

const { constant, cosine, linearWarmup, multiStep, oneCycle, polynomial, step } = torch.optim.schedules;
const reference = new Reference();
after(() => reference.stop());

function assertEqual(actual: number, expected: number | undefined, what: string): void {
  assert.ok(
    expected !== undefined && Math.abs(actual - expected) <= 1e-12 * Math.abs(expected),
    `${what}: ${actual}, expected ${expected}`,
  );
}

interface Student {
  epochs: number;
  accum_iter: number;
  loader_len: number;
  scaled_lr: number;
  warmup_epochs: number;
  warmup_lr: number;
  min_lr: number;
  lr_per_epoch?: number[];
  epochs_listed?: { epoch: number; lr_per_iteration: number[] }[];
}

/** The nearest `../shared/golden` above this file; a clone without the shared folder has none. */
function goldenFile(): string | undefined {
  for (let folder = import.meta.dirname; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const candidate = path.join(folder, '../shared/golden/schedule.json');
    if (existsSync(candidate)) return candidate;
  }
  return undefined;
}

const file = goldenFile();

suite("cosine() is timm's CosineLRScheduler to 12 digits", {
  skip: file === undefined && 'no ../shared/golden beside this repository',
}, () => {
  const students = file === undefined ? [] : (JSON.parse(readFileSync(file, 'utf8')) as { student: Student[] }).student;
  for (const student of students) {
    const {
      epochs,
      accum_iter: accumulation,
      loader_len: length,
      scaled_lr: lr,
      warmup_epochs: warmup,
      warmup_lr: warmupLr,
      min_lr: minLr,
    } = student;
    const at = (t: number) => cosine(t, { lr, total: epochs, minLr, warmup, warmupLr });

    test(`over ${epochs} epochs of ${length} iterations, ${accumulation} to an update`, () => {
      // Without accumulation the scheduler is stepped after an epoch, with that epoch's number.
      for (const [epoch, expected] of (student.lr_per_epoch ?? []).entries())
        assertEqual(at(Math.max(0, epoch - 1)), expected, `epoch ${epoch}`);
      // With it, on fractional epochs: after each update, and after the last iteration of the epoch.
      for (const { epoch, lr_per_iteration: expected } of student.epochs_listed ?? []) {
        expected.forEach((value, i) => {
          const last = i === length - 1;
          const updated = last ? i : i - (i % accumulation);
          assertEqual(at(epoch + updated / length), value, `epoch ${epoch}, iteration ${i}`);
        });
      }
    });
  }
});

suite('schedules equal PyTorch', () => {
  const fromPython = async (scheduler: string, steps: number): Promise<number[]> => {
    const { lrs } = await reference.run<{ lrs: number[] }>(`
optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
scheduler = torch.optim.lr_scheduler.${scheduler}
out["lrs"] = []
for _ in range(${steps}):
    out["lrs"].append(optimizer.param_groups[0]["lr"])
    optimizer.step(); scheduler.step()`);
    return lrs;
  };
  const cases: [name: string, ours: (t: number) => number, theirs: string, steps: number][] = [
    ['constant()', (t) => constant(t, { lr: 0.5 }), 'ConstantLR(optimizer, 1.0)', 5],
    [
      'linearWarmup()',
      (t) => linearWarmup(t, { lr: 0.5, warmup: 4, warmupLr: 0.1 }),
      'LinearLR(optimizer, start_factor=0.2, total_iters=4)',
      8,
    ],
    [
      'cosine()',
      (t) => cosine(t, { lr: 0.5, total: 10, minLr: 0.01 }),
      'CosineAnnealingLR(optimizer, 10, eta_min=0.01)',
      11,
    ],
    ['step()', (t) => step(t, { lr: 0.5, every: 3 }), 'StepLR(optimizer, 3)', 10],
    [
      'multiStep()',
      (t) => multiStep(t, { lr: 0.5, milestones: [7, 2, 7], gamma: 0.3 }),
      'MultiStepLR(optimizer, [2, 7, 7], gamma=0.3)',
      10,
    ],
    [
      'polynomial()',
      (t) => polynomial(t, { lr: 0.5, total: 8, power: 2 }),
      'PolynomialLR(optimizer, total_iters=8, power=2)',
      12,
    ],
    [
      'oneCycle()',
      (t) => oneCycle(t, { maxLr: 0.5, total: 20 }),
      'OneCycleLR(optimizer, max_lr=0.5, total_steps=20, cycle_momentum=False)',
      20,
    ],
    [
      'oneCycle() in straight lines',
      (t) => oneCycle(t, { maxLr: 0.5, total: 20, rise: 0.25, divFactor: 10, finalDivFactor: 100, anneal: 'linear' }),
      "OneCycleLR(optimizer, max_lr=0.5, total_steps=20, pct_start=0.25, div_factor=10, final_div_factor=100, anneal_strategy='linear', cycle_momentum=False)",
      20,
    ],
  ];
  for (const [name, ours, theirs, steps] of cases) {
    test(name, async () => {
      const expected = await fromPython(theirs, steps);
      for (const [t, lr] of expected.entries())
        assert.ok(Math.abs(ours(t) - lr) <= 1e-12 * Math.abs(lr) + 1e-16, `t = ${t}: ${ours(t)}, PyTorch ${lr}`);
    });
  }
});

suite('schedules', () => {
  test('stay at their last value', () => {
    assert.equal(cosine(99, { lr: 1, total: 10, minLr: 0.1 }), 0.1);
    assert.equal(polynomial(99, { lr: 1, total: 10, minLr: 0.1 }), 0.1);
    assertEqual(oneCycle(99, { maxLr: 1, total: 10 }), 1 / 25 / 1e4, 'oneCycle');
    assert.equal(linearWarmup(99, { lr: 1, warmup: 10 }), 1);
  });

  test('cosine() hides its beginning behind the warm-up, or starts after it', () => {
    const options = { lr: 1, total: 10, warmup: 5 };
    assertEqual(cosine(5, options), 0.5, 'without prefix');
    assertEqual(cosine(5, { ...options, warmupPrefix: true }), 1, 'with prefix');
    assertEqual(cosine(10, { ...options, warmupPrefix: true }), 0.5, 'with prefix, half way');
    assertEqual(cosine(2.5, options), 0.5, 'half way up');
  });

  test('refuse what makes no sense, and name it', () => {
    assert.throws(() => cosine(1, { lr: 1, total: 0 }), /cosine\(\): total must be a number above 0, got 0/);
    assert.throws(() => cosine(-1, { lr: 1, total: 10 }), /cosine\(\): t must be a number of at least 0, got -1/);
    assert.throws(() => cosine(1, { lr: Number.NaN, total: 10 }), /lr must be a finite number, got NaN/);
    assert.throws(() => constant(0, {} as { lr: number }), /constant\(\): lr must be a finite number, got undefined/);
    assert.throws(() => linearWarmup(0, { lr: 1, warmup: -1 }), /warmup must be/);
    assert.throws(() => step(0, { lr: 1, every: 0 }), /every must be a number above 0/);
    assert.throws(() => multiStep(0, { lr: 1, milestones: [1, Number.NaN] }), /milestones must be an array of times/);
    assert.throws(() => polynomial(0, { lr: 1, total: 5, power: 0 }), /power must be/);
    assert.throws(
      () => oneCycle(0, { maxLr: 1, total: 3 }),
      /rise must be a share between 0 and 1 that is more than one of the 3 steps, got 0\.3/,
    );
    assert.throws(
      () => oneCycle(0, { maxLr: 1, total: 30, anneal: 'cos' as 'cosine' }),
      /anneal must be 'cosine' or 'linear'/,
    );
  });
});
