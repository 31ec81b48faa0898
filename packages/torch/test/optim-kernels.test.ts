/** How optimizers compute an update: by lists of tensors, one by one, or by a fused operator where it fits. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { findOperator } from '../src/binding/operator.js';
import * as torch from '../src/index.js';
import { fusedAdamArguments } from '../src/optim/adam.js';
import { type Batch, FusedUpdate } from '../src/optim/batches.js';
import { foreachKernels, type Kernels, SingleKernels } from '../src/optim/kernels.js';
import { assertAllClose } from './helpers/optimizer-problem.js';

const { Adam } = torch.optim;

torch.setNumThreads(1); // small tensors, and test files run side by side

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
