import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { buildPipeline } from '../../augment/registry.js';
import type { BatchTransform } from '../../augment/transform.js';
import type { LoaderOptions } from '../loader.js';
import { MemorySource } from '../memory-source.js';
import { drawShapes } from '../shapes/index.js';
import { pairedBatches } from './paired-batches.js';

const { images, labels } = drawShapes({ trainPerClass: 1, testPerClass: 1, size: 16 }).train;
if (images.kind !== 'memory') throw new Error('shapes are drawn in memory');
const memory = images;
const context = { size: 16, mean: [0, 0, 0], std: [1, 1, 1], filter: 'bicubic' } as const;
const crops = buildPipeline({ randomResizedCrop: true, flip: true }, context);
const ids = Int32Array.from(labels.keys());

const options = (more: Partial<LoaderOptions> = {}): LoaderOptions => ({
  source: new MemorySource(memory),
  labels,
  pipeline: { ...crops, more: [crops] },
  ids,
  batchSize: 4,
  ...more,
});

suite('pairedBatches()', () => {
  test('gives each batch as many partners, in the same views', async () => {
    const seen: number[][] = [];
    for await (using batch of pairedBatches(options(), ids.toReversed())) {
      const { partners } = batch;
      seen.push([...batch.ids], [...partners!.ids]);
      assert.deepEqual(
        partners!.labels,
        partners!.ids.map((id) => labels[id]!),
      );
      assert.deepEqual(partners!.more[0]!.shape, [batch.ids.length, 3, 16, 16]);
    }
    assert.deepEqual(seen, [
      [0, 1, 2, 3],
      [9, 8, 7, 6],
      [4, 5, 6, 7],
      [5, 4, 3, 2],
      [8, 9],
      [1, 0],
    ]);
  });

  test('leaves partners over when there are fewer images', async () => {
    const sizes: number[] = [];
    for await (using batch of pairedBatches(options({ ids: ids.slice(0, 5) }), ids)) {
      assert.equal(batch.partners!.ids.length, batch.ids.length);
      sizes.push(batch.ids.length);
    }
    assert.deepEqual(sizes, [4, 1]);
  });

  test('augments an image and the same image as its partner differently, the first as without partners', async () => {
    const alone = await firstOf(pairedBatches(options(), null));
    const paired = await firstOf(pairedBatches(options(), ids));
    assert.ok(torch.equal(paired.images, alone.images));
    assert.ok(!torch.equal(paired.partners!.images, paired.images));
    assert.equal(alone.partners, undefined);
  });

  test('begins in the middle with the same pairs', async () => {
    const all: torch.Tensor[] = [];
    for await (const { partners } of pairedBatches(options(), ids.toReversed())) all.push(partners!.images);
    const late = await firstOf(pairedBatches(options({ startBatch: 2 }), ids.toReversed()));
    assert.ok(torch.equal(late.partners!.images, all[2]!));
  });

  test('releases everything when it is left early, and when partners cannot be read', async () => {
    const made: torch.Tensor[] = [];
    const watched: BatchTransform = (xs) => {
      made.push(xs);
      return xs;
    };
    const pipeline = { ...crops, transforms: [...crops.transforms, watched] };
    for await (using _ of pairedBatches(options({ pipeline, prefetch: 2 }), ids)) break;
    const read = async (): Promise<void> => {
      for await (using _ of pairedBatches(options({ pipeline }), ids.slice(0, 5)));
    };
    await assert.rejects(read, /fewer partners than images/);
    assert.equal(made.length, 4); // two pairs: a batch without partners is not transformed
    assert.ok(made.every((images) => !images.isAlive));
  });
});

async function firstOf<T>(batches: AsyncIterable<T>): Promise<T> {
  for await (const batch of batches) return batch;
  return assert.fail('no batch');
}
