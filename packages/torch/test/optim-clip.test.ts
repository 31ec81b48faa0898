/** Clipping of gradients against PyTorch's, and what it refuses. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { devices, leaves, problem, setGrads } from './helpers/optimizer-problem.js';
import { assertClose, Reference } from './reference/reference.js';

const { clipGradNorm_, clipGradValue_, totalGradNorm } = torch.optim;

torch.setNumThreads(1); // small tensors, and test files run side by side
const reference = new Reference();
after(() => reference.stop());

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
