import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { classCounts } from './dataset.js';
import { longTailCounts } from './long-tail.js';
import { repeatedAugmentation, type SamplerOptions, samplerNamed, samplerNames } from './sampler.js';

const counts = longTailCounts(400, 4, 27, 'exp'); // 400, 133, 44, 14
const labels = Int32Array.from([...counts].flatMap((count, c) => new Array<number>(count).fill(c)));
const order = (name: string, options?: SamplerOptions) => samplerNamed(name)(labels, 4, options);

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
  test('gives each image three times in a row, as many ids as images', () => {
    const ids = repeatedAugmentation(300);
    assert.equal(ids.length, 300);
    for (let i = 0; i < 300; i += 3) assert.deepEqual([...ids.slice(i, i + 3)], new Array(3).fill(ids[i]));
    assert.equal(new Set(ids).size, 100);
  });

  test('gives the copies to different processes', () => {
    const [first, second, third] = [0, 1, 2].map((rank) => repeatedAugmentation(300, { rank, world: 3 }));
    assert.deepEqual(first, second);
    assert.deepEqual(first, third);
    assert.equal(new Set(first).size, 100);
  });

  test('works for fewer images than the published rule allows', () => {
    assert.equal(repeatedAugmentation(10).length, 10);
    assert.equal(repeatedAugmentation(10, { repeats: 1 }).length, 10);
  });
});

suite('class-balanced sampling', () => {
  const drawn = (power: number) => {
    const ids = order('class-balanced', { power });
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
    assert.deepEqual([...samplerNamed('class-balanced')(Int32Array.of(2, 2), 4)].sort(), [0, 1]);
  });
});

test('samplerNamed() names the nearest for an unknown one', () => {
  assert.throws(() => samplerNamed('class-balance'), { code: 'RECIPE', message: /did you mean "class-balanced"/ });
});
