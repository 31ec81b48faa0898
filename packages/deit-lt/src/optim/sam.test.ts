import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { withFrozenBatchNormStatistics } from './batch-norm-statistics.js';
import { SAM } from './sam.js';

const { Linear, BatchNorm1d, Sequential } = torch.nn;

function setUp({ rho = 0.5, adaptive = false } = {}) {
  const model = new Linear(2, 1, { bias: false });
  model.loadStateDict({ weight: torch.tensor([[3, 4]]) });
  const optimizer = new torch.optim.SGD(model.parameters(), { lr: 0.1 });
  return { model, optimizer, sam: new SAM(optimizer, { rho, adaptive }) };
}

const weights = (model: torch.nn.Linear): unknown => model.weight.detach().toArray();

suite('SAM', () => {
  test('climbs by rho along the gradient and steps from the old weights', () => {
    const { model, sam } = setUp();
    model.weight.grad = torch.tensor([[0.6, 0.8]]);
    sam.firstStep();
    assert.equal(sam.isPerturbed, true);
    assert.deepEqual(weights(model), [[Math.fround(3.3), Math.fround(4.4)]]);
    model.weight.grad = torch.tensor([[1, 0]]);
    sam.secondStep();
    assert.deepEqual(weights(model), [[Math.fround(2.9), 4]]);
  });

  test('restores the weights to the bit when the second pass is given up', () => {
    const { model, sam } = setUp({ rho: 1e9, adaptive: true });
    model.weight.grad = torch.tensor([[0.1, -7e10]]);
    sam.firstStep();
    sam.restore();
    assert.deepEqual(weights(model), [[3, 4]]);
    assert.equal(sam.isPerturbed, false);
  });

  test('does nothing to parameters without gradients, and stands a gradient of 0', () => {
    const { model, sam } = setUp();
    sam.firstStep();
    sam.secondStep();
    model.weight.grad = torch.zeros([1, 2]);
    sam.firstStep();
    assert.deepEqual(weights(model), [[3, 4]]);
    sam.secondStep();
  });

  test('refuses steps out of turn and a negative radius', () => {
    const { sam } = setUp();
    assert.throws(() => sam.secondStep(), /needs a firstStep\(\)/);
    sam.firstStep();
    assert.throws(() => sam.firstStep(), /firstStep\(\) twice/);
    assert.throws(() => setUp({ rho: -1 }), { name: 'RangeError', message: /rho/ });
  });
});

suite('withFrozenBatchNormStatistics()', () => {
  const net = () => new Sequential(new Linear(2, 3), new BatchNorm1d(3));
  const statistics = (model: torch.nn.AnyModule): unknown => model.buffers().map((buffer) => buffer.toArray());
  const images = torch.arange(8, { dtype: 'float32' }).view(4, 2);

  test('computes the same and records nothing', () => {
    const model = net();
    const before = statistics(model);
    const frozen = withFrozenBatchNormStatistics(model, () => model.call(images).toArray());
    assert.deepEqual(statistics(model), before);
    assert.deepEqual(model.call(images).toArray(), frozen);
    assert.notDeepEqual(statistics(model), before);
  });

  test('does not change batch norms in evaluation mode, and restores the buffers when the pass throws', () => {
    const model = net();
    const size = model.stateDict().size;
    assert.throws(() => withFrozenBatchNormStatistics(model, () => assert.fail('no')), /no/);
    assert.equal(model.stateDict().size, size);
    model.eval();
    const expected = model.call(images).toArray();
    assert.deepEqual(
      withFrozenBatchNormStatistics(model, () => model.call(images).toArray()),
      expected,
    );
  });
});
