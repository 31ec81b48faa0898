/** Probable label errors: against cleanlab, and by `deit-lt inspect --model`. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { findLabelIssues } from '../src/data/label-issues.js';

interface Golden {
  readonly cases: readonly {
    readonly labels: readonly number[];
    readonly classes: number;
    readonly probabilities: readonly number[];
    readonly issues: readonly number[];
  }[];
}

const file = path.resolve(import.meta.dirname, '../../test/label-issues-golden.json');

suite('findLabelIssues()', () => {
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as Golden;
  for (const [i, { labels, classes, probabilities, issues }] of cases.entries())
    test(`finds what cleanlab finds, in its order (${classes} classes, case ${i})`, () => {
      const given = { labels: Int32Array.from(labels), probabilities: Float32Array.from(probabilities), classes };
      const found = findLabelIssues(given);
      assert.ok(issues.length > 4);
      assert.deepEqual(
        found.map(({ index }) => index),
        issues,
      );
      for (const { index, label, suggested } of found) assert.ok(label === labels[index] && suggested !== label);
    });

  test('suggests no class without images, and finds nothing where labels and predictions agree', () => {
    const probabilities = Float32Array.of(0.1, 0.2, 0.7, 0.2, 0.1, 0.7);
    assert.deepEqual(
      findLabelIssues({ labels: Int32Array.of(0, 0), probabilities, classes: 3 }).filter(
        (each) => each.suggested !== 0,
      ),
      [],
    );
    const agreeing = Float32Array.of(0.9, 0.1, 0.1, 0.9);
    assert.deepEqual(findLabelIssues({ labels: Int32Array.of(0, 1), probabilities: agreeing, classes: 2 }), []);
  });
});
