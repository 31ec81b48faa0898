import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { stream } from '../random/stream.js';
import { Upload } from '../upload.js';
import { drawShuffle, inParts, shuffledInParts } from './batch-parts.js';

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

suite('shuffledInParts()', () => {
  const images = torch.arange(10).float().unsqueeze(1);

  test('gives results in the order of the images, which came shuffled', () => {
    const seen: number[][] = [];
    const shuffle = drawShuffle(10, { parts: 2, random: stream(0, 'mix') }, new Upload('cpu'));
    const made = shuffledInParts(images, { parts: 2, shuffle }, (part) => {
      seen.push(part.squeeze(1).toArray() as number[]);
      return part.mul(10);
    });
    assert.deepEqual(made.squeeze(1).toArray(), [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
    assert.deepEqual(
      seen.map(({ length }) => length),
      [5, 5],
    );
    assert.deepEqual(
      seen.flat().toSorted((a, b) => a - b),
      images.squeeze(1).toArray(),
    );
    assert.notDeepEqual(seen.flat(), images.squeeze(1).toArray());
  });

  test('draws nothing for a single part, where the order does not matter', () => {
    const random = stream(0, 'mix');
    assert.equal(drawShuffle(10, { parts: 1, random }, new Upload('cpu')), null);
    assert.equal(random.uint32(), stream(0, 'mix').uint32());
  });
});
