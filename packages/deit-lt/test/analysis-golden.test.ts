/** The measures of `analysis` against golden vectors, and against PyTorch where there are none. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import {
  attentionDistances,
  attentionRollout,
  calibrationOf,
  cosineSimilarity,
  entropyRank,
  expertAgreement,
  momentsOf,
  patchDistances,
  rankCorrelation,
  rankOf,
  sharpnessOf,
  singularValues,
  singularValuesOf,
  stream,
  summarise,
  teacherAnswers,
} from '../src/index.js';
import { assertClose, assertNear, golden, skipGolden } from './helpers/golden-files.js';
import { fromPython, skipPython } from './helpers/python-torch.js';

interface AttentionCase {
  name: string;
  key: string;
  grid: [number, number];
  patch_size: number;
  prefix_tokens: 1 | 2;
  mean_attention_distance: { per_block_batch_head: number[][][] };
  mean_attention_distance_renormalised: { per_block_batch_head: number[][][] };
  rollout: { head_fusion: 'mean' | 'max'; rollout_cls_to_patches: number[][]; rollout_dist_to_patches?: number[][] }[];
}

interface Spectrum {
  singular_values: number[];
  'rank_0.9': number;
  'rank_0.95': number;
  'rank_0.99': number;
  entropy_effective_rank: number;
}

interface Topic {
  attention: { cases: AttentionCase[] };
  cls_dist_cosine: { per_sample: number[]; mean: number };
  feature_rank: { cases: { name: string; key: string; centred: Spectrum; uncentred: Spectrum }[] };
}

const { json, tensor } = golden<Topic>('analysis', {
  attention: { cases: [] },
  cls_dist_cosine: { per_sample: [], mean: 0 },
  feature_rank: { cases: [] },
});
const tolerance = { atol: 1e-9 };

const float64 = (values: number[][] | number[][][]): torch.Tensor => torch.tensor(values, { dtype: 'float64' });

suite('golden analysis: attention', { skip: skipGolden }, () => {
  for (const each of json.attention.cases) {
    const geometry = { grid: each.grid, patchSize: each.patch_size, prefixTokens: each.prefix_tokens };

    test(`${each.name}: distances`, () =>
      torch.tidy(() => {
        const blocks = tensor(each.key).double().unbind(0);
        const distances = blocks.map((block) => attentionDistances(block, geometry));
        const stacked = (of: 'raw' | 'renormalised'): torch.Tensor => torch.stack(distances.map((d) => d[of]));
        const { mean_attention_distance: raw, mean_attention_distance_renormalised: whole } = each;
        assertNear(stacked('raw'), float64(raw.per_block_batch_head), tolerance, 'raw');
        assertNear(stacked('renormalised'), float64(whole.per_block_batch_head), tolerance, 'renormalised');
      }));

    for (const { head_fusion: fusion, rollout_cls_to_patches: cls, rollout_dist_to_patches: dist } of each.rollout)
      test(`${each.name}: rollout, ${fusion} of the heads`, () =>
        torch.tidy(() => {
          const blocks = tensor(each.key).double().unbind(0);
          const rollout = attentionRollout(blocks, { fusion });
          const row = (index: number): torch.Tensor =>
            rollout.select(1, index).narrow(1, each.prefix_tokens, each.grid[0] * each.grid[1]);
          assertNear(row(0), float64(cls), tolerance, 'CLS');
          if (dist !== undefined) assertNear(row(1), float64(dist), tolerance, 'DIST');
          assertNear(rollout.sum(-1), torch.onesLike(rollout.sum(-1)), { atol: 1e-12 }, 'row sums');
          const whole = tensor(`${each.name}.rollout_${fusion}`).double();
          assertNear(rollout, whole, { atol: 1e-7 }, 'the whole matrix, kept in single precision');
        }));
  }
});

suite('golden analysis: features', { skip: skipGolden }, () => {
  test('cosine of CLS and DIST', () =>
    torch.tidy(() => {
      const cosine = cosineSimilarity(tensor('cls_features').double(), tensor('dist_features').double());
      assertNear(cosine, torch.tensor(json.cls_dist_cosine.per_sample, { dtype: 'float64' }), tolerance, 'cosine');
      assertClose(cosine.mean().toNumber(), json.cls_dist_cosine.mean, tolerance, 'mean');
    }));

  for (const { name, key, ...spectra } of json.feature_rank.cases)
    for (const kind of ['centred', 'uncentred'] as const) {
      const expected = spectra[kind];
      const ranks = [0.9, 0.95, 0.99].map((t) => expected[`rank_${t}` as 'rank_0.9']);

      test(`rank of ${name}, ${kind}`, () => {
        const values = singularValues(tensor(key), { centred: kind === 'centred' });
        values.forEach((s, i) => {
          assertClose(s, expected.singular_values[i]!, tolerance, `σ${i}`);
        });
        assert.deepEqual(
          [0.9, 0.95, 0.99].map((threshold) => rankOf(values, threshold)),
          ranks,
        );
        assertClose(entropyRank(values), expected.entropy_effective_rank, tolerance, 'entropy rank');
      });

      test(`rank of ${name}, ${kind}, from batches`, () =>
        torch.tidy(() => {
          const parts = tensor(key).split(7).map(momentsOf);
          const all = parts.reduce((a, b) => ({
            count: a.count + b.count,
            sum: a.sum.add(b.sum),
            products: a.products.add(b.products),
          }));
          const values = singularValuesOf(all, { centred: kind === 'centred' });
          assert.deepEqual(
            [0.9, 0.95, 0.99].map((threshold) => rankOf(values, threshold)),
            ranks,
          );
          assertClose(entropyRank(values), expected.entropy_effective_rank, { rtol: 1e-6 }, 'entropy rank');
        }));
    }
});

suite('attentionDistances()', () => {
  test('of a token that attends only to itself is 0, to its neighbour one patch', () =>
    torch.tidy(() => {
      const geometry = { grid: [1, 2] as const, patchSize: 4, prefixTokens: 1 as const };
      const weights = torch.tensor([
        [1, 0, 0],
        [0, 1, 0],
        [0.5, 0.5, 0],
      ]);
      const { raw, renormalised } = attentionDistances(weights.view(1, 1, 3, 3), geometry);
      assert.equal(raw.toNumber(), 1); // (0 + 0.5 · 4) / 2
      assert.equal(renormalised.toNumber(), 2); // (0 + 4) / 2
      assert.deepEqual(patchDistances(geometry).toArray(), [
        [0, 4],
        [4, 0],
      ]);
    }));

  test('refuses another number of tokens', () => {
    assert.throws(
      () => attentionDistances(torch.zeros([1, 1, 5, 5]), { grid: [2, 2], patchSize: 4, prefixTokens: 2 }),
      /expected attention between 2 \+ 4 tokens, got \[1, 1, 5, 5\]/,
    );
    assert.throws(() => attentionRollout([]), /at least one block/);
  });
});

suite('calibrationOf()', () => {
  test('is 0 for a model whose accuracy equals its confidence', () => {
    const { ece, overconfidence } = calibrationOf({ confidence: [0.75, 0.75, 0.75, 0.75], correct: [1, 1, 1, 0] });
    assert.deepEqual([ece, overconfidence], [0, 0]);
  });

  test('weighs the bins by their images, and keeps 1 and 0 in the outer ones', () => {
    const { ece, overconfidence, bins } = calibrationOf(
      { confidence: [1, 1, 0.6, 0], correct: [1, 0, 1, 0] },
      { bins: 2 },
    );
    assertClose(ece!, (Math.abs(2.6 - 2) + 0) / 4, { atol: 1e-12 }, 'ece');
    assertClose(overconfidence!, 0.6 / 4, { atol: 1e-12 }, 'overconfidence');
    assert.deepEqual(
      bins.map(({ images }) => images),
      [1, 3],
    );
  });

  test('of nothing is null', () => assert.equal(calibrationOf({ confidence: [], correct: [] }).ece, null));
});

suite('expertAgreement()', () => {
  test('counts the images that only one expert classifies correctly', () => {
    const answers = { labels: [0, 0, 1, 1, 2], cls: [0, 1, 1, 0, 0], dist: [0, 0, 2, 0, 1] };
    const all = { images: 5, agree: 2, bothRight: 1, clsAlone: 1, distAlone: 1, bothWrong: 2 };
    assert.deepEqual(expertAgreement(answers), all);
    assert.equal(expertAgreement(answers, (i) => answers.labels[i] === 1).clsAlone, 1);
  });
});

suite('rankCorrelation()', () => {
  test('is 1 for what rises together, whatever the curve, and leaves nulls out', () => {
    assert.equal(rankCorrelation([1, 10, 100, 5], [0.1, 0.2, 0.9, null]), 1);
    assert.equal(rankCorrelation([1, 2, 3], [3, 2, 1]), -1);
    assert.equal(rankCorrelation([1, 2], [5, 5]), null);
  });

  test('shares ranks among equals', () => {
    // Ranks 0.5 0.5 2 3 and 0 1 2 3: 4.5 / √(4.5 · 5).
    assertClose(rankCorrelation([1, 1, 2, 3], [1, 2, 3, 4])!, 4.5 / Math.sqrt(22.5), { atol: 1e-12 }, 'ties');
  });
});

suite('teacherAnswers()', () => {
  test('of equal logits are as unsure as can be', () => {
    const answers = teacherAnswers(
      torch.tensor([
        [0, 0, 0, 0],
        [0, 100, 0, 0],
      ]),
    );
    assertClose(answers.entropy[0]!, Math.log(4), { atol: 1e-6 }, 'entropy');
    assertClose(answers.entropy[1]!, 0, { atol: 1e-6 }, 'entropy');
    const summary = summarise(answers, { labels: [0, 2], clean: [1, 1] });
    assert.deepEqual(
      { ...summary, entropy: 0 },
      { images: 2, entropy: 0, confidence: 0.625, right: 0.5, asWhenClean: 0.5 },
    );
    assert.equal(
      summarise(answers, { labels: [0, 2], clean: [1, 1] }, () => false),
      null,
    );
  });
});

suite('sharpnessOf()', () => {
  test('of a quadratic is its largest curvature, and its weights are put back', () =>
    torch.tidy(() => {
      const weights = torch.tensor([1, 1, 1]);
      const curvature = torch.tensor([1, 4, 9]);
      const loss = (): torch.Tensor => weights.square().mul(curvature).sum().div(2);
      const {
        loss: value,
        largestEigenvalue,
        samGap,
      } = sharpnessOf(loss, [weights], {
        rho: 0.1,
        iterations: 40,
        random: stream(0, 'draw'),
      });
      assert.equal(value, 7);
      assertClose(largestEigenvalue, 9, { atol: 1e-3 }, 'eigenvalue');
      const step = [1, 4, 9].map((g) => (0.1 * g) / Math.hypot(1, 4, 9));
      const there = [1, 4, 9].reduce((sum, c, i) => sum + (c * (1 + step[i]!) ** 2) / 2, 0);
      assertClose(samGap, there - 7, { atol: 1e-5 }, 'gap');
      assert.deepEqual(weights.toArray(), [1, 1, 1]);
      assert.equal(weights.requiresGrad, false);
    }));

  test("of a network is PyTorch's", { skip: skipPython }, () =>
    torch.tidy(() => {
      const random = stream(3, 'draw');
      const draw = (...shape: number[]): torch.Tensor =>
        torch.tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal())).view(shape);
      const [xs, w1, w2] = [draw(8, 5), draw(5, 4), draw(4, 3)];
      const labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1], { dtype: 'int64' });
      const loss = (): torch.Tensor => torch.nn.functional.crossEntropy(xs.matmul(w1).tanh().matmul(w2), labels);
      const ours = sharpnessOf(loss, [w1, w2], { iterations: 100, random });
      const [value, gap, eigenvalue] = fromPython<[number, number, number]>(
        `
xs, w1, w2 = (torch.tensor(v, dtype=torch.float64) for v in given['tensors'])
y = torch.tensor(given['labels'])
flat = torch.cat([w1.flatten(), w2.flatten()])
def loss(w):
    return torch.nn.functional.cross_entropy(torch.tanh(xs @ w[:20].view(5, 4)) @ w[20:].view(4, 3), y)
w = flat.clone().requires_grad_()
g, = torch.autograd.grad(loss(w), w)
h = torch.autograd.functional.hessian(loss, flat)
top = torch.linalg.eigvalsh(h)
out = [loss(flat).item(), (loss(flat + 0.05 * g / g.norm()) - loss(flat)).item(), max(top.tolist(), key=abs)]
`,
        { tensors: [xs, w1, w2].map((x) => x.toArray()), labels: labels.int().toArray() },
      );
      assertClose(ours.loss, value, { rtol: 1e-5 }, 'loss');
      assertClose(ours.samGap, gap, { rtol: 1e-3 }, 'gap');
      assertClose(ours.largestEigenvalue, eigenvalue, { rtol: 1e-3 }, 'eigenvalue');
    }),
  );
});
