import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { assertClose, Reference } from './reference/reference.js';

const reference = new Reference();
after(() => reference.stop());

const aten = torch.ops.aten;
const bf16 = <T>(body: () => T): T => torch.autocast('cpu', { dtype: 'bfloat16' }, body);

function makeInputs() {
  torch.manualSeed(1);
  return {
    x: torch.randn(8, 16),
    w: torch.randn(12, 16),
    b: torch.randn(12),
    y: torch.randn(16, 4),
    image: torch.randn(2, 3, 8, 8),
    kernel: torch.randn(4, 3, 3, 3),
    q: torch.randn(2, 5, 16),
    k: torch.randn(2, 16, 7),
    g: torch.randn(16),
    labels: torch.randint(4, [8]),
  };
}
type Inputs = ReturnType<typeof makeInputs>;

/** Operators of each kind: computed in bfloat16, kept in float32, of what they are given, and of the widest. */
const operators: [string, (i: Inputs) => torch.Tensor][] = [
  ['torch.mm(x, y)', ({ x, y }) => x.mm(y)],
  ['x @ y', ({ x, y }) => x.matmul(y)],
  ['torch.bmm(q, k)', ({ q, k }) => q.bmm(k)],
  ['torch.addmm(b[:4], x, y)', ({ x, y, b }) => b.index(':4').addmm(x, y)],
  ['F.linear(x, w, b)', ({ x, w, b }) => aten.linear.default(x, w, b)],
  ['F.conv2d(image, kernel, padding=1)', ({ image, kernel }) => torch.conv2d(image, kernel, { padding: 1 })],
  ['torch.softmax(x, 1)', ({ x }) => x.softmax(1)],
  ['torch.log_softmax(x @ y, 1)', ({ x, y }) => x.matmul(y).logSoftmax(1)],
  ['F.layer_norm(x, (16,), g, g)', ({ x, g }) => torch.layerNorm(x, [16], g, g)],
  ['F.layer_norm(x.bfloat16(), (16,))', ({ x }) => torch.layerNorm(x.bfloat16(), [16])],
  ['F.gelu(x @ y)', ({ x, y }) => aten.gelu.default(x.matmul(y))],
  ['x + 1', ({ x }) => x.add(1)],
  ['x.mm(y) + 1', ({ x, y }) => x.mm(y).add(1)],
  ['x.mm(y) + x[:, :4]', ({ x, y }) => x.mm(y).add(x.index(':', ':4'))],
  [
    'torch.cat([x.mm(y), x])[0] if False else torch.cat([x.mm(y), x[:, :4]])',
    ({ x, y }) => torch.cat([x.mm(y), x.index(':', ':4')]),
  ],
  ['F.cross_entropy(x @ y, labels)', ({ x, y, labels }) => aten.cross_entropy_loss.default(x.matmul(y), labels)],
  ['x.mm(y).sum()', ({ x, y }) => x.mm(y).sum()],
  ['x.mm(y).exp()', ({ x, y }) => x.mm(y).exp()],
  ['x.double() @ y.double()', ({ x, y }) => x.double().matmul(y.double())],
];

suite('autocast on the CPU', () => {
  test(`gives PyTorch's dtypes and values for ${operators.length} operators`, async () => {
    const inputs = makeInputs();
    const code = `with torch.autocast('cpu', dtype=torch.bfloat16):
  for i, e in enumerate(expressions): out[str(i)] = eval(e)`;
    const expected = await reference.run<Record<string, torch.Tensor>>(code, {
      ...inputs,
      expressions: operators.map(([e]) => e),
    });
    operators.forEach(([name, run], i) => {
      // one unit in bfloat16's last place: the sums of a product are taken in another order
      assertClose(
        bf16(() => run(inputs)),
        expected[String(i)],
        { atol: 0.02, rtol: 2 ** -7 },
        name,
      );
    });
    assert.equal(bf16(() => operators[0]![1](inputs)).dtype, 'bfloat16');
  });

  test("gives PyTorch's gradients, in the dtype of the weights", async () => {
    const code = `w_, b_ = w.clone().requires_grad_(), b.clone().requires_grad_()
with torch.autocast('cpu', dtype=torch.bfloat16): loss = F.cross_entropy(F.linear(x, w_, b_), labels)
loss.backward(); out = dict(loss=loss, w=w_.grad, b=b_.grad)`;
    const inputs = makeInputs();
    const expected = await reference.run<Record<string, torch.Tensor>>(code, inputs);
    const [w, b] = [inputs.w.clone().requiresGrad_(), inputs.b.clone().requiresGrad_()];
    const loss = bf16(() => aten.cross_entropy_loss.default(aten.linear.default(inputs.x, w, b), inputs.labels));
    loss.backward();
    assertClose(loss, expected.loss, { rtol: 2 ** -7 });
    assertClose(w.grad, expected.w, { atol: 0.02, rtol: 2 ** -6 });
    assertClose(b.grad, expected.b, { atol: 0.01, rtol: 2 ** -6 });
  });

  test('nests, is switched off by enabled: false, and ends with its function', () => {
    const { x, y } = makeInputs();
    const dtypes: string[] = [];
    const note = () => dtypes.push(x.mm(y).dtype);
    assert.equal(torch.isAutocastEnabled('cpu'), false);
    bf16(() => {
      note();
      torch.autocast('cpu', { enabled: false }, () => {
        note();
        bf16(note);
        assert.equal(torch.isAutocastEnabled('cpu'), false);
        note();
      });
      note();
    });
    note();
    assert.deepEqual(dtypes, ['bfloat16', 'float32', 'bfloat16', 'float32', 'bfloat16', 'float32']);
  });

  test('ends when its function throws, at every depth', () => {
    const { x } = makeInputs();
    assert.throws(
      () =>
        bf16(() =>
          bf16(() => {
            throw new Error('boom');
          }),
        ),
      /boom/,
    );
    assert.throws(() => bf16(() => x.mm(x)), { name: 'TorchError' });
    assert.equal(torch.isAutocastEnabled('cpu'), false);
    assert.equal(x.mm(x.t()).dtype, 'float32');
  });

  test('defaults to bfloat16, and refuses what libtorch cannot do without changing anything', () => {
    const { x, y } = makeInputs();
    assert.equal(
      torch.autocast('cpu', () => x.mm(y).dtype),
      'bfloat16',
    );
    for (const dtype of ['int32', 'float32'] as const)
      assert.throws(() => torch.autocast('cpu', { dtype }, () => 1), {
        name: 'TorchError',
        code: 'ARGUMENT',
        message: new RegExp(`^autocast: dtype must be bfloat16 or float16, got the string "${dtype}"$`),
      });
    assert.throws(() => torch.autocast('cpu', { dtype: 'half' as 'float16' }, () => 1), {
      name: 'TorchError',
      code: 'ARGUMENT',
      message: /autocast: dtype/,
    });
    assert.throws(() => torch.autocast('mps' as 'cpu', {}, () => 1), {
      name: 'TorchError',
      message: /autocast knows the devices cpu and cuda/,
    });
    assert.throws(() => torch.autocast('nowhere' as 'cpu', {}, () => 1), { name: 'TorchError', message: /nowhere/ });
    assert.equal(torch.isAutocastEnabled('cpu'), false);
    assert.equal(
      torch.autocast('cpu', {}, () => x.mm(y).dtype),
      'bfloat16',
    );
  });

  test('casts a weight once per region with the cache, and each time without', () => {
    const { x } = makeInputs();
    const w = torch.ones(16, 4, { requiresGrad: true });
    const twice = (cache: boolean) =>
      torch.autocast('cpu', { cache }, () => {
        const before = x.mm(w);
        torch.noGrad(() => w.mul_(2));
        return x.mm(w).sub(before).abs().max().toNumber();
      });
    assert.equal(twice(true), 0); // the second product used the first one's cast
    assert.ok(twice(false) > 0.1);
  });

  test('drops the casts when the outermost region ends, also when it throws', () => {
    const { x } = makeInputs();
    const w = torch.ones(16, 4, { requiresGrad: true });
    const expected = () => x.bfloat16().mm(w.detach().bfloat16());
    for (let step = 0; step < 3; step++) {
      assertClose(
        bf16(() => bf16(() => x.mm(w))),
        expected(),
      );
      torch.noGrad(() => w.add_(1));
      assertClose(
        bf16(() => x.mm(w)),
        expected(),
      );
      torch.noGrad(() => w.add_(1));
      assert.throws(() =>
        bf16(() => {
          x.mm(w);
          throw new Error('boom');
        }),
      );
      torch.noGrad(() => w.mul_(0.5));
      assertClose(
        bf16(() => x.mm(w)),
        expected(),
      );
    }
  });

  test('holds no tensors after it has ended', () => {
    const { x } = makeInputs();
    const { allocated } = torch.cpu.memoryStats();
    const products = () => bf16(() => x.mm(torch.ones(16, 200_000, { requiresGrad: true })).dtype);
    for (let i = 0; i < 3; i++) torch.tidy(products);
    assert.equal(torch.cpu.memoryStats().allocated, allocated);
  });

  test('works with noGrad inside and outside', () => {
    const { x } = makeInputs();
    const w = torch.ones(16, 4, { requiresGrad: true });
    const inside = bf16(() => {
      torch.noGrad(() => x.mm(w)); // a cast made here records nothing, and must not be what the next line uses
      return x.mm(w);
    });
    assert.equal(torch.noGrad(() => bf16(() => x.mm(w))).requiresGrad, false);
    assert.equal(inside.dtype, 'bfloat16');
  });
});
