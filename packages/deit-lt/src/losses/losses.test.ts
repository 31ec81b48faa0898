import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { balancedSoftmax } from './balanced-softmax.js';
import { bce } from './bce.js';
import { classWeights } from './class-weights.js';
import { crossEntropy } from './cross-entropy.js';
import { distillation } from './distillation.js';
import { focal } from './focal.js';
import { logitAdjustment, logPrior } from './logit-adjustment.js';
import type { Loss } from './loss.js';
import { createLoss, lossNames } from './registry.js';

const counts = [100, 10, 1];
const weights = [0.2, 0.8, 2];
const logits = () =>
  torch.tensor([
    [1, -0.5, 0.25],
    [0, 2, -1],
  ]);
const labels = () => torch.tensor([0, 2], { dtype: 'int64' });
const soft = () =>
  torch.tensor([
    [0.7, 0.3, 0],
    [0, 0.1, 0.9],
  ]);

function near(actual: number, expected: number, tolerance = 1e-6): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
}

const lossValue = (loss: Loss, targets = labels()): number => loss(logits(), targets).toNumber();

/** `log softmax` of the same logits, in plain numbers. */
function logProbabilities(shift = [0, 0, 0]): number[][] {
  return (logits().toArray() as number[][]).map((row) => {
    const moved = row.map((x, c) => x + shift[c]!);
    const norm = Math.log(moved.reduce((sum, x) => sum + Math.exp(x), 0));
    return moved.map((x) => x - norm);
  });
}

suite('losses', () => {
  test('of the registry are finite for bfloat16 logits, and give float32', () => {
    for (const name of lossNames()) {
      const loss = createLoss(name, counts, { weights })(logits().bfloat16(), labels());
      assert.equal(loss.dtype, 'float32', name);
      assert.ok(Number.isFinite(loss.toNumber()), name);
    }
  });

  test('ignore options that are undefined, as a recipe leaves them', () => {
    const [plain, given] = [{}, { maxMargin: undefined, scale: undefined, gamma: undefined, tau: undefined }];
    for (const name of lossNames())
      assert.equal(lossValue(createLoss(name, counts, given)), lossValue(createLoss(name, counts, plain)), name);
  });

  test('keep their class weights when the scope of their first call ends', () => {
    const loss = createLoss('ldam', counts, { weights });
    const first = torch.tidy(() => loss(logits(), labels()).toNumber());
    assert.equal(
      torch.tidy(() => loss(logits(), labels()).toNumber()),
      first,
    );
  });

  test('of an unknown name are a UserError with the nearest one', () => {
    assert.throws(() => createLoss('ldma', counts), { code: 'RECIPE', message: /unknown loss "ldma".*"ldam"/ });
  });

  test('that need counts name the class without images', () => {
    for (const name of ['ldam', 'vs', 'balanced-softmax', 'logit-adjustment'])
      assert.throws(() => createLoss(name, [3, 0, 1]), { code: 'DATA_CLASSES', message: /class 1 has none/ });
  });

  test('without a form for soft targets refuse them', () => {
    for (const name of ['ldam', 'focal'])
      assert.throws(() => createLoss(name, counts)(logits(), soft()), { name: 'TypeError', message: /int64 \[B\]/ });
  });
});

suite('classWeights()', () => {
  test('refuses a beta of 1 and a class without images', () => {
    assert.throws(() => classWeights(counts, 1), { code: 'RECIPE' });
    assert.throws(() => classWeights([1, 0], 0.9), { code: 'DATA_CLASSES' });
  });
});

suite('crossEntropy()', () => {
  test('of one-hot targets is that of their labels', () => {
    const oneHot = torch.tensor([
      [1, 0, 0],
      [0, 0, 1],
    ]);
    near(lossValue(crossEntropy(), oneHot), lossValue(crossEntropy()));
  });
});

suite('balancedSoftmax() and logitAdjustment()', () => {
  test('are cross-entropy of logits with the log prior added', () => {
    const prior = counts.map((n) => Math.log(n / 111));
    const logs = logProbabilities(prior);
    near(lossValue(balancedSoftmax(counts)), -(logs[0]![0]! + logs[1]![2]!) / 2);
    const half = logProbabilities(prior.map((x) => x / 2));
    near(lossValue(logitAdjustment(counts, { tau: 0.5 })), -(half[0]![0]! + half[1]![2]!) / 2);
  });

  test('of strength 0 are cross-entropy, also of soft targets', () => {
    near(lossValue(logitAdjustment(counts, { tau: 0 }), soft()), lossValue(crossEntropy(), soft()));
  });
});

suite('focal()', () => {
  test('weights samples after taking p, unless as published', () => {
    const logs = logProbabilities();
    const term = (log: number, weight: number): number => weight * (1 - Math.exp(log)) ** 2 * -log;
    const expected = (term(logs[0]![0]!, weights[0]!) + term(logs[1]![2]!, weights[2]!)) / 2;
    near(lossValue(focal({ gamma: 2, weights })), expected);
    assert.notEqual(lossValue(focal({ gamma: 2, weights, published: true })), expected);
  });

  test('has finite gradients for a sample that is certain', () => {
    const certain = torch.tensor([[200, 0, 0]]).requiresGrad_();
    focal({ gamma: 0.5 })(certain, torch.tensor([0], { dtype: 'int64' })).backward();
    assert.deepEqual(certain.grad!.toArray(), [[0, 0, 0]]);
  });
});

suite('bce()', () => {
  test('with a threshold turns mixed and smoothed targets into yes and no', () => {
    const mixed = torch.tensor([
      [0.634, 0.333, 0.033],
      [0.033, 0.033, 0.934],
    ]);
    const yes = torch.tensor([
      [1, 1, 0],
      [0, 0, 1],
    ]);
    near(lossValue(bce({ threshold: 0.04 }), mixed), lossValue(bce(), yes));
  });

  test('takes labels', () => {
    near(
      lossValue(bce()),
      lossValue(
        bce(),
        torch.tensor([
          [1, 0, 0],
          [0, 0, 1],
        ]),
      ),
    );
  });
});

suite('distillation()', () => {
  const teacher = () =>
    torch.tensor([
      [0, 1, 0.5],
      [2, 0, 0],
    ]);
  const heads = () => ({ cls: logits(), dist: logits().mul(0.5) });

  test('soft: weights the teacher’s probabilities', () => {
    const { dist } = distillation({ type: 'soft', weights })(heads(), labels(), teacher());
    const raw = teacher().softmax(1).mul(torch.tensor(weights));
    const wanted = raw.div(raw.sum(1, { keepdim: true }));
    const logs = heads().dist.logSoftmax(1);
    near(dist.toNumber(), wanted.mul(wanted.log().sub(logs)).sum().div(6).toNumber());
  });

  test('soft: is 0 where both agree', () => {
    const { cls } = heads();
    near(distillation({ type: 'soft', temperature: 3 })({ cls, dist: cls }, labels(), cls).dist.toNumber(), 0);
  });

  test('with a shift, hard: DIST learns the teacher’s labels by the loss logit-adjustment', () => {
    const { dist } = distillation({ shift: logPrior(counts, 0.5) })(heads(), labels(), teacher());
    const expected = logitAdjustment(counts, { tau: 0.5 })(heads().dist, teacher().argmax(1));
    near(dist.toNumber(), expected.toNumber());
    assert.notEqual(dist.toNumber(), distillation()(heads(), labels(), teacher()).dist.toNumber());
  });

  test('with a shift, soft: both distributions have it, so that DIST aims at the teacher’s logits', () => {
    const shift = logPrior(counts, 1);
    const loss = distillation({ type: 'soft', temperature: 2, shift });
    const { cls } = heads();
    near(loss({ cls, dist: cls }, labels(), cls).dist.toNumber(), 0);
    const [wanted, logs] = [teacher(), heads().dist].map((xs) => xs.add(torch.tensor(shift)).div(2).logSoftmax(1));
    const expected = wanted!.exp().mul(wanted!.sub(logs!)).sum().mul(4 / 6); // biome-ignore format: one line
    near(loss(heads(), labels(), teacher()).dist.toNumber(), expected.toNumber());
  });

  test('hard: gives no gradient to the teacher', () => {
    const asked = teacher().requiresGrad_();
    const { cls, dist } = heads();
    distillation()({ cls: cls.requiresGrad_(), dist: dist.requiresGrad_() }, soft(), asked).loss.backward();
    assert.equal(asked.grad, null);
    assert.ok(dist.grad !== null && cls.grad !== null);
  });

  test('needs the teacher’s logits, except with none', () => {
    assert.throws(() => distillation()(heads(), labels()), { name: 'TypeError', message: /teacher's logits/ });
    assert.ok(distillation({ type: 'none' })(heads(), labels()).loss.toNumber() > 0);
  });
});
