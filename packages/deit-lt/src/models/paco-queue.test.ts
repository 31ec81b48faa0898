import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { EmbeddingQueue } from './paco-queue.js';

/** A batch of embeddings that all numbers of a row are `first`, `first + 1`, …; the labels are the same numbers. */
function batch(first: number, size: number): [embeddings: torch.Tensor, labels: torch.Tensor] {
  const labels = torch.arange(first, first + size);
  return [labels.float().unsqueeze(1).expand([size, 2]), labels];
}

const rows = (queue: EmbeddingQueue): unknown => queue.embeddings.select(1, 0).toArray();

suite('EmbeddingQueue', () => {
  test('begins with directions of length one and labels of the classes', () => {
    const queue = new EmbeddingQueue({ size: 50, dim: 7, numClasses: 3 });
    const lengths = queue.embeddings.square().sum(1).sqrt();
    assert.ok(lengths.sub(1).abs().max().toNumber() < 1e-5);
    assert.deepEqual(new Set(queue.labels.toArray() as number[]), new Set([0, 1, 2]));
  });

  test('replaces the oldest, over the end too', () => {
    const queue = new EmbeddingQueue({ size: 5, dim: 2, numClasses: 3 });
    queue.push(...batch(10, 3));
    queue.push(...batch(20, 4));
    assert.deepEqual(rows(queue), [22, 23, 12, 20, 21]);
    assert.deepEqual(queue.labels.toArray(), [22, 23, 12, 20, 21]);
    assert.deepEqual(queue.next.toArray(), [2]);
  });

  test('keeps the last ones of a batch that is larger than it', () => {
    const queue = new EmbeddingQueue({ size: 3, dim: 2, numClasses: 3 });
    queue.push(...batch(0, 7));
    assert.deepEqual(rows(queue), [4, 5, 6]);
  });

  test('what was read stays as it was', () => {
    const queue = new EmbeddingQueue({ size: 3, dim: 2, numClasses: 3 });
    const { embeddings, labels } = queue.read();
    const before = [embeddings.toArray(), labels.toArray()];
    queue.push(...batch(5, 3));
    assert.deepEqual([embeddings.toArray(), labels.toArray()], before);
  });

  test('refuses embeddings of another width', () => {
    const queue = new EmbeddingQueue({ size: 3, dim: 4, numClasses: 3 });
    assert.throws(() => queue.push(...batch(0, 2)), /index_copy/);
  });
});
