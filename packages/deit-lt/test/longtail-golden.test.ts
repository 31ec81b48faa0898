/**
 * Long-tail profiles, NumPy's and PyTorch's generators and the published samplers against the indices that the published
 * code drew (../shared/golden/longtail.json of the repository; NumPy 1.24.2, torch 1.13.1). All of it is exact.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { suite, test } from 'node:test';
import { largestClassFirst } from '../src/data/class-order.js';
import { classCounts } from '../src/data/dataset.js';
import { fileSplit } from '../src/data/file-split.js';
import { classesBySize } from '../src/data/groups.js';
import { type LongTailType, longTailCounts, longTailIndices, pickImages } from '../src/data/long-tail.js';
import { NumpyLegacyRandom } from '../src/data/numpy-legacy.js';
import { publishedDistributed, publishedRepeatedAugmentation } from '../src/data/samplers/sampler-published.js';
import { torchRandperm } from '../src/data/torch-legacy.js';
import { golden, skipGolden } from './helpers/golden-files.js';

interface CountCase {
  dataset: string;
  type: LongTailType | 'none';
  factor: number;
  counts: number[];
}
interface IndexCase {
  classes: number;
  dataset_size: number;
  mul: number;
  add: number;
  type: LongTailType;
  factor: number;
  seed: number;
  cls_num_list: number[];
  sha256_of_int64_le_indices: string;
  selected_indices?: number[];
  first_10_indices_per_class?: number[][];
}
interface NumpyCase {
  seed: number;
  randint_0_2pow32_size10: number[];
  random_sample_5: number[];
  shuffle_arange20: number[];
  permutation_20: number[];
  randint_32_scalar_x10: number[];
  randint_0_15_size12: number[];
  'beta_0.8_0.8_x5': number[];
  beta_1_1_x5: number[];
  rand_then_rand_then_beta: number[];
  standard_normal_5: number[];
}
interface SamplerCase {
  len: number;
  world: number;
  rank: number;
  epoch: number;
  shuffle: boolean;
  indices: number[];
}
interface LongTailGolden {
  per_class_counts: { cases: CountCase[] };
  selected_indices: { cases: IndexCase[] };
  numpy_legacy: { cases: NumpyCase[] };
  torch_generator: { cases: { seed: number; randperm_20: number[]; randperm_1000_sha256: string }[] };
  ra_sampler: { cases: SamplerCase[] };
  distributed_sampler: { cases: SamplerCase[] };
  class_map: { counts_before: number[]; class_map: number[]; targets: number[]; new_counts: number[] };
}

const { json } = golden<LongTailGolden>('longtail', {
  per_class_counts: { cases: [] },
  selected_indices: { cases: [] },
  numpy_legacy: { cases: [] },
  torch_generator: { cases: [] },
  ra_sampler: { cases: [] },
  distributed_sampler: { cases: [] },
  class_map: { counts_before: [], class_map: [], targets: [], new_counts: [] },
});

function sha256(ids: Int32Array): string {
  return createHash('sha256')
    .update(new Uint8Array(BigInt64Array.from(ids, BigInt).buffer))
    .digest('hex');
}

/** `times` values of `draw`. */
const repeat = (times: number, draw: () => number): number[] => Array.from({ length: times }, draw);

suite('published class counts', { skip: skipGolden }, () => {
  for (const { dataset, type, factor, counts } of json.per_class_counts.cases) {
    if (type === 'none') continue;
    test(`${dataset} ${type} ${factor}`, () => {
      assert.deepEqual([...longTailCounts(counts[0]!, counts.length, 1 / factor, type)], counts);
    });
  }
});

suite('published choice of images', { skip: skipGolden }, () => {
  for (const [i, expected] of json.selected_indices.cases.entries())
    test(`case ${i}: ${expected.classes} classes of ${expected.dataset_size} images, ${expected.type}`, () => {
      const { classes, mul, add, type, factor, seed, cls_num_list: counts } = expected;
      const labels = Int32Array.from(
        { length: expected.dataset_size },
        (_, id) => (mul * id + add + Math.floor(id / classes)) % classes,
      );
      const chosen = counts.includes(0)
        ? pickImages(labels, Int32Array.from(counts), seed)
        : longTailIndices(labels, classes, { ratio: 1 / factor, type, seed });
      assert.equal(sha256(chosen), expected.sha256_of_int64_le_indices);
      if (expected.selected_indices) assert.deepEqual([...chosen], expected.selected_indices);
      expected.first_10_indices_per_class?.forEach((first, c) => {
        const start = counts.slice(0, c).reduce((a, b) => a + b, 0);
        assert.deepEqual([...chosen.slice(start, start + first.length)], first);
      });
    });
});

suite('NumpyLegacyRandom', { skip: skipGolden }, () => {
  for (const expected of json.numpy_legacy.cases)
    test(`draws as NumPy does from seed ${expected.seed}`, () => {
      const fresh = () => new NumpyLegacyRandom(expected.seed);
      let random = fresh();
      assert.deepEqual(
        repeat(10, () => random.randint(0, 2 ** 32)),
        expected.randint_0_2pow32_size10,
      );
      random = fresh();
      assert.deepEqual(
        repeat(5, () => random.randomSample()),
        expected.random_sample_5,
      );
      random = fresh();
      assert.deepEqual(
        repeat(10, () => random.randint(0, 32)),
        expected.randint_32_scalar_x10,
      );
      random = fresh();
      assert.deepEqual(
        repeat(12, () => random.randint(0, 15)),
        expected.randint_0_15_size12,
      );
      random = fresh();
      assert.deepEqual(
        repeat(5, () => random.standardNormal()),
        expected.standard_normal_5,
      );
      assert.deepEqual([...fresh().shuffle(Int32Array.from({ length: 20 }, (_, i) => i))], expected.shuffle_arange20);
      assert.deepEqual([...fresh().permutation(20)], expected.permutation_20);
    });

  for (const expected of json.numpy_legacy.cases)
    test(`draws Beta as NumPy does from seed ${expected.seed}`, () => {
      for (const [a, values] of [[0.8, expected['beta_0.8_0.8_x5']] as const, [1, expected.beta_1_1_x5] as const]) {
        const random = new NumpyLegacyRandom(expected.seed);
        for (const value of values) assert.ok(Math.abs(random.beta(a, a) - value) <= 1e-12 * value);
      }
      const random = new NumpyLegacyRandom(expected.seed);
      const drawn = [random.randomSample(), random.randomSample(), random.beta(0.8, 0.8)];
      drawn.forEach((x, i) => {
        assert.ok(Math.abs(x - expected.rand_then_rand_then_beta[i]!) <= 1e-12);
      });
    });

  test('refuses what NumPy refuses or draws in another way', () => {
    assert.throws(() => new NumpyLegacyRandom(-1), RangeError);
    assert.throws(() => new NumpyLegacyRandom(0).beta(2, 1), RangeError);
  });
});

suite('torchRandperm()', { skip: skipGolden }, () => {
  for (const { seed, randperm_20: short, randperm_1000_sha256: long } of json.torch_generator.cases)
    test(`permutes as torch.randperm from seed ${seed}`, () => {
      assert.deepEqual([...torchRandperm(20, seed)], short);
      assert.equal(sha256(torchRandperm(1000, seed)), long);
    });
});

suite('published samplers', { skip: skipGolden }, () => {
  for (const { len, indices, ...options } of json.ra_sampler.cases)
    test(`repeated augmentation of ${len}, rank ${options.rank} of ${options.world}, epoch ${options.epoch}`, () => {
      assert.deepEqual([...publishedRepeatedAugmentation(len, options)], indices);
    });
  for (const { len, indices, ...options } of json.distributed_sampler.cases)
    test(`distributed ${len}, rank ${options.rank} of ${options.world}, epoch ${options.epoch}`, () => {
      assert.deepEqual([...publishedDistributed(len, options)], indices);
    });
});

test('classes are ranked as in the published re-ordering', { skip: skipGolden }, () => {
  const { counts_before: counts, class_map: rankOf, targets, new_counts } = json.class_map;
  classesBySize(counts).forEach((c, rank) => {
    assert.equal(rankOf[c], rank);
  });
  const classNames = counts.map((_, c) => String(c));
  const split = fileSplit(targets.map(String), targets);
  const { train, test: held, ...rest } = largestClassFirst({ name: 'x', classNames, train: split, test: split });
  const expected = targets.map((label) => rankOf[label]!);
  assert.deepEqual([[...train.labels], [...held!.labels]], [expected, expected]);
  assert.deepEqual([...classCounts(train.labels, counts.length)], new_counts);
  assert.deepEqual(
    rest.classNames.map((name) => rankOf[Number(name)]),
    [...rankOf.keys()],
  );
});
