import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { evaluationPipeline } from '../classifier/classifier.js';
import { Loader } from '../data/loader.js';
import { openPixels } from '../data/open-pixels.js';
import { evaluationPixels, networkInput } from './evaluation-input.js';

suite('evaluationPixels() and networkInput()', () => {
  const [mean, std] = [
    [0.485, 0.456, 0.406],
    [0.229, 0.224, 0.225],
  ] as [[number, number, number], [number, number, number]];

  for (const [width, height, size, filter] of [
    [32, 32, 32, 'bicubic'],
    [61, 40, 24, 'bilinear'],
    [20, 33, 48, 'bicubic'],
    [301, 200, 64, 'bilinear'],
    [50, 90, 40, 'nearest'],
  ] as const)
    test(`are what the command line shows the network: ${width} × ${height} to ${size}, ${filter}`, async () => {
      const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7919 + (i >> 5) * 31) % 256);
      await using source = openPixels({ kind: 'memory', length: 1, width, height, pixels, nameOf: () => 'image' });
      const pipeline = evaluationPipeline({ imageSize: size, mean, std, filter });
      const [ids, labels] = [new Int32Array(1), new Int32Array(1)];
      const input = networkInput(evaluationPixels({ width, height, pixels }, { size, filter }), { mean, std });
      for await (using batch of new Loader({ source, labels, pipeline, ids, batchSize: 1 })) {
        const expected = batch.images.contiguous().toTypedArray<'float32'>();
        assert.equal(input.length, expected.length);
        input.forEach((value, i) => {
          assert.ok(Math.abs(value - expected[i]!) < 1e-6, `number ${i}: ${value}, ${expected[i]}`);
        });
      }
    });
});
