import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { z } from 'zod';
import { stream } from '../../random/stream.js';
import { classCounts } from '../dataset.js';
import { longTailCounts } from '../long-tail.js';
import { createSampler, registerSampler, samplerRegistry } from './registry.js';
import type { EpochOrder, SamplerPlace } from './sampler.js';

const counts = longTailCounts(400, 4, 27, 'exp'); // 400, 133, 44, 14
const labels = Int32Array.from([...counts].flatMap((count, c) => new Array<number>(count).fill(c)));
const order = (name: string, place?: SamplerPlace, options: object = {}) =>
  createSampler(name, { ...options })(labels, 4, place);
const samplerNames = samplerRegistry.names();

for (const name of samplerNames)
  suite(`sampler "${name}"`, () => {
    test('gives ids of the data, the same for the same seed and epoch', () => {
      const ids = order(name, { seed: 1, epoch: 2 });
      assert.ok(ids.length > 0 && ids.every((id) => id >= 0 && id < labels.length));
      assert.deepEqual(order(name, { seed: 1, epoch: 2 }), ids);
    });

    test('gives each process as many ids', () => {
      const shares = [0, 1, 2].map((rank) => order(name, { rank, world: 3 }).length);
      assert.equal(new Set(shares).size, 1);
      assert.ok(3 * shares[0]! <= labels.length + 2);
    });

    if (name !== 'sequential')
      test('differs from epoch to epoch', () => {
        assert.notDeepEqual(order(name, { epoch: 1 }), order(name, { epoch: 0 }));
      });
  });

for (const name of ['shuffle', 'published-shuffle', 'sequential'])
  test(`"${name}" visits every image once, also over several processes`, () => {
    const all = [0, 1].flatMap((rank) => [...order(name, { rank, world: 2 })]).sort((a, b) => a - b);
    const unique = [...new Set(all)];
    assert.deepEqual(
      unique,
      Array.from(labels, (_, i) => i),
    );
    assert.ok(all.length - unique.length < 2, 'only padding comes twice');
  });

suite('repeated augmentation', () => {
  const repeated = (length: number, place?: SamplerPlace, options: Record<string, unknown> = {}) =>
    createSampler('repeated-augmentation', options)(new Int32Array(length), 1, place);

  test('gives each image three times in a row, as many ids as images', () => {
    const ids = repeated(300);
    assert.equal(ids.length, 300);
    for (let i = 0; i < 300; i += 3) assert.deepEqual([...ids.slice(i, i + 3)], new Array(3).fill(ids[i]));
    assert.equal(new Set(ids).size, 100);
  });

  test('gives the copies to different processes', () => {
    const [first, second, third] = [0, 1, 2].map((rank) => repeated(300, { rank, world: 3 }));
    assert.deepEqual(first, second);
    assert.deepEqual(first, third);
    assert.equal(new Set(first).size, 100);
  });

  test('works for fewer images than the published rule allows', () => {
    assert.equal(repeated(10).length, 10);
    assert.equal(repeated(10, {}, { repeats: 1 }).length, 10);
  });
});

suite('class-balanced sampling', () => {
  const drawn = (power: number) => {
    const ids = order('class-balanced', {}, { power });
    return classCounts(
      ids.map((id) => labels[id]!),
      4,
    );
  };

  test('draws all classes equally often', () => {
    for (const count of drawn(0)) assert.ok(Math.abs(count - labels.length / 4) < 50, `${count} of ${labels.length}`);
  });

  test('draws rare classes more often for a positive power, as the data for −1', () => {
    const [most, , , rarest] = drawn(1);
    assert.ok(rarest! > 8 * most!);
    drawn(-1).forEach((count, c) => {
      assert.ok(Math.abs(count - counts[c]!) < 50);
    });
  });

  test('sees all images of a class before one twice', () => {
    const ids = order('class-balanced').filter((id) => labels[id] === 2);
    assert.equal(new Set(ids.slice(0, 44)).size, 44);
  });

  test('leaves out classes without images', () => {
    assert.deepEqual([...createSampler('class-balanced')(Int32Array.of(2, 2), 4)].sort(), [0, 1]);
  });
});

suite('sampling by square root and by effective number', () => {
  /** Shares of the classes that `weight` of their counts gives, against those that were drawn in ten epochs. */
  const check = (name: string, options: object, weight: (n: number) => number): void => {
    const drawn = [0, 0, 0, 0];
    for (let epoch = 0; epoch < 10; epoch++) for (const id of order(name, { epoch }, options)) drawn[labels[id]!]!++;
    const sum = counts.reduce((total, n) => total + weight(n), 0);
    const total = 10 * labels.length;
    const chi2 = drawn.reduce((at, n, c) => {
      const expected = (total * weight(counts[c]!)) / sum;
      return at + (n - expected) ** 2 / expected;
    }, 0);
    assert.ok(chi2 < 16.27, `chi² ${chi2} of ${drawn}`); // 99.9 % of the law with 3 degrees of freedom
  };

  test('draw classes ∝ √n', () => check('square-root', {}, Math.sqrt));

  test('draw classes ∝ n/E(n) of the effective number E', () => {
    for (const beta of [0.9, 0.99, 0.9999])
      check('effective-number', { beta }, (n) => (n * (1 - beta)) / (1 - beta ** n));
  });

  test('of beta 0 are as the data, and of power −0.5 the square root', () => {
    check('effective-number', { beta: 0 }, (n) => n);
    assert.deepEqual(order('class-balanced', {}, { power: -0.5 }), order('square-root'));
  });

  test('deal an epoch out to processes without overlap of places', () => {
    const whole = order('effective-number');
    const parts = [0, 1].map((rank) => order('effective-number', { rank, world: 2 }));
    parts.forEach((part, rank) => {
      part.forEach((id, i) => {
        assert.equal(id, whole[(rank + 2 * i) % whole.length]);
      });
    });
  });
});

suite('createSampler()', () => {
  test('names the nearest for an unknown sampler or option, and the limit of a value', () => {
    assert.throws(() => createSampler('class-balance'), { code: 'RECIPE', message: /did you mean "class-balanced"/ });
    assert.throws(() => createSampler('class-balanced', { powr: 1 }), {
      code: 'RECIPE',
      message: /did you mean "power"/,
    });
    assert.throws(() => createSampler('effective-number', { beta: 1 }), { code: 'RECIPE', message: /beta: .*<1/ });
  });
});

suite('registerSampler()', () => {
  const register = (name: string, order: EpochOrder): void =>
    registerSampler({ name, options: z.object({}), create: () => order });

  test('deals the order of an entry out to processes, and gives it the stream of the epoch', () => {
    register('test-reversed', (labels, _, { random, epoch }) => {
      assert.equal(random.uint32(), stream(4, 'shuffle', epoch).uint32());
      return labels.map((_, i) => labels.length - 1 - i);
    });
    const ids = (place: SamplerPlace) => [
      ...createSampler('test-reversed')(new Int32Array(5), 1, { seed: 4, ...place }),
    ];
    assert.deepEqual(ids({ epoch: 3 }), [4, 3, 2, 1, 0]);
    assert.deepEqual([ids({ rank: 0, world: 2 }), ids({ rank: 1, world: 2 })], [[4, 2, 0], [3, 1, 4]]); // biome-ignore format: a table
  });

  test('refuses what is not a list of indices of the images, by name', () => {
    register('test-list', () => [0, 1] as unknown as Int32Array);
    register('test-beyond', () => Int32Array.of(0, 5));
    const run = (name: string) => createSampler(name)(new Int32Array(5), 1);
    const refused = (message: RegExp) => ({ code: 'PLUGIN', message });
    assert.throws(() => run('test-list'), refused(/"test-list" cannot be used: it must return an Int32Array/));
    assert.throws(() => run('test-beyond'), refused(/indices of the 5 images, from 0, and returned 5/));
    assert.throws(() => register('shuffle', (labels) => labels), refused(/a sampler "shuffle" exists already/));
  });
});
