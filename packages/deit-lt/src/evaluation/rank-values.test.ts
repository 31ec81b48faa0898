import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { rankValues } from './rank-values.js';
import { opinions } from './ranking.js';

test('rankValues() ranks as opinions() does', () => {
  torch.manualSeed(0);
  const names = Array.from({ length: 40 }, (_, c) => `class ${c}`);
  const logits = torch.randn([1, 40]).mul(20);
  for (const scale of [1, 0.1]) {
    const expected = opinions({ avg: logits }, 5, names, scale)[0]!.top;
    const ranked = rankValues(logits.toTypedArray<'float32'>(), names, 5, scale);
    assert.deepEqual(
      ranked.map((each) => each.class),
      expected.map((each) => each.class),
    );
    ranked.forEach(({ probability }, i) => {
      assert.ok(Math.abs(probability - expected[i]!.probability) < 1e-6);
    });
  }
  assert.equal(rankValues(new Float32Array([1, 2]), ['a', 'b'], 5).length, 2);
});
