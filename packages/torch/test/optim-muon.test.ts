/** Muon against `torch.optim.Muon`, where Python's PyTorch has it (2.9), and against its formula in float64. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { assertClose, Reference, type Value } from './reference/reference.js';

const { AdamW, Muon, SGD } = torch.optim;

torch.setNumThreads(1);
const reference = new Reference();
after(() => reference.stop());

const shapes = [
  [6, 20],
  [20, 6],
  [8, 3, 3, 3],
  [8, 8],
];
const steps = 4;
const generator = new torch.Generator().manualSeed(3);
const draw = () => shapes.map((shape) => torch.randn(shape, { generator }));
const start = draw();
const grads = Array.from({ length: steps }, draw);

const replay = `
def replay(optimizer, ps):
    for step in grads:
        for p, g in zip(ps, step): p.grad = g.reshape(p.shape).to(p.dtype).clone()
        optimizer.step()
`;

/** The author's code for airbench94 (weights of fixed norm) and his formula for matrices, in float64. */
const formula = `
class Formula(torch.optim.Optimizer):
    def __init__(self, ps, **options): super().__init__(ps, options)
    @torch.no_grad()
    def step(self):
        for o in self.param_groups:
            for p in o["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                m.mul_(o["momentum"]).add_(p.grad, alpha=1 - o["momentum"])
                u = o["momentum"] * m + (1 - o["momentum"]) * p.grad if o["nesterov"] else m
                if o["unit"]: p.mul_(len(p) ** 0.5 / p.norm())
                p.mul_(1 - o["lr"] * o["decay"])
                x = u.reshape(len(u), -1)
                tall = x.shape[0] > x.shape[1]
                scale = max(1, x.shape[0] / x.shape[1]) ** 0.5
                x = (x.T if tall else x) / x.norm()
                for _ in range(o["steps"]):
                    a = x @ x.T
                    x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
                p.sub_(o["lr"] * scale * (x.T if tall else x).reshape(p.shape))
`;

function ours(options: torch.optim.MuonOptions): torch.Tensor[] {
  const params = start.map((value) => value.clone().requiresGrad_());
  const optimizer = new Muon(params, options);
  for (const step of grads) {
    params.forEach((param, i) => {
      param.grad = step[i]!.clone();
    });
    optimizer.step();
  }
  return params;
}

async function theirs(code: string): Promise<torch.Tensor[]> {
  const { params } = await reference.run<{ params: torch.Tensor[] }>(`${replay}${formula}\n${code}`, {
    start,
    grads: grads as unknown as Value,
  });
  return params;
}

const relative = (a: torch.Tensor, b: torch.Tensor): number => {
  const apart = a.detach().double().sub(b.double().reshape(a.shape)).norm().toNumber();
  return apart / b.double().norm().toNumber();
};

suite('Muon', () => {
  test('equals torch.optim.Muon, filters as matrices', async (context) => {
    if (!(await reference.isAtLeast(2, 9))) return context.skip('torch.optim.Muon is of PyTorch 2.9');
    for (const [options, python] of [
      [{ lr: 0.1 }, 'lr=0.1'],
      [
        { lr: 0.2, weightDecay: 0.01, momentum: 0.6, nesterov: false, nsSteps: 3 },
        'lr=0.2, weight_decay=0.01, momentum=0.6, nesterov=False, ns_steps=3',
      ],
    ] as const) {
      const expected = await theirs(`ps = [torch.nn.Parameter(p.flatten(1).clone()) for p in start]
replay(torch.optim.Muon(ps, ${python}), ps)
out["params"] = ps`);
      // Both round to bfloat16, but products may be summed in another order.
      for (const [i, param] of ours(options).entries())
        assert.ok(relative(param, expected[i]!) < 2e-3, `parameter ${i}: ${relative(param, expected[i]!)}`);
    }
  });

  for (const unitRows of [false, true])
    test(`equals its formula in float64 within bfloat16${unitRows ? ', with filters of fixed norm' : ''}`, async () => {
      const expected = await theirs(`ps = [torch.nn.Parameter(p.double()) for p in start]
replay(Formula(ps, lr=0.2, momentum=0.6, nesterov=True, steps=3, decay=0.1, unit=${unitRows ? 'True' : 'False'}), ps)
out["params"] = ps`);
      const params = ours({ lr: 0.2, momentum: 0.6, nsSteps: 3, weightDecay: 0.1, unitRows });
      // libtorch 1.13 rounds small products more: 0.019
      for (const [i, param] of params.entries())
        assert.ok(relative(param, expected[i]!) < 3e-2, `parameter ${i}: ${relative(param, expected[i]!)}`);
    });

  test('moves all directions of a matrix nearly as far', () => {
    const [before] = start as [torch.Tensor];
    const param = before.clone().requiresGrad_();
    param.grad = torch.randn([6, 20], { generator });
    new Muon([param], { lr: 1, weightDecay: 0 }).step();
    const [, values] = torch.ops.aten.linalg_svd(before.sub(param.detach()), false) as torch.Tensor[];
    assert.ok(values!.min().toNumber() > 0.5 && values!.max().toNumber() < 1.4, `${values}`);
  });

  test('by the rule sgd, and for vectors, is SGD with averaged gradients, at the rate of the group', () => {
    const params = [torch.ones([4, 3]).requiresGrad_(), torch.ones([5]).requiresGrad_()];
    const peers = params.map((param) => param.detach().clone().requiresGrad_());
    const muon = new Muon(
      [
        { params: [params[0]!], rule: 'sgd', lrRatio: 3 },
        { params: [params[1]!], lrRatio: 0.5 },
      ],
      { lr: 0.1, momentum: 0.5, weightDecay: 0 },
    );
    const sgd = new SGD(
      [
        { params: [peers[0]!], lr: 0.15 }, // 0.1 · 3 · (1 − momentum)
        { params: [peers[1]!], lr: 0.025 },
      ],
      { momentum: 0.5, nesterov: true },
    );
    for (let step = 0; step < 3; step++) {
      for (const [i, param] of params.entries()) {
        param.grad = torch.randn(param.shape, { generator });
        peers[i]!.grad = param.grad.clone();
      }
      muon.step();
      sgd.step();
    }
    for (const [i, param] of params.entries()) assertClose(param, peers[i]!, { atol: 1e-6, rtol: 1e-6 });
  });

  test('by the rule adamw is AdamW, at the rate of the group', () => {
    const param = torch.ones([40, 500]).requiresGrad_();
    const peer = torch.ones([40, 500]).requiresGrad_();
    const muon = new Muon([{ params: [param], rule: 'adamw', lrRatio: 0.5 }], { lr: 0.1, weightDecay: 0.2 });
    const adamw = new AdamW([peer], { lr: 0.05, betas: [0.9, 0.95], eps: 1e-7, weightDecay: 0.2 });
    for (let step = 0; step < 3; step++) {
      param.grad = torch.randn([40, 500], { generator });
      peer.grad = param.grad.clone();
      muon.step();
      adamw.step();
    }
    assertClose(param, peer, { atol: 1e-6, rtol: 1e-6 });
  });

  test('continues bit-exactly from its state', () => {
    const step = (optimizer: torch.optim.Muon, param: torch.Tensor, grad: torch.Tensor): void => {
      param.grad = grad.clone();
      optimizer.step();
    };
    for (const options of [{ unitRows: true }, { rule: 'sgd' }, { rule: 'adamw' }] as const) {
      const whole = start[0]!.clone().requiresGrad_();
      const first = new Muon([whole], { lr: 0.1, ...options });
      step(first, whole, grads[0]![0]!);
      const resumed = whole.detach().clone().requiresGrad_();
      const second = new Muon([resumed], options);
      second.loadStateDict(first.stateDict());
      step(first, whole, grads[1]![0]!);
      step(second, resumed, grads[1]![0]!);
      assert.ok(torch.equal(whole, resumed), JSON.stringify(options));
    }
  });

  test('refuses options that are not fit', () => {
    const param = torch.ones([2, 2]).requiresGrad_();
    for (const [options, message] of [
      [{ momentum: 1 }, /Muon: momentum must be a number from 0 to below 1, got 1/],
      [{ nsSteps: 0 }, /nsSteps must be a whole number from 1 to 99, got 0/],
      [{ rule: 'adam' as 'adamw' }, /rule must be one of muon, sgd, adamw, got the string "adam"/],
      [{ lrRatio: -1 }, /lrRatio must be a number of at least 0/],
    ] as const)
      assert.throws(() => new Muon([param], options), message);
  });
});
