import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { type BatchTransform, type Pipeline, plannedTransform } from '../augment/transform.js';
import type { RandomStream } from '../random/stream.js';
import type { MemoryImages } from './dataset.js';
import { Loader, type LoaderOptions } from './loader.js';
import { MemorySource } from './memory-source.js';
import type { PixelSource } from './pixel-source.js';

/** Image i is of level i everywhere. */
const count = 10;
const pixels = Uint8Array.from({ length: count * 4 * 4 * 3 }, (_, i) => Math.floor(i / 48));
const memory: MemoryImages = { kind: 'memory', length: count, width: 4, height: 4, pixels, nameOf: String };
const labels = Int32Array.from({ length: count }, (_, i) => i % 3);
const everyId = Int32Array.from({ length: count }, (_, i) => i);

const whole: Pipeline = {
  size: 4,
  filter: 'bicubic',
  window: () => ({ x: 0, y: 0, width: 4, height: 4, flip: false }),
  transforms: [],
};

/** Shows what was drawn for each sample: every level becomes a random number. */
const showsDraws: Pipeline = {
  ...whole,
  transforms: [
    (images, randoms) =>
      images.mul(0).add(torch.tensor(randoms.map((random) => random.random())).view([randoms.length, 1, 1, 1])),
  ],
};

const loaderOf = (options: Partial<LoaderOptions> = {}) =>
  new Loader({ source: new MemorySource(memory), labels, pipeline: whole, ids: everyId, batchSize: 4, ...options });

/** The first level of each image of each batch. */
async function levelsOf(loader: Loader): Promise<number[][]> {
  const levels: number[][] = [];
  for await (const { images } of loader) {
    levels.push([...images.index('...', 0, 0, 0).toTypedArray<'float32'>()]);
    images.dispose();
  }
  return levels;
}

suite('Loader', () => {
  test('gives images, labels and ids in the order of the ids', async () => {
    const ids = Int32Array.of(7, 2, 9);
    for await (const batch of loaderOf({ ids })) {
      assert.deepEqual(batch.images.shape, [3, 3, 4, 4]);
      assert.deepEqual([...batch.images.index('...', 0, 0, 0).toTypedArray<'float32'>()], [7, 2, 9]);
      assert.deepEqual(batch.ids, ids);
      assert.deepEqual(batch.labels, Int32Array.of(1, 2, 0));
      batch.images.dispose();
    }
  });

  test('ends with a smaller batch, or without it', async () => {
    assert.equal(loaderOf().length, 3);
    assert.deepEqual(
      (await levelsOf(loaderOf())).map((batch) => batch.length),
      [4, 4, 2],
    );
    assert.equal(loaderOf({ dropLast: true }).length, 2);
    assert.deepEqual(
      (await levelsOf(loaderOf({ dropLast: true }))).map((batch) => batch.length),
      [4, 4],
    );
  });

  test('starts at any batch with the same draws', async () => {
    const all = await levelsOf(loaderOf({ pipeline: showsDraws, seed: 5 }));
    const rest = await levelsOf(loaderOf({ pipeline: showsDraws, seed: 5, startBatch: 1 }));
    assert.deepEqual(rest, all.slice(1));
  });

  test('draws for an image whatever the batch size and the prefetch', async () => {
    const one = (await levelsOf(loaderOf({ pipeline: showsDraws }))).flat();
    const other = (await levelsOf(loaderOf({ pipeline: showsDraws, batchSize: 3, prefetch: 5 }))).flat();
    assert.deepEqual(other, one);
  });

  test('draws again for each seed, epoch, copy and process', async () => {
    const draws = async (options: Partial<LoaderOptions>) =>
      (await levelsOf(loaderOf({ pipeline: showsDraws, ids: Int32Array.of(3, 3, 3), ...options }))).flat();
    const all = [
      ...(await draws({ rank: 0, world: 2 })),
      ...(await draws({ seed: 1 })),
      ...(await draws({ epoch: 1 })),
      ...(await draws({ rank: 1, world: 2 })),
    ];
    assert.equal(new Set(all).size, 12);
  });

  test('reads ahead only to the given limit', async () => {
    let reads = 0;
    const inner = new MemorySource(memory);
    const source: PixelSource = {
      length: count,
      sizeOf: (id) => inner.sizeOf(id),
      read: (...args) => {
        reads++;
        return inner.read(...args);
      },
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    };
    for (const [prefetch, expected] of [
      [0, 1],
      [1, 2],
      [9, 5],
    ] as const) {
      reads = 0;
      for await (const { images } of loaderOf({ source, batchSize: 2, prefetch })) {
        images.dispose();
        break;
      }
      assert.equal(reads, expected);
    }
  });

  test('draws in the order of the transforms, also around one that has no plan', async () => {
    const draws = (order: number): BatchTransform => {
      const work = (images: torch.Tensor, values: readonly number[]): torch.Tensor =>
        images.mul(order).add(torch.tensor(values).view(-1, 1, 1, 1));
      const draw = (randoms: readonly RandomStream[]) => randoms.map((random) => random.int(1000));
      if (order === 2) return (images, randoms) => work(images, draw(randoms)); // as a plugin's
      return plannedTransform((_, randoms) => {
        const values = draw(randoms);
        return (images) => work(images, values);
      });
    };
    const transforms = [draws(1), draws(2), draws(3)];
    const unplanned = transforms.map(
      (transform): BatchTransform =>
        (...given) =>
          transform(...given),
    );
    const levels = (of: readonly BatchTransform[]) => levelsOf(loaderOf({ pipeline: { ...whole, transforms: of } }));
    assert.deepEqual(await levels(transforms), await levels(unplanned));
  });

  test('gives further views, each in its size and with its own draws', async () => {
    const more = [showsDraws, { ...showsDraws, size: 2 }];
    const levelsOfViews = async (options: Partial<LoaderOptions>): Promise<number[][]> => {
      const levels: number[][] = [[], [], []];
      for await (using batch of loaderOf({ pipeline: { ...showsDraws, more }, ...options })) {
        assert.deepEqual(
          [batch.images, ...batch.more].map((view) => view.size(3)),
          [4, 4, 2],
        );
        for (const [v, view] of [batch.images, ...batch.more].entries())
          levels[v]!.push(...view.index('...', 0, 0, 0).toTypedArray<'float32'>());
      }
      return levels;
    };
    const views = await levelsOfViews({});
    assert.deepEqual(views[0], (await levelsOf(loaderOf({ pipeline: showsDraws }))).flat(), 'the first as if alone');
    assert.equal(new Set(views.flat()).size, 3 * count);
    assert.deepEqual(await levelsOfViews({ batchSize: 3, prefetch: 2 }), views);
    assert.notDeepEqual((await levelsOfViews({ epoch: 1 }))[1], views[1]);
  });

  test('passes on what the source throws', async () => {
    const source: PixelSource = {
      length: count,
      sizeOf: () => ({ width: 4, height: 4 }),
      read: () => Promise.reject(new Error('the disk is gone')),
      [Symbol.asyncDispose]: async () => {},
    };
    await assert.rejects(levelsOf(loaderOf({ source, prefetch: 3 })), /the disk is gone/);
  });

  test('refuses batch sizes and starts that are no whole numbers', () => {
    assert.throws(() => loaderOf({ batchSize: 0 }), /batchSize must be a whole number of at least 1, got 0/);
    assert.throws(() => loaderOf({ startBatch: 0.5 }), /startBatch/);
  });

  test('releases what it read, also when the loop is left early', async () => {
    const made: torch.Tensor[] = [];
    const inner = new MemorySource(memory);
    const source: PixelSource = {
      length: count,
      sizeOf: (id) => inner.sizeOf(id),
      read: async (...args) => {
        const images = await inner.read(...args);
        made.push(images);
        return images;
      },
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    };
    for await (const { images } of loaderOf({ source, prefetch: 1, batchSize: 2 })) {
      images.dispose();
      if (made.length === 3) break;
    }
    assert.ok(made.length >= 3);
    assert.ok(made.every((images) => !images.isAlive));
  });
});
