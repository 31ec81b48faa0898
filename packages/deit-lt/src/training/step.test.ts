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
