import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { assertClose, Reference } from './reference/reference.js';

const reference = new Reference();
after(() => reference.stop());

const failure = (message: RegExp) => ({ name: 'TorchError', message });
const leaf = (...values: number[]) => torch.tensor(values, { requiresGrad: true });

suite('Tensor.backward()', () => {
  test('takes a gradient, and without one needs a single element', () => {
    const x = leaf(1, 2, 3);
    x.mul(x).backward({ gradient: torch.tensor([1, 10, 100]) });
    assert.deepEqual(x.grad?.toArray(), [2, 40, 600]);
    assert.throws(() => x.mul(x).backward(), failure(/grad can be implicitly created only for scalar outputs/));
    assert.throws(
      () => x.mul(x).backward({ gradient: torch.ones(2) }),
      failure(/got \[2\] but expected shape compatible with \[3\]/),
    );
  });

  test('adds to the gradients that are there', () => {
    const x = leaf(2);
    x.mul(3).sum().backward();
    x.mul(4).sum().backward();
    assert.deepEqual(x.grad?.toArray(), [7]);
    x.grad = null;
    assert.ok(x.grad === null);
    x.mul(5).sum().backward();
    const gradient = x.grad as torch.Tensor | null;
    assert.deepEqual(gradient?.toArray(), [5]);
    gradient?.zero_();
    assert.deepEqual(gradient?.toArray(), [0]);
  });

  test('goes through a graph once, unless retainGraph keeps it', () => {
    const x = leaf(1, 2);
    const once = x.exp().sum();
    once.backward();
    assert.throws(() => once.backward(), failure(/Trying to backward through the graph a second time/));
    const kept = x.exp().sum();
    kept.backward({ retainGraph: true });
    kept.backward();
    assert.throws(() => kept.backward(), failure(/second time/));
  });

  test('fills only the leaves in inputs', () => {
    const [x, y] = [leaf(1), leaf(2)];
    x.mul(y).backward({ inputs: [x] });
    assert.deepEqual([x.grad?.toArray(), y.grad], [[2], null]);
  });

  test('names the tensor that does not depend on a leaf', () => {
    const x = torch.ones(2);
    assert.throws(
      () => x.sum().backward(),
      failure(/float32\[\], made by aten::sum, does not depend on any tensor that requires a gradient/),
    );
    assert.throws(() => torch.noGrad(() => leaf(1).sum()).backward(), failure(/does not depend/));
    assert.throws(() => leaf(1).detach().sum().backward(), failure(/does not depend/));
  });

  test('runs from several tensors at once', () => {
    const x = leaf(1, 2);
    torch.autograd.backward([x.sum(), x.mul(2)], { gradTensors: [null, torch.tensor([1, 5])] });
    assert.deepEqual(x.grad?.toArray(), [3, 11]);
    assert.throws(
      () => torch.autograd.backward([x.sum(), x.sum()], { gradTensors: [null] }),
      failure(/got 2 tensors and 1 gradients/),
    );
    torch.autograd.backward([]);
  });

  test('survives the release of what was on the way', () => {
    const x = leaf(1, 2);
    const loss = torch.tidy(() => x.exp().mul(2).sum());
    loss.backward();
    loss.dispose();
    assert.ok(Math.abs((x.grad?.index(1).toNumber() ?? 0) - 2 * Math.E ** 2) < 1e-5);
  });

  test("has PyTorch's gradients of a small network, bit for bit", async () => {
    const code = `torch.manual_seed(3)
x, w1, b1, w2 = torch.randn(5, 4), torch.randn(6, 4, requires_grad=True), torch.zeros(6, requires_grad=True), torch.randn(3, 6, requires_grad=True)
y = torch.tensor([0, 2, 1, 1, 0])
loss = F.cross_entropy(F.linear(F.gelu(F.linear(x, w1, b1)), w2), y); loss.backward()
out = dict(loss=loss, w1=w1.grad, b1=b1.grad, w2=w2.grad)`;
    const expected = await reference.run<Record<string, torch.Tensor>>(code);
    torch.manualSeed(3);
    const [x, w1, b1, w2] = [
      torch.randn(5, 4),
      torch.randn(6, 4, { requiresGrad: true }),
      torch.zeros(6, { requiresGrad: true }),
      torch.randn(3, 6, { requiresGrad: true }),
    ];
    const aten = torch.ops.aten;
    const hidden = aten.gelu.default(aten.linear.default(x, w1, b1));
    const loss = aten.cross_entropy_loss.default(aten.linear.default(hidden, w2), torch.tensor([0n, 2n, 1n, 1n, 0n]));
    loss.backward();
    const close = { atol: 1e-6, rtol: 1e-5 }; // the BLAS kernels differ
    assertClose(loss, expected.loss, close);
    assertClose(w1.grad, expected.w1, close);
    assertClose(b1.grad, expected.b1, close);
    assertClose(w2.grad, expected.w2, close);
  });
});

suite('torch.autograd.grad()', () => {
  test('returns gradients and does not change those of the leaves', () => {
    const [x, y] = [leaf(1, 2), leaf(3, 4)];
    const [gx, gy] = torch.autograd.grad(x.mul(y).sum(), [x, y]);
    assert.deepEqual([gx?.toArray(), gy?.toArray(), x.grad], [[3, 4], [1, 2], null]);
  });

  test('weights outputs by gradOutputs', () => {
    const x = leaf(1, 2);
    const [g] = torch.autograd.grad([x.mul(2), x.mul(3)], [x], {
      gradOutputs: [torch.tensor([1, 1]), torch.tensor([0, 10])],
    });
    assert.deepEqual(g?.toArray(), [2, 32]);
  });

  test('differentiates twice and three times with createGraph', async () => {
    const { expected } = await reference.run<{
      expected: torch.Tensor[];
    }>(`x = torch.tensor([0.5, 2.0], requires_grad=True, dtype=torch.float64)
g, = torch.autograd.grad((x.sin() * x.exp()).sum(), x, create_graph=True); h, = torch.autograd.grad(g.sum(), x, create_graph=True); k, = torch.autograd.grad((h * h).sum(), x)
out = dict(expected=[g, h, k])`);
    const x = torch.tensor([0.5, 2], { requiresGrad: true, dtype: 'float64' });
    const [g] = torch.autograd.grad(x.sin().mul(x.exp()).sum(), [x], { createGraph: true }) as [torch.Tensor];
    const [h] = torch.autograd.grad(g.sum(), [x], { createGraph: true }) as [torch.Tensor];
    const [k] = torch.autograd.grad(h.mul(h).sum(), [x]) as [torch.Tensor];
    for (const [i, tensor] of [g, h, k].entries()) assertClose(tensor, expected[i], { rtol: 1e-14 });
    assert.deepEqual([h.requiresGrad, k.requiresGrad], [true, false]);
  });

  test('gives null for unused inputs with allowUnused, and throws without', () => {
    const [x, unused] = [leaf(1), leaf(2)];
    assert.throws(
      () => torch.autograd.grad(x.sum(), [x, unused]),
      failure(/of the differentiated Tensors appears to not have been used/),
    );
    const [gx, none] = torch.autograd.grad(x.sum(), [x, unused], { allowUnused: true });
    assert.deepEqual([gx?.toArray(), none], [[1], null]);
  });

  test('keeps the graph with retainGraph', () => {
    const x = leaf(2);
    const y = x.pow(3).sum();
    assert.deepEqual(torch.autograd.grad(y, [x], { retainGraph: true })[0]?.toArray(), [12]);
    assert.deepEqual(torch.autograd.grad(y, [x])[0]?.toArray(), [12]);
    assert.throws(() => torch.autograd.grad(y, [x]), failure(/second time/));
  });

  test('refuses inputs that need no gradient', () => {
    assert.throws(() => torch.autograd.grad(leaf(1).sum(), [torch.ones(1)]), failure(/does not require grad/));
  });
});

suite('requiresGrad', () => {
  test('marks leaves, and not what integers and detached tensors give', () => {
    const x = leaf(1);
    assert.deepEqual([x.requiresGrad, x.isLeaf, x.mul(2).requiresGrad, x.mul(2).isLeaf], [true, true, true, false]);
    assert.deepEqual([x.detach().requiresGrad, x.argmax().requiresGrad, x.gt(0).requiresGrad], [false, false, false]);
    x.requiresGrad = false;
    assert.equal(x.mul(2).requiresGrad, false);
  });

  test('is refused for integers, with the tensor named, and cannot be taken from a computed tensor', () => {
    const refused = {
      name: 'TorchError',
      code: 'ARGUMENT',
      message: /only floating point tensors can have gradients, this one is int64\[2\]/,
    };
    assert.throws(() => torch.zeros(2, { dtype: 'int64' }).requiresGrad_(), refused);
    assert.throws(() => torch.zeros(2, { dtype: 'int64', requiresGrad: true }), refused);
    assert.throws(() => leaf(1).mul(2).requiresGrad_(false), failure(/leaf variables/));
    assert.equal(torch.zeros(2, { dtype: 'int64' }).requiresGrad_(false).requiresGrad, false);
  });

  test('keeps in-place operators off leaves, and off what backward saved', () => {
    assert.throws(
      () => leaf(1).add_(1),
      failure(/a leaf Variable that requires grad is being used in an in-place operation.*\[self: float32\[1\]/),
    );
    assert.throws(() => leaf(1).index('0:1').zero_(), failure(/leaf Variable/));
    const x = leaf(1);
    const y = x.exp();
    y.add_(1);
    assert.throws(() => y.sum().backward(), failure(/modified by an inplace operation/));
    torch.noGrad(() => x.add_(1));
    assert.deepEqual(x.toArray(), [2]);
  });

  test('of a computed tensor is kept with retainGrad', () => {
    const x = leaf(3);
    const y = x.mul(2);
    y.retainGrad();
    y.mul(y).sum().backward();
    assert.deepEqual([y.grad?.toArray(), x.grad?.toArray()], [[12], [24]]);
  });
});

suite('Tensor.grad', () => {
  test('can be set to a tensor of the same shape, dtype and device only', () => {
    const x = leaf(1, 2);
    x.grad = torch.tensor([5, 6]);
    x.sum().backward();
    assert.deepEqual(x.grad?.toArray(), [6, 7]);
    for (const wrong of [torch.ones(3), torch.ones(2, { dtype: 'float64' }), torch.ones(2, { device: 'meta' })]) {
      assert.throws(
        () => {
          x.grad = wrong;
        },
        failure(/shape, dtype and device/),
      );
    }
    assert.throws(
      () => {
        x.grad = x;
      },
      failure(/its own gradient/),
    );
    assert.throws(
      () => {
        x.grad = 1 as unknown as torch.Tensor;
      },
      { name: 'TorchError', code: 'ARGUMENT' },
    );
    x.grad = undefined as unknown as null;
    assert.equal(x.grad, null);
  });
});

suite('noGrad(), enableGrad() and inferenceMode()', () => {
  test('nest, and each ends with its function', () => {
    const x = leaf(1);
    const seen = torch.noGrad(() => [
      torch.isGradEnabled(),
      torch.enableGrad(() => [torch.isGradEnabled(), torch.noGrad(() => x.mul(2).requiresGrad), x.mul(2).requiresGrad]),
      torch.isGradEnabled(),
    ]);
    assert.deepEqual(seen, [false, [true, false, true], false]);
    assert.equal(torch.isGradEnabled(), true);
  });

  test('end when their function throws', () => {
    const boom = () => {
      throw new Error('boom');
    };
    for (const region of [torch.noGrad, torch.enableGrad, torch.inferenceMode]) {
      assert.throws(() => region(boom), /boom/);
      assert.throws(() => torch.noGrad(() => region(boom)), /boom/);
      assert.throws(() => region(() => torch.ones(2).mm(torch.ones(3))), failure(/mm/));
      assert.equal(torch.isGradEnabled(), true);
      assert.equal(torch.ones(1).isInference(), false);
    }
  });

  test('inference mode makes tensors that never take part in autograd', () => {
    const made = torch.inferenceMode(() => leaf(1).mul(2));
    assert.deepEqual([made.requiresGrad, made.isInference()], [false, true]);
    assert.deepEqual(made.toArray(), [2]);
    assert.throws(() => leaf(3).mul(made).sum().backward(), failure(/Inference tensors cannot be saved for backward/));
    assert.throws(() => made.add_(torch.ones(1)), failure(/inference tensor outside InferenceMode/i));
    assert.equal(
      torch.inferenceMode(() => torch.enableGrad(() => leaf(1).mul(2).requiresGrad)),
      false,
    );
  });

  test('refuse asynchronous functions of every kind, and still end', async () => {
    const regions: [string, (body: () => unknown) => unknown][] = [
      ['noGrad', torch.noGrad],
      ['enableGrad', torch.enableGrad],
      ['inferenceMode', torch.inferenceMode],
      ['tidy', torch.tidy],
      ['autocast', (body) => torch.autocast('cpu', {}, body)],
    ];
    const bodies: (() => unknown)[] = [
      async () => 1,
      () => Promise.reject(new Error('never seen')),
      () => Object.fromEntries([['then', () => {}]]), // of another library
      async function* () {
        yield 1;
      },
    ];
    for (const [name, region] of regions) {
      for (const body of bodies)
        assert.throws(() => region(body), {
          name: 'TorchError',
          code: 'ARGUMENT',
          message: new RegExp(`${name}\\(\\) takes a synchronous function`),
        });
    }
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([torch.isGradEnabled(), torch.isAutocastEnabled('cpu')], [true, false]);
  });
});
