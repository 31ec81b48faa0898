/** Optimizers against PyTorch's own, their state both ways, and what they refuse. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { findOperator } from '../src/binding/operator.js';
import * as torch from '../src/index.js';
import { fusedAdamArguments } from '../src/optim/adam.js';
import { type Batch, FusedUpdate } from '../src/optim/batches.js';
import { foreachKernels, type Kernels, SingleKernels } from '../src/optim/kernels.js';
import { assertClose, Reference, type Tolerance, type Value } from './reference/reference.js';

const { Adam, AdamW, Lamb, SGD, clipGradNorm_, clipGradValue_, totalGradNorm } = torch.optim;
type AnyOptimizer = torch.optim.Optimizer<{ lr?: number }>;

torch.setNumThreads(1); // small tensors, and test files run side by side
const devices = torch.cuda.isAvailable() ? ['cpu', 'cuda'] : ['cpu'];
const reference = new Reference();
after(() => reference.stop());

/** The last one is long enough for the path that shares memory between tensors. */
const shapes = [[3, 4], [5], [2, 3, 3, 3], [1, 1, 7], [130, 140]];
const steps = 5;

interface Problem {
  start: torch.Tensor[];
  /** By step, then by parameter; null for a parameter that gets none. */
  grads: (torch.Tensor | null)[][];
}

/** Starting values and gradients; parameter 3 has no gradient in step 2, parameter 1 never. */
function makeProblem(): Problem {
  const generator = new torch.Generator().manualSeed(5);
  const start = shapes.map((shape) => torch.randn(shape, { generator }));
  const grads = Array.from({ length: steps }, (_, k) =>
    shapes.map((shape, i) => (i === 1 || (i === 3 && k === 1) ? null : torch.randn(shape, { generator }))),
  );
  return { start, grads };
}

const problem = makeProblem();

function leaves(start: readonly torch.Tensor[], device = 'cpu'): torch.Tensor[] {
  return start.map((value) => value.clone().to(device).requiresGrad_());
}

function setGrads(params: readonly torch.Tensor[], grads: readonly (torch.Tensor | null)[]): void {
  params.forEach((param, i) => {
    param.grad = grads[i]?.clone().to(param.device) ?? null;
  });
}

const python = `
def replay(optimizer, ps, grads):
    for step in grads:
        for p, g in zip(ps, step):
            p.grad = None if g is None else g.clone()
        optimizer.step()

class Lamb(torch.optim.Optimizer):
    """LAMB written down from its formula, one parameter after the other, in float64."""
    def __init__(self, params, **options):
        super().__init__(params, dict(dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.01, max_grad_norm=1.0,
            bias_correction=True, grad_averaging=True, trust_clip=False, always_adapt=False, t=0), **options))
    @torch.no_grad()
    def step(self):
        with_grad = [p for g in self.param_groups for p in g["params"] if p.grad is not None]
        norm = np.sqrt(sum(float((p.grad.double() ** 2).sum()) for p in with_grad))
        limit = self.defaults["max_grad_norm"]
        scale = limit / norm if limit is not None and norm > limit else 1.0
        for group in self.param_groups:
            group["t"] += 1
            b1, b2 = group["betas"]
            c1, c2 = (1 - b1 ** group["t"], 1 - b2 ** group["t"]) if group["bias_correction"] else (1, 1)
            for p in group["params"]:
                if p.grad is None: continue
                state, g, w = self.state[p], p.grad.double() * scale, p.double()
                state["m"] = b1 * state.get("m", 0) + (1 - b1 if group["grad_averaging"] else 1) * g
                state["v"] = b2 * state.get("v", 0) + (1 - b2) * g * g
                u = (state["m"] / c1) / (torch.sqrt(state["v"] / c2) + group["eps"]) + group["weight_decay"] * w
                ratio = 1.0
                if group["weight_decay"] != 0 or group["always_adapt"]:
                    a, b = float(w.norm()), float(u.norm())
                    ratio = a / b if a > 0 and b > 0 else 1.0
                    if group["trust_clip"]: ratio = min(ratio, 1.0)
                p.copy_(w - group["lr"] * ratio * u)
`;

/** Runs an optimizer given as a Python expression over `ps`, and gives the parameters at the end. */
async function replayInPython(expression: string, { start, grads }: Problem): Promise<torch.Tensor[]> {
  const code = `${python}
ps = [torch.nn.Parameter(p.clone()) for p in start]
replay(${expression}, ps, grads)
out["params"] = ps`;
  const { params } = await reference.run<{ params: torch.Tensor[] }>(code, { start, grads });
  return params;
}

function replay(optimizer: AnyOptimizer, params: readonly torch.Tensor[], grads: Problem['grads']): void {
  for (const step of grads) {
    setGrads(params, step);
    optimizer.step();
  }
}

function assertAllClose(
  actual: readonly torch.Tensor[],
  expected: readonly torch.Tensor[],
  tolerance?: Tolerance,
  what = 'parameter',
): void {
  assert.equal(actual.length, expected.length);
  for (const [i, tensor] of actual.entries()) assertClose(tensor.cpu(), expected[i], tolerance, `${what} ${i}`);
}

type Make = (params: torch.Tensor[]) => AnyOptimizer;

const halves = (params: torch.Tensor[]) => ({ first: params.slice(0, 2), second: params.slice(2) });

const cases: [name: string, make: Make, expression: string][] = [
  ['SGD', (ps) => new SGD(ps, { lr: 0.1 }), 'torch.optim.SGD(ps, lr=0.1)'],
  [
    'SGD with weight decay',
    (ps) => new SGD(ps, { lr: 0.1, weightDecay: 0.02 }),
    'torch.optim.SGD(ps, lr=0.1, weight_decay=0.02)',
  ],
  [
    'SGD with momentum',
    (ps) => new SGD(ps, { lr: 0.1, momentum: 0.9, weightDecay: 0.02 }),
    'torch.optim.SGD(ps, lr=0.1, momentum=0.9, weight_decay=0.02)',
  ],
  [
    'SGD with dampening',
    (ps) => new SGD(ps, { lr: 0.1, momentum: 0.9, dampening: 0.3, weightDecay: 0.02 }),
    'torch.optim.SGD(ps, lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.02)',
  ],
  [
    'SGD with Nesterov momentum',
    (ps) => new SGD(ps, { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.02 }),
    'torch.optim.SGD(ps, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.02)',
  ],
  [
    'SGD that maximizes',
    (ps) => new SGD(ps, { lr: 0.1, momentum: 0.9, weightDecay: 0.02, maximize: true }),
    'torch.optim.SGD(ps, lr=0.1, momentum=0.9, weight_decay=0.02, maximize=True)',
  ],
  ['Adam', (ps) => new Adam(ps, { lr: 0.05 }), 'torch.optim.Adam(ps, lr=0.05)'],
  [
    'Adam with weight decay',
    (ps) => new Adam(ps, { lr: 0.05, weightDecay: 0.1 }),
    'torch.optim.Adam(ps, lr=0.05, weight_decay=0.1)',
  ],
  ['AdamW with its defaults', (ps) => new AdamW(ps), 'torch.optim.AdamW(ps)'],
  [
    'AdamW',
    (ps) => new AdamW(ps, { lr: 0.05, betas: [0.8, 0.99], eps: 1e-3, weightDecay: 0.1 }),
    'torch.optim.AdamW(ps, lr=0.05, betas=(0.8, 0.99), eps=1e-3, weight_decay=0.1)',
  ],
  [
    'AdamW with AMSGrad',
    (ps) => new AdamW(ps, { lr: 0.05, betas: [0.9, 0.5], amsgrad: true }),
    'torch.optim.AdamW(ps, lr=0.05, betas=(0.9, 0.5), amsgrad=True)',
  ],
  [
    'AdamW that maximizes',
    (ps) => new AdamW(ps, { lr: 0.05, maximize: true }),
    'torch.optim.AdamW(ps, lr=0.05, maximize=True)',
  ],
  [
    'AdamW with two groups',
    (ps) =>
      new AdamW(
        [
          { params: halves(ps).first, lr: 0.02, weightDecay: 0 },
          { params: halves(ps).second, betas: [0.5, 0.9] },
        ],
        { lr: 0.05, weightDecay: 0.2 },
      ),
    'torch.optim.AdamW([dict(params=ps[:2], lr=0.02, weight_decay=0.0), dict(params=ps[2:], betas=(0.5, 0.9))], lr=0.05, weight_decay=0.2)',
  ],
  [
    'SGD with two groups',
    (ps) =>
      new SGD(
        [
          { params: halves(ps).first, lr: 0.02 },
          { params: halves(ps).second, momentum: 0.5 },
        ],
        { lr: 0.05, weightDecay: 0.2 },
      ),
    'torch.optim.SGD([dict(params=ps[:2], lr=0.02), dict(params=ps[2:], momentum=0.5)], lr=0.05, weight_decay=0.2)',
  ],
  ['Lamb with its defaults', (ps) => new Lamb(ps), 'Lamb(ps)'],
  [
    'Lamb without limit on the gradients',
    (ps) => new Lamb(ps, { lr: 0.05, maxGradNorm: null, weightDecay: 0.1 }),
    'Lamb(ps, lr=0.05, max_grad_norm=None, weight_decay=0.1)',
  ],
  [
    'Lamb without weight decay',
    (ps) => new Lamb(ps, { lr: 0.05, weightDecay: 0 }),
    'Lamb(ps, lr=0.05, weight_decay=0)',
  ],
  [
    'Lamb that always adapts',
    (ps) => new Lamb(ps, { lr: 0.05, weightDecay: 0, alwaysAdapt: true }),
    'Lamb(ps, lr=0.05, weight_decay=0, always_adapt=True)',
  ],
  [
    'Lamb with clipped trust',
    (ps) => new Lamb(ps, { lr: 0.05, trustClip: true, maxGradNorm: 1e4 }),
    'Lamb(ps, lr=0.05, trust_clip=True, max_grad_norm=1e4)',
  ],
  [
    'Lamb without bias correction and averaging, with two groups',
    (ps) =>
      new Lamb([{ params: halves(ps).first, lr: 0.02, weightDecay: 0 }, { params: halves(ps).second }], {
        lr: 0.05,
        biasCorrection: false,
        gradAveraging: false,
      }),
    'Lamb([dict(params=ps[:2], lr=0.02, weight_decay=0), dict(params=ps[2:])], lr=0.05, bias_correction=False, grad_averaging=False)',
  ],
];

suite('five steps equal PyTorch', () => {
  for (const device of devices) {
    for (const [name, make, expression] of cases) {
      test(`of ${name} on ${device}`, async () => {
        const expected = await replayInPython(expression, problem);
        const params = leaves(problem.start, device);
        replay(make(params), params, problem.grads);
        assertAllClose(params, expected, { atol: 5e-7, rtol: 5e-7 });
      });
    }
  }

  test('in float64 to 14 digits', async () => {
    const wide: Problem = {
      start: problem.start.map((t) => t.double()),
      grads: problem.grads.map((step) => step.map((t) => t?.double() ?? null)),
    };
    const expected = await replayInPython('torch.optim.AdamW(ps, lr=0.05)', wide);
    const params = leaves(wide.start);
    replay(new AdamW(params, { lr: 0.05 }), params, wide.grads);
    assertAllClose(params, expected, { atol: 1e-14, rtol: 1e-14 });
  });

  test('with parameters and gradients in different memory formats', async () => {
    const expected = await replayInPython('torch.optim.AdamW(ps, lr=0.05)', problem);
    const params = problem.start.map((value) =>
      (value.ndim === 4 ? value.contiguous({ memoryFormat: 'channels_last' }) : value.clone()).requiresGrad_(),
    );
    replay(new AdamW(params, { lr: 0.05 }), params, problem.grads);
    assertAllClose(params, expected, { atol: 5e-7, rtol: 5e-7 });
  });

  test('with bfloat16 parameters', async () => {
    const narrow: Problem = {
      start: problem.start.map((t) => t.bfloat16()),
      grads: problem.grads.map((step) => step.map((t) => t?.bfloat16() ?? null)),
    };
    const expected = await replayInPython('torch.optim.SGD(ps, lr=0.1)', narrow);
    const params = leaves(narrow.start);
    replay(new SGD(params, { lr: 0.1 }), params, narrow.grads);
    assertAllClose(params, expected, {});
  });
});

suite('Optimizer', () => {
  const two = () => leaves(problem.start.slice(0, 2));

  test('takes one parameter, an iterable of parameters, or groups', () => {
    const [a, b] = two() as [torch.Tensor, torch.Tensor];
    assert.deepEqual(
      new SGD(a).paramGroups.map(({ params }) => params.length),
      [1],
    );
    assert.deepEqual(
      new SGD(new Set([a, b])).paramGroups.map(({ params }) => params.length),
      [2],
    );
    assert.deepEqual(
      new SGD([{ params: a }, { params: [b], lr: 2 }], { lr: 1 }).paramGroups.map(({ lr }) => lr),
      [1, 2],
    );
  });

  test('uses what a schedule writes to group.lr', () => {
    const [param] = two() as [torch.Tensor];
    const optimizer = new SGD([param], { lr: 1 });
    const before = param.detach().clone();
    for (const group of optimizer.paramGroups) group.lr = 0.25;
    param.grad = torch.ones(param.shape);
    optimizer.step();
    assertClose(param, before.sub(0.25));
  });

  test('zeroGrad() frees gradients, or fills them with zeros', () => {
    const params = two();
    const optimizer = new SGD(params);
    setGrads(
      params,
      params.map((param) => torch.ones(param.shape)),
    );
    optimizer.zeroGrad({ setToNone: false });
    assert.equal(params[0]?.grad?.abs().sum().item(), 0);
    optimizer.zeroGrad();
    assert.equal(params[0]?.grad, null);
  });

  test('does not change parameters without a gradient, nor gives them state', () => {
    const params = two();
    const optimizer = new AdamW(params);
    const before = params[1]?.detach().clone();
    setGrads(params, [torch.ones([3, 4]), null]);
    optimizer.step();
    assertClose(params[1] as torch.Tensor, before);
    assert.equal(optimizer.state.size, 1);
    assert.deepEqual(Object.keys(optimizer.stateDict().state), ['0']);
  });

  test('addParamGroup() gives a new group the defaults', () => {
    const [a, b] = two() as [torch.Tensor, torch.Tensor];
    const optimizer = new SGD([a], { lr: 0.5, momentum: 0.9 });
    optimizer.addParamGroup({ params: [b], lr: 0.1, name: 'head' });
    assert.equal(optimizer.paramGroups[1]?.momentum, 0.9);
    assert.equal(optimizer.paramGroups[1]?.lr, 0.1);
  });

  test('works inside a scope, whose end does not take its state', () => {
    const params = two();
    const optimizer = new AdamW(params);
    torch.tidy(() => {
      setGrads(
        params,
        params.map((param) => torch.ones(param.shape)),
      );
      optimizer.step();
    });
    torch.tidy(() => optimizer.step());
    assert.equal(optimizer.state.get(params[0] as torch.Tensor)?.step, 2);
  });
});

suite('Optimizer refuses', () => {
  const leaf = () => torch.zeros([2]).requiresGrad_();
  const refusals: [name: string, run: () => unknown, message: RegExp][] = [
    [
      'a negative learning rate',
      () => new SGD([leaf()], { lr: -1 }),
      /^SGD: lr must be a number of at least 0, got -1$/,
    ],
    [
      'a negative learning rate of a group',
      () => new AdamW([{ params: leaf() }, { params: leaf(), lr: -1 }]),
      /^AdamW: group 1: lr must be .* got -1$/,
    ],
    [
      'an option of a named group',
      () => new AdamW([{ params: leaf(), name: 'decay', weightDecay: Number.NaN }]),
      /group 0 'decay': weightDecay must be .* got NaN/,
    ],
    [
      'a beta of 1',
      () => new AdamW([leaf()], { betas: [0.9, 1] }),
      /AdamW: betas must be two numbers from 0 to below 1.*, got \[0\.9, 1\]/,
    ],
    [
      'one beta',
      () => new Adam([leaf()], { betas: [0.9] as unknown as [number, number] }),
      /Adam: betas must be two numbers/,
    ],
    ['a negative eps', () => new AdamW([leaf()], { eps: -1e-8 }), /eps must be/],
    [
      'a flag that is a number',
      () => new AdamW([leaf()], { amsgrad: 1 as unknown as boolean }),
      /amsgrad must be true or false, got 1/,
    ],
    [
      'an option that is a string',
      () => new SGD([leaf()], { lr: '0.1' as unknown as number }),
      /lr must be .* got the string "0\.1"/,
    ],
    ['a negative momentum', () => new SGD([leaf()], { momentum: -0.1 }), /momentum must be/],
    [
      'nesterov without momentum',
      () => new SGD([leaf()], { nesterov: true }),
      /SGD: nesterov needs a momentum above 0 and no dampening, got momentum 0 and dampening 0/,
    ],
    [
      'nesterov with dampening in a group',
      () => new SGD([{ params: leaf(), nesterov: true, momentum: 0.9, dampening: 0.1 }]),
      /group 0: nesterov needs/,
    ],
    [
      'a limit of 0 on the norm',
      () => new Lamb([leaf()], { maxGradNorm: 0 }),
      /Lamb: maxGradNorm must be a number above 0, or null, got 0/,
    ],
    [
      'an unknown option',
      () => new SGD([leaf()], { weigthDecay: 0.1 } as object),
      /SGD: unknown option 'weigthDecay'; did you mean 'weightDecay'\?/,
    ],
    [
      'an unknown option of a group',
      () => new SGD([{ params: leaf(), colour: 1 } as never]),
      /SGD: group 0: unknown option 'colour'; the options are lr, /,
    ],
    ['no parameters', () => new SGD([]), /SGD: got no parameters/],
    ['what is not a parameter', () => new SGD(3 as never), /SGD: expected parameters or groups of parameters, got 3/],
    [
      'parameters among groups',
      () => new SGD([leaf(), { params: leaf() }] as never),
      /SGD: expected only Tensors, or only groups.*item 0 is a/,
    ],
    ['a group without parameters', () => new SGD([{ lr: 1 }] as never), /item 0 is an object/],
    [
      'what is not a tensor in a group',
      () => new SGD([{ params: [leaf(), 3] as never }]),
      /SGD: group 0: parameter 1 must be a Tensor, got 3/,
    ],
    [
      'a parameter that was computed',
      () => new SGD([leaf().mul(2)]),
      /SGD: group 0: parameter 0 \(float32\[2\]\) is not a leaf, it was computed by aten::mul/,
    ],
    [
      'a complex parameter',
      () => new SGD([torch.zeros([2], { dtype: 'complex64' })]),
      /parameter 0 \(complex64\[2\]\) is complex/,
    ],
    [
      'a parameter twice in a group',
      () => {
        const param = leaf();
        return new SGD([param, param]);
      },
      /group 0: parameter 1 \(float32\[2\]\) is in a group already/,
    ],
    [
      'a parameter in two groups',
      () => {
        const param = leaf();
        return new SGD([{ params: param }, { params: [leaf(), param] }]);
      },
      /SGD: group 1: parameter 1 \(float32\[2\]\) is in a group already/,
    ],
  ];
  for (const [name, run, message] of refusals) {
    test(name, () => {
      assert.throws(
        run,
        (error: unknown) =>
          (error instanceof torch.TorchError && error.code === 'ARGUMENT' && message.test(error.message)) ||
          assert.fail(String(error)),
      );
    });
  }

  test('a step with a learning rate that is not a number, and changes nothing', () => {
    const param = leaf();
    const optimizer = new AdamW([{ params: param }]);
    param.grad = torch.ones([2]);
    (optimizer.paramGroups[0] as { lr: number }).lr = Number.NaN;
    assert.throws(() => optimizer.step(), /AdamW: group 0: lr must be a number of at least 0, got NaN/);
    assert.deepEqual(param.toArray(), [0, 0]);
    assert.equal(optimizer.state.size, 0);
  });

  test('a step with a disposed parameter, and names it', () => {
    const param = leaf();
    const optimizer = new SGD([param]);
    param.dispose();
    assert.throws(() => optimizer.step(), { code: 'DISPOSED' });
  });
});

suite('state dicts', () => {
  const { start, grads } = problem;
  const pythonOptimizers: [name: string, make: Make, expression: string][] = [
    [
      'AdamW',
      (ps) => new AdamW([{ params: ps.slice(0, 2), weightDecay: 0 }, { params: ps.slice(2) }], { lr: 0.05 }),
      'torch.optim.AdamW([dict(params=ps[:2], weight_decay=0.0), dict(params=ps[2:])], lr=0.05)',
    ],
    [
      'AdamW with AMSGrad',
      (ps) => new AdamW(ps, { lr: 0.05, amsgrad: true }),
      'torch.optim.AdamW(ps, lr=0.05, amsgrad=True)',
    ],
    ['Adam', (ps) => new Adam(ps, { lr: 0.05, weightDecay: 0.1 }), 'torch.optim.Adam(ps, lr=0.05, weight_decay=0.1)'],
    [
      'SGD',
      (ps) => new SGD(ps, { lr: 0.1, momentum: 0.9, nesterov: true }),
      'torch.optim.SGD(ps, lr=0.1, momentum=0.9, nesterov=True)',
    ],
    ['SGD without momentum', (ps) => new SGD(ps, { lr: 0.1 }), 'torch.optim.SGD(ps, lr=0.1)'],
  ];

  for (const [name, make, expression] of pythonOptimizers) {
    test(`of ${name} continue in PyTorch`, async () => {
      const expected = await replayInPython(expression, problem);
      const params = leaves(start);
      const optimizer = make(params);
      replay(optimizer, params, grads.slice(0, 2));
      const { params: continued } = await reference.run<{ params: torch.Tensor[] }>(
        `${python}
ps = [torch.nn.Parameter(p.clone()) for p in middle]
optimizer = ${expression.replace(/lr=0\.\d+\)$/, 'lr=77.0)')}
saved["state"] = {int(k): v for k, v in saved["state"].items()}
optimizer.load_state_dict(saved)
replay(optimizer, ps, grads)
out["params"] = ps`,
        { middle: params, saved: optimizer.stateDict() as unknown as Value, grads: grads.slice(2) },
      );
      assertAllClose(continued, expected, { atol: 5e-7, rtol: 5e-7 });
    });

    test(`of PyTorch's ${name} continue here`, async () => {
      const answer = await reference.run<{ middle: torch.Tensor[]; end: torch.Tensor[]; saved: Value }>(
        `${python}
ps = [torch.nn.Parameter(p.clone()) for p in start]
optimizer = ${expression}
replay(optimizer, ps, grads[:2])
import copy
out["middle"], out["saved"] = [p.detach().clone() for p in ps], copy.deepcopy(optimizer.state_dict())
replay(optimizer, ps, grads[2:])
out["end"] = ps`,
        { start, grads },
      );
      const params = leaves(answer.middle);
      const optimizer = make(params);
      for (const group of optimizer.paramGroups) group.lr = 77;
      optimizer.loadStateDict(answer.saved as unknown as torch.optim.OptimizerStateDict);
      replay(optimizer, params, grads.slice(2));
      assertAllClose(params, answer.end, { atol: 5e-7, rtol: 5e-7 });
    });
  }

  test("have PyTorch's keys, types and order", async () => {
    const answer = await reference.run<{ groups: Value[]; keys: string[]; step: torch.Tensor }>(
      `${python}
ps = [torch.nn.Parameter(p.clone()) for p in start]
optimizer = torch.optim.AdamW([dict(params=ps[:2], weight_decay=0.0), dict(params=ps[2:])], lr=0.05)
replay(optimizer, ps, grads)
saved = optimizer.state_dict()
out = {"groups": saved["param_groups"], "keys": list(saved["state"][2]), "step": saved["state"][2]["step"]}`,
      { start, grads },
    );
    const params = leaves(start);
    const optimizer = new AdamW([{ params: params.slice(0, 2), weightDecay: 0 }, { params: params.slice(2) }], {
      lr: 0.05,
    });
    replay(optimizer, params, grads);
    const saved = optimizer.stateDict();
    saved.param_groups.forEach((group, i) => {
      const theirs = answer.groups[i] as Record<string, Value>;
      for (const [key, value] of Object.entries(group)) assert.deepEqual(value, theirs[key], `group ${i}: ${key}`);
    });
    assert.deepEqual(Object.keys(saved.state['2'] ?? {}), answer.keys);
    assertClose(saved.state['2']?.step as torch.Tensor, answer.step);
  });

  for (const [name, make] of cases) {
    test(`of ${name} resume bit-exactly`, () => {
      const whole = leaves(start);
      replay(make(whole), whole, grads);
      const first = leaves(start);
      const before = make(first);
      replay(before, first, grads.slice(0, 3));
      const second = leaves(first.map((param) => param.detach()));
      const after = make(second);
      after.loadStateDict(before.stateDict());
      before.dispose();
      replay(after, second, grads.slice(3));
      assertAllClose(second, whole, {});
    });
  }

  test('take a step that is a number, and tensors of another dtype', () => {
    const [param] = leaves([torch.zeros([2])]) as [torch.Tensor];
    const optimizer = new AdamW([param]);
    optimizer.loadStateDict({
      state: { 0: { step: 7, exp_avg: torch.ones([2]).double(), exp_avg_sq: torch.ones([2]).double() } },
      param_groups: [{ lr: 0.5, params: [0] }],
    });
    assert.equal(optimizer.state.get(param)?.step, 7);
    assert.equal(optimizer.state.get(param)?.exp_avg.dtype, 'float32');
    assert.equal(optimizer.paramGroups[0]?.lr, 0.5);
    assert.deepEqual(optimizer.paramGroups[0]?.betas, [0.9, 0.999]);
  });

  test('count the steps of Lamb by group, as timm does', () => {
    const params = leaves(start);
    const optimizer = new Lamb(params);
    replay(optimizer, params, grads);
    const saved = optimizer.stateDict();
    assert.equal(saved.param_groups[0]?.step, 5);
    assert.deepEqual(Object.keys(saved.state['0'] ?? {}), ['exp_avg', 'exp_avg_sq']);
  });

  suite('that do not fit change nothing:', () => {
    const good = () => {
      const params = leaves(start.slice(0, 2));
      const optimizer = new AdamW([
        { params: params[0] as torch.Tensor },
        { params: params[1] as torch.Tensor, lr: 0.5 },
      ]);
      setGrads(
        params,
        params.map((param) => torch.ones(param.shape)),
      );
      optimizer.step();
      return optimizer;
    };
    type Dict = torch.optim.OptimizerStateDict;
    const group = (dict: Dict, i: number) => dict.param_groups[i] as Record<string, unknown>;
    const entry = (dict: Dict, i: number) => dict.state[i] as Record<string, unknown>;
    const spoilt: [name: string, spoil: (dict: Dict) => unknown, message: RegExp][] = [
      ['null', () => null, /expected an object with 'state' and 'param_groups', got null/],
      ['a list of tensors', () => [torch.zeros([1])], /expected an object with 'state' and 'param_groups'/],
      ['one group too few', (dict) => dict.param_groups.pop(), /it has 1 parameter groups, the optimizer has 2/],
      [
        'a group of another size',
        (dict) => (group(dict, 1).params = [1, 2]),
        /group 1 has 2 parameters, the optimizer's has 1/,
      ],
      ['a group without parameters', (dict) => delete group(dict, 0).params, /group 0 must be an object with 'params'/],
      ['an unfit option', (dict) => (group(dict, 0).betas = [0.9, 2]), /group 0: betas must be/],
      [
        'another shape',
        (dict) => (entry(dict, 1).exp_avg = torch.zeros([6])),
        /parameter 1: exp_avg has the shape \[6\], the parameter has \[5\]/,
      ],
      ['a missing tensor', (dict) => delete entry(dict, 1).exp_avg_sq, /parameter 1: exp_avg_sq is missing/],
      ['a number for a tensor', (dict) => (entry(dict, 0).exp_avg = 3), /parameter 0: exp_avg must be a Tensor, got 3/],
      [
        'a step of half',
        (dict) => (entry(dict, 0).step = torch.tensor(0.5)),
        /parameter 0: step must be a whole number of at least 0, got 0\.5/,
      ],
      ['no step', (dict) => delete entry(dict, 0).step, /parameter 0: step is missing/],
      [
        'amsgrad without its tensors',
        (dict) => (group(dict, 0).amsgrad = true),
        /parameter 0: max_exp_avg_sq is missing/,
      ],
      [
        'state of an unknown parameter',
        (dict) => (dict.state['9'] = {}),
        /state has an entry '9', and no group has that parameter/,
      ],
      [
        'state that is no object',
        (dict) => ((dict.state as Record<string, unknown>)['0'] = 4),
        /state of parameter 0 must be an object, got 4/,
      ],
    ];
    for (const [name, spoil, message] of spoilt) {
      test(name, () => {
        const optimizer = good();
        const saved = optimizer.stateDict();
        const replaced = spoil(saved);
        const dict =
          replaced === null || (Array.isArray(replaced) && replaced[0] instanceof torch.Tensor) ? replaced : saved;
        const options = structuredClone(optimizer.paramGroups.map(({ params: _, ...rest }) => rest));
        const tensors = [...optimizer.state.values()].map((state) => state.exp_avg);
        assert.throws(
          () => optimizer.loadStateDict(dict as Dict),
          (error: unknown) =>
            (error instanceof torch.TorchError && error.code === 'STATE_DICT' && message.test(error.message)) ||
            assert.fail(String(error)),
        );
        assert.deepEqual(
          optimizer.paramGroups.map(({ params: _, ...rest }) => rest),
          options,
        );
        assert.deepEqual(
          [...optimizer.state.values()].map((state) => state.exp_avg),
          tensors,
        );
        assert.ok(tensors.every((held) => held.isAlive));
      });
    }

    test('and all that does not fit is in one error', () => {
      const optimizer = good();
      const dict = optimizer.stateDict();
      entry(dict, 0).exp_avg = torch.zeros([1]);
      delete entry(dict, 1).exp_avg;
      assert.throws(
        () => optimizer.loadStateDict(dict),
        /AdamW: this state dict does not fit, and nothing was loaded:\n {2}- parameter 0: exp_avg has .*\n {2}- parameter 1: exp_avg is missing$/,
      );
    });
  });
});

suite('every optimizer descends the Rosenbrock function', () => {
  const rosenbrock = (xy: torch.Tensor): torch.Tensor => {
    const [x, y] = xy.unbind() as [torch.Tensor, torch.Tensor];
    return x.mul(-1).add(1).square().add(y.sub(x.square()).square().mul(100));
  };
  const descents: [name: string, make: (xy: torch.Tensor) => AnyOptimizer][] = [
    ['SGD', (xy) => new SGD([xy], { lr: 1e-3 })],
    ['SGD with momentum', (xy) => new SGD([xy], { lr: 5e-4, momentum: 0.9 })],
    ['SGD with Nesterov momentum', (xy) => new SGD([xy], { lr: 5e-4, momentum: 0.9, nesterov: true })],
    ['Adam', (xy) => new Adam([xy], { lr: 0.05 })],
    ['Adam with AMSGrad', (xy) => new Adam([xy], { lr: 0.05, amsgrad: true })],
    ['AdamW', (xy) => new AdamW([xy], { lr: 0.05 })],
    ['Lamb', (xy) => new Lamb([xy], { lr: 0.01 })], // its steps shrink with the parameter: it slows down near (0, 0), where f is 1
  ];
  for (const [name, make] of descents) {
    test(name, () => {
      const xy = torch.tensor([-1.2, 1]).requiresGrad_();
      const optimizer = make(xy);
      const value = () => torch.tidy(() => torch.noGrad(() => rosenbrock(xy).toNumber()));
      const start = value();
      for (let i = 0; i < 1000; i++) {
        torch.tidy(() => {
          optimizer.zeroGrad();
          rosenbrock(xy).backward();
          optimizer.step();
        });
      }
      assert.ok(value() < 0.05 * start, `${start} → ${value()}`);
    });
  }
});

suite('clipGradNorm_()', () => {
  const limits: [maxNorm: number, normType: number][] = [
    [0.5, 2],
    [1e6, 2],
    [0.5, 1],
    [0.5, 3],
    [0.5, Number.POSITIVE_INFINITY],
    [0, 2],
  ];
  for (const device of devices) {
    for (const [maxNorm, normType] of limits) {
      test(`with a limit of ${maxNorm} on the ${normType}-norm equals PyTorch's on ${device}`, async () => {
        const grads = problem.grads[0] as (torch.Tensor | null)[];
        const expected = await reference.run<{ norm: torch.Tensor; grads: (torch.Tensor | null)[] }>(
          `ps = [torch.nn.Parameter(p.clone()) for p in start]
for p, g in zip(ps, grads): p.grad = None if g is None else g.clone()
out["norm"] = torch.nn.utils.clip_grad_norm_(ps, max_norm, float(norm_type))
out["grads"] = [p.grad for p in ps]`,
          {
            start: problem.start,
            grads,
            max_norm: maxNorm,
            norm_type: normType === Number.POSITIVE_INFINITY ? 'inf' : normType,
          },
        );
        const params = leaves(problem.start, device);
        setGrads(params, grads);
        assertClose(totalGradNorm(params, { normType }).cpu(), expected.norm, { rtol: 1e-6 }, 'totalGradNorm');
        assertClose(clipGradNorm_(params, maxNorm, { normType }).cpu(), expected.norm, { rtol: 1e-6 }, 'norm');
        params.forEach((param, i) => {
          if (grads[i])
            assertClose(
              (param.grad as torch.Tensor).cpu(),
              expected.grads[i] as torch.Tensor,
              { rtol: 1e-6 },
              `gradient ${i}`,
            );
          else assert.equal(param.grad, null);
        });
      });
    }
  }

  test('gives 0 without gradients', () => {
    assert.equal(clipGradNorm_(leaves(problem.start), 1).item(), 0);
  });

  test('throws for a norm that is not finite, when asked to, and changes nothing', () => {
    const params = leaves([torch.zeros([2])]);
    setGrads(params, [torch.tensor([3, Number.POSITIVE_INFINITY])]);
    assert.throws(
      () => clipGradNorm_(params, 1, { errorIfNonfinite: true }),
      /clipGradNorm_\(\): the norm of the gradients is Infinity; they were not clipped/,
    );
    assert.deepEqual(params[0]?.grad?.toArray(), [3, Number.POSITIVE_INFINITY]);
  });

  test('refuses limits and orders that make no sense', () => {
    const params = leaves(problem.start);
    assert.throws(() => clipGradNorm_(params, -1), /maxNorm must be a number of at least 0, got -1/);
    assert.throws(
      () => clipGradNorm_(params, 1, { normType: 0 }),
      /normType must be a number above 0, or Infinity, got 0/,
    );
    assert.throws(() => totalGradNorm(params, { normType: Number.NaN }), /normType must be/);
    assert.throws(() => clipGradNorm_([3 as never], 1), /expected parameters, got 3/);
  });
});

suite('clipGradValue_()', () => {
  test('limits every element', () => {
    const params = leaves([torch.zeros([4])]);
    setGrads(params, [torch.tensor([-3, -0.25, 0.25, 3])]);
    clipGradValue_(params, 0.5);
    assert.deepEqual(params[0]?.grad?.toArray(), [-0.5, -0.25, 0.25, 0.5]);
  });

  test('refuses a negative limit', () => {
    assert.throws(() => clipGradValue_([], -1), /clipValue must be/);
  });
});

suite('_foreach_ kernels', () => {
  // The CPU's updates go tensor by tensor and a device's by lists: both must compute the same.
  const list = (seed: number) => {
    const generator = new torch.Generator().manualSeed(seed);
    return [[3, 4], [5], []].map((shape) => torch.rand(shape, { generator }).add(0.5));
  };
  const calls: [
    name: string,
    call: (kernels: Kernels, xs: torch.Tensor[], ys: torch.Tensor[], zs: torch.Tensor[]) => unknown,
  ][] = [
    ['scale_', (k, xs) => k.scale_(xs, 0.9)],
    ['scaleBy_', (k, xs) => k.scaleBy_(xs, torch.tensor(0.9))],
    [
      'scaleEach_',
      (k, xs, ys) =>
        k.scaleEach_(
          xs,
          ys.map((y) => y.sum()),
        ),
    ],
    ['shift_', (k, xs) => k.shift_(xs, 0.1)],
    ['add_', (k, xs, ys) => k.add_(xs, ys, -0.3)],
    ['lerp_', (k, xs, ys) => k.lerp_(xs, ys, 0.1)],
    ['addcmul_', (k, xs, ys, zs) => k.addcmul_(xs, ys, zs, 0.1)],
    ['addcdiv_', (k, xs, ys, zs) => k.addcdiv_(xs, ys, zs, -0.1)],
    ['maximum_', (k, xs, ys) => k.maximum_(xs, ys)],
    ['add', (k, xs, ys) => k.add(xs, ys, 0.3)],
    ['neg', (k, xs) => k.neg(xs)],
    ['sqrt', (k, xs) => k.sqrt(xs)],
    ['intoQuotient', (k, xs, ys) => k.intoQuotient(xs, ys)],
    ['norms', (k, xs) => k.norms(xs, 2)],
  ];
  for (const [name, call] of calls) {
    test(`${name} equals one operator per tensor`, () => {
      const results = [new SingleKernels(), foreachKernels].map((kernels) => {
        const xs = list(1);
        return { xs, made: (call(kernels, xs, list(2), list(3)) ?? []) as torch.Tensor[] };
      });
      const [single, many] = results as [(typeof results)[0], (typeof results)[0]];
      assertAllClose(many.xs, single.xs, { rtol: 2e-7 }, 'changed');
      assertAllClose(many.made, single.made, { rtol: 2e-7 }, 'made');
    });
  }
});

suite('fused operators', () => {
  const one = () => torch.ones([2]);
  const batch = (params = [one()], grads = [one()]) => ({
    device: 'cpu',
    dtype: 'float32' as const,
    params,
    grads,
    states: [null],
  });
  /** An operator that every libtorch has, in the place of a fused one. */
  const negation = (args: (params: torch.Tensor[]) => Record<string, unknown> = (self) => ({ self })) =>
    new FusedUpdate(
      'aten::_foreach_neg_',
      ({ params }: Batch<null>) => args(params),
      () => null,
    );

  test('run on the whole batch, and their trial on nothing of it', () => {
    const update = negation();
    const params = [one()];
    assert.equal(update.run(batch(params), {}), true);
    assert.deepEqual(params[0]?.toArray(), [-1, -1]);
    assert.equal(update.run(batch(params), {}), true);
    assert.deepEqual(params[0]?.toArray(), [1, 1]);
  });

  test('are skipped where the dispatcher does not have the name', () => {
    assert.equal(
      new FusedUpdate(
        'aten::_fused_nothing_',
        () => ({}),
        () => null,
      ).run(batch(), {}),
      false,
    );
  });

  test('are passed over in half precision on the CPU, where libtorch 2.6 computes wrong numbers', () => {
    const half = { ...batch([one().bfloat16()], [one().bfloat16()]), dtype: 'bfloat16' as const };
    assert.equal(negation().run(half, {}), false);
  });

  test('are passed over where their schema has other arguments', () => {
    assert.equal(negation((params) => ({ params })).run(batch(), {}), false);
  });

  test('are passed over for parameters and gradients of different layouts, and for gaps in memory', () => {
    const square = torch.ones([2, 2]);
    assert.equal(negation().run(batch([square], [torch.ones([2, 2]).t()]), {}), false);
    const gaps = () => torch.ones([2, 4]).index('...', torch.slice(0, 4, 2));
    assert.equal(negation().run(batch([gaps()], [gaps()]), {}), false);
    assert.equal(negation().run(batch([torch.ones([2, 2]).t()], [torch.ones([2, 2]).t()]), {}), true);
  });

  test('_fused_adam_ takes our arguments by its schema', {
    skip: findOperator('aten::_fused_adam_') === null && 'this libtorch has no _fused_adam_',
  }, () => {
    const states = [{ step: 1, exp_avg: one(), exp_avg_sq: one() }];
    const [group] = new Adam(one()).paramGroups;
    findOperator('aten::_fused_adam_')?.check([fusedAdamArguments({ ...batch(), states }, group as never)]);
  });
});
