/** `nn.functional` and the loss modules against PyTorch's: values and gradients of all inputs. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { assertClose, Reference, type Tolerance } from './reference/reference.js';

const { nn } = torch;
const F = nn.functional;

const reference = new Reference();
after(() => reference.stop());

type Inputs = Record<string, torch.Tensor>;

interface FunctionCase {
  /** An expression of the inputs' names. */
  python: string;
  ours: (inputs: Inputs) => torch.Tensor;
  inputs: () => Inputs;
  /** The inputs whose gradients are compared. */
  gradients?: string[];
  tolerance?: Tolerance;
}

const close: Tolerance = { rtol: 1e-5, atol: 2e-6 };
const t = (inputs: Inputs, name: string): torch.Tensor => inputs[name] as torch.Tensor;

const logits = (): torch.Tensor => torch.randn([6, 5]).mul(3);
const classes = (): Inputs => ({ x: logits(), y: torch.randint(0, 5, [6]), w: torch.rand([5]) });
const probabilities = (): Inputs => ({ x: logits(), y: torch.randn([6, 5]).softmax(-1), w: torch.rand([5]) });
const twoOfAShape = (): Inputs => ({ x: torch.randn([4, 3]).mul(2), y: torch.randn([4, 3]) });
const twoInUnit = (): Inputs => ({ x: torch.rand([4, 3]), y: torch.rand([4, 3]), w: torch.rand([3]) });

const losses: Record<string, FunctionCase> = {
  'crossEntropy of class indices': {
    python: 'F.cross_entropy(x, y)',
    ours: (i) => F.crossEntropy(t(i, 'x'), t(i, 'y')),
    inputs: classes,
  },
  'crossEntropy with weight, smoothing and ignoreIndex': {
    python: 'F.cross_entropy(x, y, weight=w, label_smoothing=0.1, ignore_index=2)',
    ours: (i) => F.crossEntropy(t(i, 'x'), t(i, 'y'), { weight: t(i, 'w'), labelSmoothing: 0.1, ignoreIndex: 2 }),
    inputs: classes,
  },
  'crossEntropy of images, unreduced': {
    python: "F.cross_entropy(x, y, reduction='none')",
    ours: (i) => F.crossEntropy(t(i, 'x'), t(i, 'y'), { reduction: 'none' }),
    inputs: () => ({ x: torch.randn([2, 5, 3, 3]), y: torch.randint(0, 5, [2, 3, 3]) }),
  },
  'crossEntropy of probabilities': {
    python: 'F.cross_entropy(x, y)',
    ours: (i) => F.crossEntropy(t(i, 'x'), t(i, 'y')),
    inputs: probabilities,
    gradients: ['x', 'y'],
  },
  'crossEntropy of probabilities with weight and smoothing, summed': {
    python: "F.cross_entropy(x, y, weight=w, label_smoothing=0.2, reduction='sum')",
    ours: (i) => F.crossEntropy(t(i, 'x'), t(i, 'y'), { weight: t(i, 'w'), labelSmoothing: 0.2, reduction: 'sum' }),
    inputs: probabilities,
  },
  CrossEntropyLoss: {
    python: 'nn.CrossEntropyLoss(weight=w, label_smoothing=0.1)(x, y)',
    ours: (i) => new nn.CrossEntropyLoss({ weight: t(i, 'w'), labelSmoothing: 0.1 }).call(t(i, 'x'), t(i, 'y')),
    inputs: classes,
  },
  nllLoss: {
    python: 'F.nll_loss(x, y, weight=w, ignore_index=1)',
    ours: (i) => F.nllLoss(t(i, 'x'), t(i, 'y'), { weight: t(i, 'w'), ignoreIndex: 1 }),
    inputs: classes,
  },
  mseLoss: {
    python: 'F.mse_loss(x, y)',
    ours: (i) => F.mseLoss(t(i, 'x'), t(i, 'y')),
    inputs: twoOfAShape,
    gradients: ['x', 'y'],
  },
  MSELoss: {
    python: "nn.MSELoss(reduction='sum')(x, y)",
    ours: (i) => new nn.MSELoss({ reduction: 'sum' }).call(t(i, 'x'), t(i, 'y')),
    inputs: twoOfAShape,
  },
  l1Loss: { python: 'F.l1_loss(x, y)', ours: (i) => F.l1Loss(t(i, 'x'), t(i, 'y')), inputs: twoOfAShape },
  smoothL1Loss: {
    python: "F.smooth_l1_loss(x, y, beta=0.7, reduction='none')",
    ours: (i) => F.smoothL1Loss(t(i, 'x'), t(i, 'y'), { beta: 0.7, reduction: 'none' }),
    inputs: twoOfAShape,
  },
  binaryCrossEntropy: {
    python: 'F.binary_cross_entropy(x, y, weight=w)',
    ours: (i) => F.binaryCrossEntropy(t(i, 'x'), t(i, 'y'), { weight: t(i, 'w') }),
    inputs: twoInUnit,
  },
  binaryCrossEntropyWithLogits: {
    python: 'F.binary_cross_entropy_with_logits(x, y, weight=w, pos_weight=w + 1)',
    ours: (i) =>
      F.binaryCrossEntropyWithLogits(t(i, 'x'), t(i, 'y'), { weight: t(i, 'w'), posWeight: t(i, 'w').add(1) }),
    inputs: twoInUnit,
  },
  BCEWithLogitsLoss: {
    python: "nn.BCEWithLogitsLoss(pos_weight=w, reduction='sum')(x, y)",
    ours: (i) => new nn.BCEWithLogitsLoss({ posWeight: t(i, 'w'), reduction: 'sum' }).call(t(i, 'x'), t(i, 'y')),
    inputs: twoInUnit,
  },
  ...Object.fromEntries(
    (['none', 'mean', 'sum', 'batchmean'] as const).map((reduction): [string, FunctionCase] => [
      `klDiv with reduction '${reduction}'`,
      {
        python: `F.kl_div(x.log_softmax(-1), y, reduction='${reduction}')`,
        ours: (i) => F.klDiv(F.logSoftmax(t(i, 'x'), -1), t(i, 'y'), { reduction }),
        inputs: probabilities,
        gradients: ['x', 'y'],
      },
    ]),
  ),
  'KLDivLoss of log-probabilities': {
    python: "nn.KLDivLoss(reduction='batchmean', log_target=True)(x.log_softmax(-1), y.log())",
    ours: (i) =>
      new nn.KLDivLoss({ reduction: 'batchmean', logTarget: true }).call(F.logSoftmax(t(i, 'x'), -1), t(i, 'y').log()),
    inputs: probabilities,
    gradients: ['x', 'y'],
  },
};

const picture = (): Inputs => ({ x: torch.randn([2, 3, 7, 10]) });

function resize(python: string, options: torch.nn.functional.InterpolateOptions): [string, FunctionCase] {
  return [
    `interpolate ${python}`,
    { python: `F.interpolate(x, ${python})`, ours: (i) => F.interpolate(t(i, 'x'), options), inputs: picture },
  ];
}

const functions: Record<string, FunctionCase> = {
  linear: {
    python: 'F.linear(x, w, b)',
    ours: (i) => F.linear(t(i, 'x'), t(i, 'w'), t(i, 'b')),
    inputs: () => ({ x: torch.randn([4, 3]), w: torch.randn([5, 3]), b: torch.randn([5]) }),
    gradients: ['x', 'w', 'b'],
  },
  conv2d: {
    python: 'F.conv2d(x, w, stride=2, padding=1)',
    ours: (i) => F.conv2d(t(i, 'x'), t(i, 'w'), null, { stride: 2, padding: 1 }),
    inputs: () => ({ ...picture(), w: torch.randn([4, 3, 3, 3]) }),
    gradients: ['x', 'w'],
  },
  layerNorm: {
    python: 'F.layer_norm(x, (10,), eps=1e-4)',
    ours: (i) => F.layerNorm(t(i, 'x'), [10], { eps: 1e-4 }),
    inputs: picture,
  },
  batchNorm: {
    python: 'F.batch_norm(x, None, None, training=True)',
    ours: (i) => F.batchNorm(t(i, 'x'), null, null, { training: true }),
    inputs: picture,
  },
  embedding: {
    python: 'F.embedding(i, w, padding_idx=1)',
    ours: (i) => F.embedding(t(i, 'i'), t(i, 'w'), { paddingIdx: 1 }),
    inputs: () => ({ i: torch.randint(0, 4, [6]), w: torch.randn([4, 3]) }),
    gradients: ['w'],
  },
  logSoftmax: { python: 'F.log_softmax(x, 1)', ours: (i) => F.logSoftmax(t(i, 'x'), 1), inputs: picture },
  'softmax in another dtype': {
    python: 'F.softmax(x, 1, dtype=torch.float64)',
    ours: (i) => F.softmax(t(i, 'x'), 1, { dtype: 'float64' }),
    inputs: picture,
  },
  cosineSimilarity: {
    python: 'F.cosine_similarity(x, y, dim=-1)',
    ours: (i) => F.cosineSimilarity(t(i, 'x'), t(i, 'y'), { dim: -1 }),
    inputs: twoOfAShape,
    gradients: ['x', 'y'],
  },
  normalize: { python: 'F.normalize(x)', ours: (i) => F.normalize(t(i, 'x')), inputs: picture },
  'normalize with p, dim and eps': {
    python: 'F.normalize(x, p=1, dim=-1, eps=9.0)',
    ours: (i) => F.normalize(t(i, 'x'), { p: 1, dim: -1, eps: 9 }),
    inputs: picture,
  },
  'pad with a constant': {
    python: 'F.pad(x, (1, 2, 0, -1), value=3.5)',
    ours: (i) => F.pad(t(i, 'x'), [1, 2, 0, -1], { value: 3.5 }),
    inputs: picture,
  },
  'pad by reflection': {
    python: "F.pad(x, (1, 2, 3, 0), mode='reflect')",
    ours: (i) => F.pad(t(i, 'x'), [1, 2, 3, 0], { mode: 'reflect' }),
    inputs: picture,
  },
  'pad by replication': {
    python: "F.pad(x, (1, 2, 3, 0), mode='replicate')",
    ours: (i) => F.pad(t(i, 'x'), [1, 2, 3, 0], { mode: 'replicate' }),
    inputs: picture,
  },
  unfold: {
    python: 'F.unfold(x, (3, 2), dilation=2, padding=1, stride=(1, 2))',
    ours: (i) => F.unfold(t(i, 'x'), [3, 2], { dilation: 2, padding: 1, stride: [1, 2] }),
    inputs: picture,
  },
  ...Object.fromEntries([
    resize('size=(4, 15)', { size: [4, 15] }),
    resize("scale_factor=1.7, mode='nearest'", { scaleFactor: 1.7 }),
    resize("size=5, mode='nearest-exact'", { size: 5, mode: 'nearest-exact' }),
    resize("size=(4, 6), mode='area'", { size: [4, 6], mode: 'area' }),
    resize("scale_factor=0.5, mode='area'", { scaleFactor: 0.5, mode: 'area' }),
    resize("size=(12, 5), mode='bilinear'", { size: [12, 5], mode: 'bilinear' }),
    resize("size=(12, 5), mode='bilinear', align_corners=True", {
      size: [12, 5],
      mode: 'bilinear',
      alignCorners: true,
    }),
    resize("size=(3, 5), mode='bilinear', antialias=True", { size: [3, 5], mode: 'bilinear', antialias: true }),
    resize("scale_factor=1.275, mode='bicubic'", { scaleFactor: 1.275, mode: 'bicubic' }),
    resize("scale_factor=(1.275, 0.63), mode='bicubic', recompute_scale_factor=True", {
      scaleFactor: [1.275, 0.63],
      mode: 'bicubic',
      recomputeScaleFactor: true,
    }),
    resize("size=(12, 5), mode='bicubic', align_corners=True", { size: [12, 5], mode: 'bicubic', alignCorners: true }),
    resize("size=(3, 5), mode='bicubic', antialias=True", { size: [3, 5], mode: 'bicubic', antialias: true }),
    resize("scale_factor=0.45, mode='bicubic', antialias=True", {
      scaleFactor: 0.45,
      mode: 'bicubic',
      antialias: true,
    }),
  ]),
};

const runFunction = (python: string): string => `
import warnings; warnings.simplefilter('ignore')
for x_ in gradients: globals()[x_].requires_grad_()
y_ = ${python}
g_ = torch.cos(torch.arange(y_.numel())).to(y_.dtype).reshape(y_.shape)
y_.backward(g_)
out = {"y": y_, "g": g_, "gradients": {n: globals()[n].grad for n in gradients}}`;

for (const [title, cases] of [
  ['losses equal PyTorch', losses],
  ['nn.functional equals PyTorch', functions],
] as const) {
  suite(title, () => {
    for (const [name, { python, ours, inputs: make, gradients = ['x'], tolerance = close }] of Object.entries(cases)) {
      test(`${name}: values and gradients`, async () => {
        torch.manualSeed(5);
        const inputs = make();
        const expected = await reference.run<{
          y: torch.Tensor;
          g: torch.Tensor;
          gradients: Record<string, torch.Tensor>;
        }>(runFunction(python), { ...inputs, gradients });
        for (const input of gradients) t(inputs, input).requiresGrad_();
        const y = ours(inputs);
        y.backward({ gradient: expected.g });
        assertClose(y, expected.y, tolerance);
        for (const input of gradients)
          assertClose(t(inputs, input).grad, expected.gradients[input], tolerance, `gradient of ${input}`);
      });
    }
  });
}

suite('nn.functional.oneHot()', () => {
  test('gives int64 zeros and ones', () => {
    assert.deepEqual(F.oneHot(torch.tensor([0n, 2n])).toArray(), [
      [1, 0, 0],
      [0, 0, 1],
    ]);
    assert.deepEqual(F.oneHot(torch.tensor([1n]), 4).shape, [1, 4]);
  });
});

suite('nn.functional.dropout()', () => {
  test('gives its input back where it does not train', () => {
    const x = torch.randn([3]);
    assert.deepEqual(F.dropout(x, { training: false }).toArray(), x.toArray());
    assert.equal(F.dropout(x, { p: 1 }).abs().sum().toNumber(), 0);
  });
});

suite('nn.functional refuses what does not fit', () => {
  const x = torch.zeros([2, 3, 4, 4]);
  const throws = (name: string, body: () => unknown, message: RegExp): void => {
    test(name, () => {
      assert.throws(body, (error: unknown) => error instanceof torch.TorchError && message.test(error.message));
    });
  };
  throws(
    'losses: shapes that would broadcast',
    () => F.mseLoss(torch.zeros([3, 1]), torch.zeros([3])),
    /mseLoss: target size \(float32\[3\]\) must be the same as input size \(float32\[3, 1\]\)/,
  );
  throws(
    'losses: an unknown reduction',
    () => F.l1Loss(x, x, { reduction: 'average' as 'mean' }),
    /the string "average" is not a valid value for reduction; expected one of none, mean, sum/,
  );
  throws(
    'crossEntropy: a class that is not there',
    () => F.crossEntropy(torch.zeros([1, 2]), torch.tensor([2n])),
    /Target 2 is out of bounds/,
  );
  throws(
    'crossEntropy: targets of another batch',
    () => F.crossEntropy(torch.zeros([3, 2]), torch.tensor([1n])),
    /Expected input batch_size \(3\) to match target batch_size \(1\)/,
  );
  throws(
    'interpolate: neither size nor scaleFactor',
    () => F.interpolate(x, {}),
    /either size or scaleFactor should be defined/,
  );
  throws('interpolate: both', () => F.interpolate(x, { size: 2, scaleFactor: 2 }), /only one of size or scaleFactor/);
  throws(
    'interpolate: alignCorners with nearest',
    () => F.interpolate(x, { size: 2, alignCorners: true }),
    /alignCorners can only be set with the modes bilinear and bicubic/,
  );
  throws(
    'interpolate: antialias with nearest',
    () => F.interpolate(x, { size: 2, antialias: true }),
    /antialias is only supported/,
  );
  throws(
    'interpolate: an unknown mode',
    () => F.interpolate(x, { size: 2, mode: 'lanczos' as 'area' }),
    /mode is one of nearest, .*got the string "lanczos"/,
  );
  throws(
    'interpolate: three dimensions',
    () => F.interpolate(torch.zeros([1, 2, 3]), { size: 2 }),
    /expected an input \[B, C, H, W\], got float32\[1, 2, 3\]/,
  );
  throws(
    'pad: a value with reflection',
    () => F.pad(x, [1, 1], { mode: 'reflect', value: 2 }),
    /Padding mode "reflect" doesn't take in value argument/,
  );
  throws(
    'pad: more reflection than image',
    () => F.pad(x, [4, 0, 0, 0], { mode: 'reflect' }),
    /Padding size should be less than the corresponding input dimension/,
  );
});
