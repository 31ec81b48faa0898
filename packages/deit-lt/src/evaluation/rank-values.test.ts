import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { decideValues, rankValues } from './rank-values.js';
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

test('decideValues() decides as opinions() does', () => {
  torch.manualSeed(1);
  const names = ['a', 'b', 'c', 'd'];
  const thresholds = [0.4, 0.6, 0.5, 2];
  const limits = [0.1, 0.3, 0, 0.2];
  const occurs = [true, true, true, false];
  const logits = torch.randn([50, 4]).mul(2);
  const rows = logits.toArray() as number[][];
  for (const rules of [{ thresholds }, { limits, occurs }, { thresholds, limits }, {}]) {
    const expected = opinions({ avg: logits }, 1, names, 0.7, rules);
    rows.forEach((row, i) => {
      const { unknown, set } = expected[i]!;
      const found = decideValues(Float32Array.from(row), names, rules, 0.7);
      assert.deepEqual([found.unknown, found.set], [unknown, set]);
    });
  }
});
