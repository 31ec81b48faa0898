import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { stream } from '../random/stream.js';
import { Upload } from '../upload.js';
import { drawShuffle, inParts, shuffledInShards } from './batch-parts.js';

const sizes = (batch: number, parts: number): number[] =>
  inParts(torch.zeros([batch, 3]), parts).map((part) => part.size(0));

suite('inParts()', () => {
  test('cuts a batch into nearly equal parts', () => {
    assert.deepEqual(sizes(12, 4), [3, 3, 3, 3]);
    assert.deepEqual(sizes(11, 3), [3, 4, 4]);
    assert.deepEqual(sizes(8, 1), [8]);
  });

  test('of two images at least, which batch norm needs', () => {
    assert.deepEqual(sizes(5, 4), [2, 3]);
    assert.deepEqual(sizes(1, 4), [1]);
  });
});

suite('shuffledInShards()', () => {
  const images = torch.arange(12).float().unsqueeze(1);

  for (const shards of [1, 2])
    test(`gives results in the order of the images of ${shards} shards, which came shuffled`, () => {
      const seen: number[][] = [];
      const size = 12 / shards;
      const own = Array.from({ length: shards }, (_, shard) => ({ shard, batch: undefined as never }));
      const views = own.map(({ shard }) => images.narrow(0, shard * size, size));
      const together = {
        own,
        run: <R>(_: number, body: () => R) => body(),
        gather: (x: readonly torch.Tensor[]) => [...x],
      };
      const shuffle = drawShuffle(12, { parts: 2, random: stream(0, 'mix') }, new Upload('cpu'));
      const made = shuffledInShards(together, views, { parts: 2 / shards, shuffle }, (part) => {
        seen.push(part.squeeze(1).toArray() as number[]);
        return part.mul(10);
      });
      assert.equal(made.length, shards);
      assert.deepEqual(torch.cat(made, 0).toArray(), images.mul(10).toArray());
      assert.deepEqual(
        seen.map(({ length }) => length),
        [6, 6],
      );
      assert.deepEqual(
        seen.flat().toSorted((a, b) => a - b),
        images.squeeze(1).toArray(),
      );
      assert.ok(seen[0]!.some((value) => value >= 6)); // also from the other shard
    });

  test('draws nothing for a single part, where the order does not matter', () => {
    const random = stream(0, 'mix');
    assert.equal(drawShuffle(10, { parts: 1, random }, new Upload('cpu')), null);
    assert.equal(random.uint32(), stream(0, 'mix').uint32());
  });
});
