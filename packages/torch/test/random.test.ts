import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { collect } from './helpers/collect.js';
import { assertClose, Reference } from './reference/reference.js';

const reference = new Reference();
after(() => reference.stop());

const { unsafe } = torch.ops;
const failure = (message: RegExp) => ({ name: 'TorchError', message });

/** Every kind of draw that libtorch makes on the CPU: in Python and here, after the same seed. */
const draws: [string, () => torch.Tensor][] = [
  ['torch.rand(33, 7)', () => torch.rand(33, 7)],
  ['torch.rand(5, dtype=torch.float64)', () => torch.rand(5, { dtype: 'float64' })],
  ['torch.rand(40, dtype=torch.bfloat16)', () => torch.rand([40], { dtype: 'bfloat16' })],
  ['torch.randn(33, 7)', () => torch.randn(33, 7)],
  ['torch.randn(3)', () => torch.randn(3)], // below 16 values another algorithm is used
  ['torch.randn(17, dtype=torch.float64)', () => torch.randn(17, { dtype: 'float64' })],
  ['torch.randint(10, (20,))', () => torch.randint(10, [20])],
  ['torch.randint(-5, 2**40, (20,))', () => torch.randint(-5, 2 ** 40, [20])],
  ['torch.randint(0, 255, (9,), dtype=torch.uint8)', () => torch.randint(0, 255, [9], { dtype: 'uint8' })],
  ['torch.randperm(100)', () => torch.randperm(100)],
  ['torch.randperm(9, dtype=torch.int32)', () => torch.randperm(9, { dtype: 'int32' })],
  ['torch.bernoulli(torch.linspace(0, 1, 50))', () => torch.bernoulli(torch.linspace(0, 1, 50))],
  ['torch.empty(30).bernoulli_(0.3)', () => torch.empty(30).bernoulli_(0.3)],
  ['torch.empty(30).normal_(2, 3)', () => torch.empty(30).normal_(2, 3)],
  ['torch.normal(torch.arange(4.), 0.1)', () => torch.normal(torch.arange(4).float(), 0.1)],
  ['torch.empty(30).uniform_(-1, 1)', () => torch.empty(30).uniform_(-1, 1)],
  ['torch.empty(30).exponential_(0.5)', () => torch.empty(30).exponential_(0.5)],
  ['torch.empty(30).cauchy_()', () => torch.empty(30).cauchy_()],
  ['torch.empty(30).log_normal_(1, 2)', () => torch.empty(30).logNormal_(1, 2)],
  ['torch.empty(30).geometric_(0.5)', () => torch.empty(30).geometric_(0.5)],
  ['torch.empty(30).random_(7)', () => torch.empty(30).random_(7)],
  ['torch.multinomial(torch.arange(1., 9), 5)', () => torch.multinomial(torch.arange(1, 9).float(), 5)],
  [
    'torch.multinomial(torch.arange(1., 9), 20, replacement=True)',
    () => torch.multinomial(torch.arange(1, 9).float(), 20, { replacement: true }),
  ],
  ['torch.poisson(torch.full((20,), 4.))', () => torch.poisson(torch.full([20], 4))],
  ['F.dropout(torch.ones(50), 0.4)', () => torch.dropout(torch.ones(50), 0.4, true)],
  ['torch.rand_like(torch.ones(4, 4).t())', () => torch.randLike(torch.ones(4, 4).t())],
  ['torch.rrelu(torch.randn(20), training=True)', () => torch.rrelu(torch.randn(20), { training: true })],
  ['torch._standard_gamma(torch.full((5,), 2.))', () => unsafe.aten._standard_gamma.default(torch.full([5], 2))],
];

suite('torch.manualSeed()', () => {
  test(`gives Python's bits for ${draws.length} kinds of draws, one after another`, async () => {
    const code = `torch.manual_seed(1234)
for i, e in enumerate(expressions): out[str(i)] = eval(e)`;
    const expected = await reference.run<Record<string, torch.Tensor>>(code, { expressions: draws.map(([e]) => e) });
    torch.manualSeed(1234);
    for (const [i, [name, draw]] of draws.entries()) assertClose(draw(), expected[String(i)], {}, name);
  });

  test("takes Python's seeds: 64 bits, negative ones too, and nothing else", async () => {
    const seeds = ['0', '1', '-1', '18446744073709551615', '-9223372036854775808', '9007199254740993'];
    const code = 'for s in seeds: torch.manual_seed(int(s)); out[s] = [str(torch.initial_seed()), torch.rand(3)]';
    const expected = await reference.run<Record<string, [string, torch.Tensor]>>(code, { seeds });
    for (const seed of seeds) {
      torch.manualSeed(BigInt(seed));
      assert.equal(String(torch.initialSeed()), expected[seed]?.[0]);
      assertClose(torch.rand(3), expected[seed]?.[1], {}, seed);
    }
    torch.manualSeed(7);
    const first = torch.rand(2).toArray();
    torch.manualSeed(7n);
    assert.deepEqual(torch.rand(2).toArray(), first);
    for (const seed of [2n ** 64n, -(2n ** 63n) - 1n, 1.5, Number.NaN, '1', null]) {
      assert.throws(() => torch.manualSeed(seed as number), {
        name: 'TorchError',
        code: 'ARGUMENT',
        message: /a seed must be an integer of at most 64 bits/,
      });
    }
  });
});

suite('torch.Generator', () => {
  test("starts with PyTorch's default seed, and has its own stream", async () => {
    const code = `g, h = torch.Generator(), torch.Generator().manual_seed(5)
torch.manual_seed(0); out = dict(seed=str(g.initial_seed()), g=torch.rand(4, generator=g), h=torch.randn(20, generator=h), p=torch.randperm(9, generator=h), i=torch.randint(1, 9, (4,), generator=h), b=torch.empty(9).bernoulli_(0.5, generator=h), m=torch.multinomial(torch.ones(9), 3, generator=h), own=torch.rand(4))`;
    const expected = await reference.run<Record<string, never>>(code);
    const [g, h] = [new torch.Generator(), new torch.Generator().manualSeed(5)];
    torch.manualSeed(0);
    assert.equal(String(g.initialSeed()), expected.seed);
    assertClose(torch.rand([4], { generator: g }), expected.g);
    assertClose(torch.randn([20], { generator: h }), expected.h);
    assertClose(torch.randperm(9, { generator: h }), expected.p);
    assertClose(torch.randint(1, 9, [4], { generator: h }), expected.i);
    assertClose(torch.empty(9).bernoulli_(0.5, { generator: h }), expected.b);
    assertClose(torch.multinomial(torch.ones(9), 3, { generator: h }), expected.m);
    assertClose(torch.rand(4), expected.own);
  });

  test('continues bit-exactly from a saved state, also in the middle of a pair of normals', () => {
    const generator = new torch.Generator().manualSeed(9);
    torch.randn([3], { generator }); // an odd number: the second of the last pair is part of the state
    const state = generator.getState();
    const expected = [torch.randn([3], { generator }), torch.rand([700], { generator })];
    const other = new torch.Generator().setState(state);
    const actual = [torch.randn([3], { generator: other }), torch.rand([700], { generator: other })];
    for (const [i, tensor] of actual.entries()) assertClose(tensor, expected[i]);
    generator.setState(state);
    assertClose(torch.randn([3], { generator }), expected[0]);
  });

  test("reads and writes Python's states, for generators and for the device", async () => {
    torch.manualSeed(77);
    torch.randn(5);
    const generator = new torch.Generator().manualSeed(78);
    const ours = { device: torch.getRngState(), own: generator.getState() };
    const code = `torch.set_rng_state(device); g = torch.Generator(); g.set_state(own)
out = dict(a=torch.randn(9), b=torch.rand(9, generator=g), device=torch.get_rng_state(), own=g.get_state(), c=torch.randn(9), d=torch.rand(9, generator=g))`;
    const expected = await reference.run<Record<string, torch.Tensor>>(code, ours);
    assertClose(torch.randn(9), expected.a);
    assertClose(torch.rand([9], { generator }), expected.b);
    assertClose(torch.getRngState(), expected.device);
    torch.manualSeed(0);
    torch.setRngState(expected.device!);
    assertClose(torch.randn(9), expected.c);
    assertClose(torch.rand([9], { generator: new torch.Generator().setState(expected.own!) }), expected.d);
  });

  test('gives its memory back when it is collected', async () => {
    const rounds = 40;
    const before = process.memoryUsage.rss();
    for (let i = 0; i < rounds; i++) {
      for (let j = 0; j < 500; j++) new torch.Generator().manualSeed(j);
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const grown = process.memoryUsage.rss() - before;
    assert.ok(grown < 40e6, `20,000 generators of 5 kB left ${Math.round(grown / 1e6)} MB behind`);
  });
});

suite('invalid generator states', () => {
  test('are refused, and leave the stream as it was', () => {
    torch.manualSeed(3);
    const expected = torch.rand(4).toArray();
    torch.manualSeed(3);
    const generator = new torch.Generator();
    const bytes = (value: number, n = 5056) => torch.full([n], value, { dtype: 'uint8' });
    const bad: [torch.Tensor, RegExp][] = [
      [bytes(0), /Invalid mt19937 state/],
      [bytes(255), /Invalid mt19937 state/],
      [bytes(1, 10), /RNG state size to be 10/],
      [bytes(0, 0), /RNG state/],
      [bytes(1, 2 * 5056).index('::2'), /must be contiguous/],
      [torch.zeros(5056), /a generator state is a uint8 tensor, got float32\[5056\]/],
      [torch.zeros(5056, { dtype: 'uint8', device: 'meta' }), /must be|RNG|meta/],
      [[1, 2] as unknown as torch.Tensor, /a generator state is a uint8 tensor, got \[1, 2\]/],
    ];
    for (const [state, message] of bad) {
      assert.throws(() => torch.setRngState(state), { name: 'TorchError', code: 'ARGUMENT', message });
      assert.throws(() => generator.setState(state), { name: 'TorchError', code: 'ARGUMENT', message });
    }
    const gone = bytes(1);
    gone.dispose();
    assert.throws(() => torch.setRngState(gone), { name: 'TorchError', code: 'DISPOSED' });
    assert.deepEqual(torch.rand(4).toArray(), expected);
  });

  test('and devices that are not there are named', () => {
    assert.throws(() => new torch.Generator('nowhere'), failure(/nowhere/));
    assert.throws(() => torch.getRngState('nowhere'), failure(/nowhere/));
    if (!torch.cuda.isAvailable())
      assert.throws(() => new torch.Generator('cuda'), { name: 'TorchError', code: 'DEVICE' });
  });
});
