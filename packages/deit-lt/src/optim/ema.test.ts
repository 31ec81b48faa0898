import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { Ema } from './ema.js';

const net = () => new torch.nn.Sequential(new torch.nn.Linear(1, 1, { bias: false }), new torch.nn.BatchNorm1d(1));

function setWeight(model: torch.nn.Sequential, value: number): void {
  const linear = model.at(0) as torch.nn.Linear;
  torch.noGrad(() => linear.weight.fill_(value));
}

const weight = (model: torch.nn.Sequential): number => (model.at(0) as torch.nn.Linear).weight.toNumber();
const average = (ema: Ema): number => ema.stateDict().tensors.get('0.weight')!.toNumber();

function setUp(options: { decay?: number; warmup?: boolean } = {}) {
  const model = net();
  setWeight(model, 1);
  const ema = new Ema(model, { decay: 0.75, ...options });
  setWeight(model, 2);
  return { model, ema };
}

suite('Ema', () => {
  test('starts at the weights and moves towards them', () => {
    const { ema } = setUp();
    assert.equal(average(ema), 1);
    ema.update();
    assert.equal(average(ema), 1.25);
    assert.equal(ema.updates, 1);
  });

  test('warms up: at first it keeps a tenth', () => {
    const { ema } = setUp({ warmup: true });
    ema.update();
    assert.ok(Math.abs(average(ema) - 1.9) < 1e-6);
    for (let t = 1; t < 100; t++) ema.update();
    assert.equal(ema.updates, 100);
  });

  test('averages the statistics of batch norms and copies their count', () => {
    const { model, ema } = setUp();
    model.call(torch.tensor([[1], [2]]));
    ema.update();
    const { tensors } = ema.stateDict();
    assert.deepEqual([...tensors.keys()], [...model.stateDict().keys()]);
    assert.equal(tensors.get('1.num_batches_tracked')!.toNumber(), 1);
    const running = model.stateDict().get('1.running_mean')!.toNumber();
    assert.ok(Math.abs(tensors.get('1.running_mean')!.toNumber() - running / 4) < 1e-6);
  });

  test('swaps weights for a function, also one that throws or waits', async () => {
    const { model, ema } = setUp();
    assert.equal(
      ema.swap(() => weight(model)),
      1,
    );
    assert.throws(() => ema.swap(() => assert.fail('no')), /no/);
    assert.deepEqual([weight(model), average(ema)], [2, 1]);
    const seen = ema.swap(async () => {
      await Promise.resolve();
      return weight(model);
    });
    assert.equal(weight(model), 1);
    assert.equal(await seen, 1);
    assert.deepEqual([weight(model), average(ema)], [2, 1]);
    await assert.rejects(ema.swap(async () => assert.fail('later')));
    assert.equal(weight(model), 2);
  });

  test('is kept on the given device', () => {
    const { model } = setUp();
    using ema = new Ema(model, { decay: 0.75, device: 'cpu' });
    setWeight(model, 6);
    ema.update();
    assert.ok([...ema.stateDict().tensors.values()].every(({ device }) => device === 'cpu'));
    assert.equal(average(ema), 0.75 * 2 + 0.25 * 6);
  });

  test('resumes from a saved state bit-exactly', () => {
    const { ema } = setUp({ warmup: true });
    ema.update();
    const { updates, tensors } = ema.stateDict();
    const other = setUp({ warmup: true });
    other.ema.loadStateDict({ updates, tensors: new Map([...tensors].map(([name, t]) => [name, t.clone()])) });
    for (const each of [ema, other.ema]) each.update();
    assert.equal(average(other.ema), average(ema));
    assert.equal(other.ema.updates, 2);
  });

  test('refuses a state of another model, and then is as before', () => {
    const { ema } = setUp();
    const tensors = new Map(ema.stateDict().tensors);
    tensors.set('1.bias', torch.zeros(2));
    assert.throws(() => ema.loadStateDict({ updates: 9, tensors }), {
      code: 'CHECKPOINT',
      message: /1\.bias as \[2\]/,
    });
    tensors.delete('1.bias');
    assert.throws(() => ema.loadStateDict({ updates: 9, tensors }), { code: 'CHECKPOINT', message: /no 1\.bias/ });
    assert.deepEqual([average(ema), ema.updates], [1, 0]);
    assert.throws(() => new Ema(net(), { decay: 1 }), { code: 'RECIPE' });
  });
});
