/** Optimizers against PyTorch's own, their interface, and what they refuse. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import {
  type AnyOptimizer,
  assertAllClose,
  cases,
  devices,
  leaves,
  type Problem,
  problem,
  replay,
  replayedBy,
  setGrads,
} from './helpers/optimizer-problem.js';
import { assertClose, Reference } from './reference/reference.js';

const { Adam, AdamW, Lamb, SGD } = torch.optim;

torch.setNumThreads(1); // small tensors, and test files run side by side
const reference = new Reference();
after(() => reference.stop());
const replayInPython = replayedBy(reference);

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
