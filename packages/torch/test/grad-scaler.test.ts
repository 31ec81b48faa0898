import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { assertClose, Reference } from './reference/reference.js';

const reference = new Reference();
after(() => reference.stop());

const { GradScaler } = torch.amp;

/** The gradients of each update: of usual size, with infinity, with NaN, and very large. */
function gradients(): torch.Tensor[][] {
  torch.manualSeed(5);
  const of = (change: (values: torch.Tensor) => torch.Tensor) => [change(torch.randn(3, 4)), torch.randn(4)];
  const same = (x: torch.Tensor) => x;
  const with_ = (value: number) => (x: torch.Tensor) => x.index(0).fill_(value) && x;
  return [
    of(same),
    of(with_(Number.POSITIVE_INFINITY)),
    of(same),
    of(same),
    of(same),
    of(with_(Number.NaN)),
    of((x) => x.mul(1e30)),
    of(with_(Number.NEGATIVE_INFINITY)),
    of(same),
    of(same),
  ].map((pair) => pair.map((grad) => grad.mul(3)));
}

suite('GradScaler', () => {
  test('steps, skips and scales as PyTorch, update by update', async (t) => {
    if (!(await reference.isAtLeast(2, 3))) return t.skip('PyTorch before 2.3 has no scaler on the CPU');
    const grads = gradients();
    const weights = [torch.randn(3, 4), torch.randn(4)];
    const code = `
params = [w.clone().requires_grad_() for w in weights]
opt = torch.optim.SGD(params, lr=0.1, momentum=0.9)
scaler = torch.amp.GradScaler('cpu', init_scale=3.0, growth_interval=2, growth_factor=1.7, backoff_factor=0.3)
out = {'scales': [], 'weights': [], 'finite': []}
for pair in grads:
  scaler.scale(torch.zeros(1))
  for p, g in zip(params, pair): p.grad = g.clone()
  scaler.unscale_(opt)
  found = scaler._per_optimizer_states[id(opt)]['found_inf_per_device']
  out['finite'].append(sum(v.item() for v in found.values()) == 0)
  scaler.step(opt)
  scaler.update()
  out['scales'].append(scaler.get_scale())
  out['weights'].append([p.detach().clone() for p in params])
out['state'] = scaler.state_dict()`;
    type Out = { scales: number[]; weights: torch.Tensor[][]; state: Record<string, number>; finite: boolean[] };
    const expected = await reference.run<Out>(code, { grads, weights });
    const params = weights.map((w) => new torch.nn.Parameter(w.clone()));
    const optimizer = new torch.optim.SGD(params, { lr: 0.1, momentum: 0.9 });
    const scaler = new GradScaler({ initScale: 3, growthInterval: 2, growthFactor: 1.7, backoffFactor: 0.3 });
    for (const [i, pair] of grads.entries()) {
      for (const [k, p] of params.entries()) p.grad = pair[k]!.clone();
      const finite = scaler.unscale_(optimizer);
      assert.equal(finite, expected.finite[i]);
      assert.equal(scaler.step(optimizer), finite);
      scaler.update();
      assert.equal(scaler.getScale(), expected.scales[i], `scale after update ${i}`);
      for (const [k, p] of params.entries()) assertClose(p.detach(), expected.weights[i]![k]!, { rtol: 1e-6 });
    }
    assert.deepEqual(scaler.stateDict(), expected.state);
  });

  test('keeps gradients that float16 would lose', () => {
    const gradient = (factor: number): number => {
      using x = torch.tensor([1e-9]).requiresGrad_();
      const scaled = x.to('float16').mul(1).float().sum().mul(1e-8).mul(factor);
      scaled.backward();
      return x.grad!.toNumber();
    };
    const scaler = new GradScaler({ initScale: 2 ** 16 });
    assert.equal(gradient(1), 0);
    assert.ok(Math.abs(gradient(scaler.getScale()) / scaler.getScale() / 1e-8 - 1) < 0.01);
  });

  test('continues from a state', () => {
    const w = new torch.nn.Parameter(torch.ones(2));
    const optimizer = new torch.optim.SGD([w], { lr: 1 });
    const [one, two] = [new GradScaler({ growthInterval: 3 }), new GradScaler()];
    const run = (scaler: torch.amp.GradScaler): void => {
      w.grad = torch.ones(2);
      scaler.step(optimizer);
      scaler.update();
    };
    run(one);
    run(one);
    two.loadStateDict(one.stateDict());
    run(two);
    assert.equal(two.getScale(), 2 ** 17);
  });

  test('leaves everything as it is when it is not enabled', () => {
    const w = new torch.nn.Parameter(torch.ones(2));
    const optimizer = new torch.optim.SGD([w], { lr: 1 });
    const scaler = new GradScaler({ enabled: false });
    w.grad = torch.tensor([Number.POSITIVE_INFINITY, 1]);
    assert.equal(scaler.unscale_(optimizer), true);
    assert.equal(scaler.step(optimizer), true);
    scaler.update();
    assert.deepEqual(w.detach().toArray(), [Number.NEGATIVE_INFINITY, 0]);
    assert.deepEqual([scaler.getScale(), scaler.stateDict()], [1, {}]);
  });

  test('refuses what PyTorch refuses', () => {
    const w = new torch.nn.Parameter(torch.ones(2));
    const optimizer = new torch.optim.SGD([w], { lr: 1 });
    const scaler = new GradScaler();
    assert.throws(() => scaler.update(), /no gradients were divided/);
    w.grad = torch.ones(2);
    scaler.unscale_(optimizer);
    assert.throws(() => scaler.unscale_(optimizer), /divided already/);
    scaler.step(optimizer);
    assert.throws(() => scaler.step(optimizer), /stepped already/);
    scaler.update();
    const half = new torch.nn.Parameter(torch.ones(2).to('float16'));
    half.grad = torch.ones(2).to('float16');
    assert.throws(() => scaler.unscale_(new torch.optim.SGD([half], { lr: 1 })), /are in float16/);
    assert.throws(() => new GradScaler({ growthFactor: 1 }), /growthFactor must be a number above 1, got 1/);
    assert.throws(() => new GradScaler({ initScale: Number.NaN }), /initScale must be a number above 0/);
    assert.throws(() => scaler.loadStateDict({ scale: -1 }), /scale must be a number above 0, got -1/);
    assert.throws(() => new GradScaler({ init_scale: 2 } as never), /unknown option 'init_scale'/);
  });
});
