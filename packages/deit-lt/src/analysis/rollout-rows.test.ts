import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { attentionRollout } from './attention-rollout.js';
import { rolloutRow } from './rollout-rows.js';

suite('rolloutRow()', () => {
  for (const [depth, heads, tokens] of [
    [1, 1, 3],
    [4, 3, 18],
  ] as const)
    test(`is a row of attentionRollout() of ${depth} blocks`, () => {
      torch.manualSeed(depth);
      const attentions = torch.randn([depth, heads, tokens, tokens]).mul(3).softmax(-1);
      const rollout = attentionRollout(Array.from({ length: depth }, (_, i) => attentions.narrow(0, i, 1)));
      for (const token of [0, 1]) {
        const row = rolloutRow(attentions.toTypedArray<'float32'>(), { depth, heads, tokens }, token);
        const expected = rollout.select(1, token).toTypedArray<'float32'>();
        row.forEach((value, i) => {
          assert.ok(Math.abs(value - expected[i]!) < 1e-6, `token ${token}, patch ${i}: ${value}, ${expected[i]}`);
        });
      }
    });

  test('refuses attention of another shape', () => {
    assert.throws(() => rolloutRow(new Float32Array(8), { depth: 1, heads: 1, tokens: 3 }, 0), /8 values.*1 · 1 · 3/);
  });
});
