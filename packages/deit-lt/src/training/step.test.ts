import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { SAM } from '../optim/sam.js';
import { update } from './step.js';

/** Weights [1, 1] with the gradient [3, 4]. */
function setUp() {
  const model = new torch.nn.Linear(2, 1, { bias: false });
  model.loadStateDict({ weight: torch.tensor([[1, 1]]) });
  model.weight.grad = torch.tensor([[3, 4]]);
  const optimizer = new torch.optim.SGD(model.parameters(), { lr: 0.1 });
  return { model, optimizer, task: { model: model as unknown as torch.nn.Module<[torch.Tensor], unknown> } };
}

const recipe = (clipGradNorm: number | null, logGradNorm: boolean) => ({ optimizer: { clipGradNorm }, logGradNorm });
const never = (): never => assert.fail('there is no second pass without SAM');
const weights = (model: torch.nn.Linear): number[] => model.weight.detach().flatten().toArray() as number[];

suite('update()', () => {
  test('returns the norm of the gradients only when the recipe enables it', () => {
    const { task, optimizer } = setUp();
    assert.equal(update({ task, optimizer, recipe: recipe(null, true) }, never, 0)?.toNumber(), 5);
    assert.equal(update({ ...setUp(), recipe: recipe(null, false) }, never, 0), undefined);
  });

  test('gives the norm before clipping', () => {
    const { model, task, optimizer } = setUp();
    assert.equal(update({ task, optimizer, recipe: recipe(1, false) }, never, 0)?.toNumber(), 5);
    assert.ok(weights(model).every((w, i) => Math.abs(w - (1 - 0.1 * [0.6, 0.8][i]!)) < 1e-6));
    assert.equal(model.weight.grad, null);
  });

  test('with SAM gives that of the gradients that the step takes', () => {
    const { model, task, optimizer } = setUp();
    using sam = new SAM(optimizer, { rho: 0 });
    const again = () => {
      model.weight.grad = torch.tensor([[0, 2]]);
      return { loss: torch.tensor(0), parts: {} };
    };
    const plan = { sam, rhoAt: () => 0.5, freezeStatistics: false };
    assert.equal(update({ task, optimizer, recipe: recipe(null, true), sam: plan }, again, 0)?.toNumber(), 2);
    assert.ok(Math.abs(weights(model)[1]! - 0.8) < 1e-6);
  });
});

suite('update() in float16', () => {
  /** Weights [1, 1] with the gradient [3, 4] times a scale of 8. */
  function scaled(gradient: readonly number[] = [24, 32]) {
    const { model, optimizer, task } = setUp();
    model.weight.grad = torch.tensor([[...gradient]]);
    const scaler = new torch.amp.GradScaler({ initScale: 8, growthInterval: 2 });
    return { model, optimizer, task, scaler, recipe: recipe(1, false) };
  }

  test('clips and steps with gradients without the scale', () => {
    const { model, ...given } = scaled();
    assert.equal(update(given, never, 0)?.toNumber(), 5);
    assert.ok(weights(model).every((w, i) => Math.abs(w - (1 - 0.1 * [0.6, 0.8][i]!)) < 1e-6));
  });

  test('leaves out an update whose gradients are not finite, and halves the scale', () => {
    for (const value of [Number.POSITIVE_INFINITY, Number.NaN]) {
      const { model, ...given } = scaled([1, value]);
      assert.equal(update(given, never, 0), undefined);
      assert.deepEqual(weights(model), [1, 1]);
      assert.equal(model.weight.grad, null);
      assert.equal(given.scaler.getScale(), 4);
    }
  });

  test('with SAM climbs along gradients without the scale, and steps with those of the second pass', () => {
    const { model, ...given } = scaled();
    using sam = new SAM(given.optimizer, { rho: 0 });
    const plan = { sam, rhoAt: () => 0.5, freezeStatistics: false };
    const again = () => {
      assert.ok(weights(model).every((w, i) => Math.abs(w - (1 + 0.5 * [0.6, 0.8][i]!)) < 1e-6));
      model.weight.grad = torch.tensor([[0, 2 * given.scaler.getScale()]]);
    };
    assert.equal(update({ ...given, sam: plan }, again, 0)?.toNumber(), 2);
    assert.ok(Math.abs(weights(model)[1]! - 0.9) < 1e-6);
    assert.equal(given.scaler.getScale(), 16); // after two passes
  });

  test('with SAM leaves the weights when either pass is not finite', () => {
    const plan = (sam: SAM) => ({ sam, rhoAt: () => 0.5, freezeStatistics: false });
    const first = scaled([1, Number.POSITIVE_INFINITY]);
    using samOfFirst = new SAM(first.optimizer, { rho: 0 });
    assert.equal(update({ ...first, sam: plan(samOfFirst) }, never, 0), undefined);
    assert.deepEqual(weights(first.model), [1, 1]);
    const second = scaled();
    using samOfSecond = new SAM(second.optimizer, { rho: 0 });
    const again = () => {
      second.model.weight.grad = torch.tensor([[Number.NaN, 1]]);
    };
    assert.equal(update({ ...second, sam: plan(samOfSecond) }, again, 0), undefined);
    assert.deepEqual(weights(second.model), [1, 1]);
    assert.equal(samOfSecond.isPerturbed, false);
    assert.equal(second.scaler.getScale(), 4);
  });
});
