/** `nn.functional.scaledDotProductAttention`: values and gradients against plain PyTorch. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { findOperator } from '../src/binding/operator.js';
import * as torch from '../src/index.js';
import { attentionKernel, composedAttention } from '../src/nn/functional/attention.js';
import { assertClose, Reference, type Tolerance } from './reference/reference.js';

const { nn } = torch;
const reference = new Reference();
after(() => reference.stop());

const definition = `
import math
def attention(q, k, v, mask=None, causal=False, scale=None):
    scale = 1 / math.sqrt(q.size(-1)) if scale is None else scale
    scores = (q @ k.transpose(-2, -1)) * scale
    if causal: mask = torch.ones(q.size(-2), k.size(-2), dtype=torch.bool).tril()
    if mask is not None: scores = scores.masked_fill(~mask, float('-inf')) if mask.dtype == torch.bool else scores + mask
    return scores.softmax(-1) @ v
`;

interface AttentionCase {
  q: number[];
  k: number[];
  v?: number[];
  mask?: () => torch.Tensor;
  causal?: boolean;
  scale?: number;
}

const cases: Record<string, AttentionCase> = {
  'heads of a transformer': { q: [2, 3, 6, 8], k: [2, 3, 6, 8] },
  'three dimensions': { q: [4, 5, 8], k: [4, 7, 8], v: [4, 7, 6] },
  'two dimensions': { q: [5, 8], k: [7, 8] },
  'queries and keys of other lengths': { q: [2, 3, 4, 8], k: [2, 3, 9, 8], v: [2, 3, 9, 5] },
  'a scale of its own': { q: [2, 3, 6, 8], k: [2, 3, 6, 8], scale: 0.7 },
  'a causal mask': { q: [2, 3, 6, 8], k: [2, 3, 6, 8], causal: true },
  'a bool mask': { q: [2, 3, 6, 8], k: [2, 3, 5, 8], mask: () => torch.ones([6, 5], { dtype: 'bool' }).tril(1) },
  'a float mask by head': { q: [2, 3, 6, 8], k: [2, 3, 5, 8], mask: () => torch.randn([3, 6, 5]) },
  'keys and values shared by the batch': { q: [4, 3, 6, 8], k: [1, 3, 5, 8] },
  'more keys than the composition takes': { q: [2, 2, 5, 8], k: [2, 2, 129, 8] },
};

suite('nn.functional.scaledDotProductAttention() equals PyTorch', () => {
  for (const [
    name,
    { q: qShape, k: kShape, v: vShape = kShape, mask = () => null, causal = false, scale },
  ] of Object.entries(cases)) {
    test(`${name}: values and gradients`, async () => {
      torch.manualSeed(2);
      const [q, k, v] = [torch.randn(qShape), torch.randn(kShape), torch.randn(vShape)];
      const attnMask = mask();
      const code = `${definition}
for t in (q, k, v): t.requires_grad_()
y = attention(q, k, v, mask, causal, scale)
y.backward(torch.cos(torch.arange(y.numel(), dtype=torch.float32)).reshape(y.shape))
out = {"y": y, "grads": [q.grad, k.grad, v.grad]}`;
      const expected = await reference.run<{ y: torch.Tensor; grads: torch.Tensor[] }>(code, {
        q,
        k,
        v,
        mask: attnMask,
        causal,
        scale: scale ?? null,
      });
      const tolerance: Tolerance = { rtol: 1e-5, atol: 2e-6 };
      for (const attend of [nn.functional.scaledDotProductAttention, composedAttention]) {
        const inputs = [q, k, v].map((x) => x.clone().requiresGrad_()) as [torch.Tensor, torch.Tensor, torch.Tensor];
        const y = attend(...inputs, { attnMask, isCausal: causal, scale });
        y.backward({ gradient: torch.arange(y.numel()).to('float32').cos().reshape(y.shape) });
        assertClose(y, expected.y, tolerance, 'output');
        for (const [i, x] of inputs.entries())
          assertClose(x.grad, expected.grads[i], tolerance, `gradient of ${'qkv'[i]}`);
      }
    });
  }

  test('views of one qkv product, as a vision transformer has them', async () => {
    torch.manualSeed(8);
    const qkv = torch.randn([2, 5, 3 * 3 * 4]);
    const code = `${definition}
qkv.requires_grad_()
q, k, v = qkv.view(2, 5, 3, 3, 4).permute(2, 0, 3, 1, 4).unbind(0)
y = attention(q, k, v).transpose(1, 2).reshape(2, 5, 12)
(y ** 2).sum().backward()
out = {"y": y, "grad": qkv.grad}`;
    const expected = await reference.run(code, { qkv });
    qkv.requiresGrad_();
    const [q, k, v] = qkv.view(2, 5, 3, 3, 4).permute(2, 0, 3, 1, 4).unbind(0) as [
      torch.Tensor,
      torch.Tensor,
      torch.Tensor,
    ];
    const y = nn.functional.scaledDotProductAttention(q, k, v).transpose(1, 2).reshape(2, 5, 12);
    y.pow(2).sum().backward();
    assertClose(y, expected.y, { rtol: 1e-5, atol: 2e-6 });
    assertClose(qkv.grad, expected.grad, { rtol: 1e-5, atol: 5e-6 });
  });

  test('an attention block under bfloat16 autocast', async () => {
    class Attention extends nn.Module {
      readonly qkv = new nn.Linear(32, 96);
      readonly proj = new nn.Linear(32, 32);
      forward(x: torch.Tensor): torch.Tensor {
        const [b, n] = x.shape as [number, number];
        const [q, k, v] = this.qkv.call(x).reshape(b, n, 3, 4, 8).permute(2, 0, 3, 1, 4).unbind(0) as [
          torch.Tensor,
          torch.Tensor,
          torch.Tensor,
        ];
        return this.proj.call(nn.functional.scaledDotProductAttention(q, k, v).transpose(1, 2).reshape(b, n, 32));
      }
    }
    torch.manualSeed(6);
    const block = new Attention();
    const x = torch.randn([3, 10, 32]);
    const code = `${definition}
w = {n: p.requires_grad_() for n, p in state.items()}
with torch.autocast("cpu", dtype=torch.bfloat16):
    q, k, v = F.linear(x, w["qkv.weight"], w["qkv.bias"]).reshape(3, 10, 3, 4, 8).permute(2, 0, 3, 1, 4).unbind(0)
    y = F.linear(attention(q, k, v).transpose(1, 2).reshape(3, 10, 32), w["proj.weight"], w["proj.bias"])
y.float().sum().backward()
out = {"y": y, "grad": w["qkv.weight"].grad}`;
    const expected = await reference.run(code, { x, state: Object.fromEntries(block.stateDict()) });
    const y = torch.autocast('cpu', { dtype: 'bfloat16' }, () => block.call(x));
    y.float().sum().backward();
    assertClose(y, expected.y, { rtol: 3e-2, atol: 1e-2 });
    assertClose(block.qkv.weight.grad, expected.grad, { rtol: 5e-2, atol: 5e-2 });
  });

  for (const [keys, path] of [
    [66, 'composed'],
    [1025, 'left to libtorch'],
  ] as const)
    test(`${keys} keys in bfloat16, ${path}: within its rounding of float64`, () => {
      torch.manualSeed(12);
      const inputs = [torch.randn([2, 2, 9, 16]), torch.randn([2, 2, keys, 16]), torch.randn([2, 2, keys, 16])];
      const gradient = torch.randn([2, 2, 9, 16]).to('bfloat16');
      const run = (dtype: torch.DType): torch.Tensor[] => {
        const leaves = inputs.map((x) => x.to('bfloat16').to(dtype).requiresGrad_());
        const y = nn.functional.scaledDotProductAttention(...(leaves as [torch.Tensor, torch.Tensor, torch.Tensor]));
        y.backward({ gradient: gradient.to(dtype) });
        return [y.detach(), ...leaves.map((leaf) => leaf.grad as torch.Tensor)];
      };
      const expected = run('float64');
      for (const [i, actual] of run('bfloat16').entries())
        assertClose(actual.to('float64'), expected[i], { rtol: 2e-2, atol: 1e-2 }, ['y', 'dq', 'dk', 'dv'][i]);
    });

  test('dropout draws the mask that dropout of the weights draws', () => {
    const [q, k, v] = [torch.randn([2, 4, 8]), torch.randn([2, 4, 8]), torch.randn([2, 4, 8])];
    torch.manualSeed(1);
    const actual = composedAttention(q, k, v, { dropoutP: 0.5 });
    torch.manualSeed(1);
    const weights = q.div(Math.sqrt(8)).matmul(k.transpose(-2, -1)).softmax(-1);
    assertClose(actual, nn.functional.dropout(weights, { p: 0.5 }).matmul(v), { rtol: 1e-5, atol: 1e-6 });
  });
});

suite('nn.functional.scaledDotProductAttention()', () => {
  test('uses the fused operator where libtorch has it and the composition is not faster', () => {
    const has = findOperator('aten::scaled_dot_product_attention') !== null;
    const pathOf = (keys: number, dtype: torch.DType, isCausal = false): string => {
      const q = torch.randn([1, 1, keys, 4], { dtype: 'float32' }).to(dtype).requiresGrad_();
      const { origin } = nn.functional.scaledDotProductAttention(q, q, q, { isCausal });
      return /scaled_dot_product_attention/.test(origin) ? 'fused' : origin === 'aten::view' ? 'composed' : origin;
    };
    const actual = [
      pathOf(128, 'float32'),
      pathOf(1024, 'bfloat16'),
      pathOf(129, 'float32'),
      pathOf(1025, 'bfloat16'),
      pathOf(3, 'float64'),
      pathOf(3, 'bfloat16', true),
    ];
    const fused = has ? 'fused' : 'composed';
    assert.deepEqual(actual, ['composed', 'composed', fused, fused, fused, fused]);
  });

  test('refuses shapes that do not fit, with all three of them', () => {
    const q = torch.zeros([2, 3, 4]);
    assert.throws(
      () => nn.functional.scaledDotProductAttention(q, torch.zeros([2, 3, 5]), q),
      /expected query \[…, L, E\].*query: float32\[2, 3, 4\], key: float32\[2, 3, 5\]/,
    );
    assert.throws(
      () => nn.functional.scaledDotProductAttention(q, q, torch.zeros([2, 4, 4])),
      /value: float32\[2, 4, 4\]/,
    );
  });

  test('refuses a mask beside isCausal', () => {
    const q = torch.zeros([2, 3, 4]);
    assert.throws(
      () => nn.functional.scaledDotProductAttention(q, q, q, { isCausal: true, attnMask: torch.zeros([3, 3]) }),
      /Explicit attnMask should not be set when isCausal=true/,
    );
  });
});

suite('attentionKernel()', () => {
  const isFused = findOperator('aten::scaled_dot_product_attention') !== null;

  test('names the choice of libtorch, where the fused operator is taken', () => {
    assert.equal(attentionKernel('cpu', 'float32', { keys: 64 }), 'composed');
    assert.equal(attentionKernel('cpu', 'float32', { keys: 2000 }), isFused ? 'flash' : 'composed');
    assert.equal(attentionKernel('cpu', 'float64', { keys: 64 }), isFused ? 'flash' : 'composed');
  });

  test('needs the device', { skip: torch.cuda.isAvailable() && 'there is a card' }, () => {
    if (isFused) assert.throws(() => attentionKernel('cuda', 'float32'), { name: 'TorchError' });
  });
});
