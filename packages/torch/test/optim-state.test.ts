/** State dicts of optimizers: to PyTorch and back, resumed bit by bit, and refused as a whole where they do not fit. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import {
  assertAllClose,
  cases,
  leaves,
  type Make,
  problem,
  python,
  replay,
  replayedBy,
  setGrads,
} from './helpers/optimizer-problem.js';
import { assertClose, Reference, type Value } from './reference/reference.js';

const { Adam, AdamW, Lamb, SGD } = torch.optim;

torch.setNumThreads(1); // small tensors, and test files run side by side
const reference = new Reference();
after(() => reference.stop());
const replayInPython = replayedBy(reference);

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
