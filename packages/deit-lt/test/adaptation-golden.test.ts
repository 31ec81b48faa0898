/** The parts of an adaptation against scikit-learn, SciPy, QuaPy and crepes (`helpers/adaptation-reference.py`). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { classLimits, leastForCoverage } from '../src/adaptation/conformal.js';
import { estimatePrior } from '../src/adaptation/estimate-prior.js';
import { fitOutputs } from '../src/adaptation/fit-outputs.js';
import { imageWeights, judge } from '../src/adaptation/fitted-figures.js';
import { coverageRisk, thresholdForCost, thresholdsForPrecision } from '../src/adaptation/thresholds.js';

interface Golden {
  readonly labels: number[];
  readonly first: number[][];
  readonly second: number[][];
  readonly shares: number[];
  readonly inverseTemperature: number;
  readonly three: number[];
  readonly threeLoss: number;
  readonly estimated: number[];
  readonly sets: Record<string, number[][]>;
  readonly thresholds: Record<string, (number | null)[]>;
}

const golden = JSON.parse(
  readFileSync(new URL('../../test/adaptation-golden.json', import.meta.url), 'utf8'),
) as Golden;
const labels = Int32Array.from(golden.labels);
const classes = golden.shares.length;
const uniform = new Float64Array(classes).fill(1 / classes);
const weights = imageWeights(labels, uniform);

const near = (actual: number, expected: number, most: number, why = ''): void =>
  assert.ok(Math.abs(actual - expected) <= most, `${actual}, expected ${expected} ± ${most} ${why}`);

const logits = (rows: number[][]): torch.Tensor => torch.tensor(rows, { dtype: 'float64' });

suite('adaptation against other libraries', () => {
  test('the temperature is that of scikit-learn', () => {
    using first = logits(golden.first);
    const { weights: found } = fitOutputs({ outputs: [first], labels, weights, ridge: 0 });
    near(found[0]!, golden.inverseTemperature, 2e-4, 'scikit-learn searches to about four digits');
  });

  test('weights of two outputs and the logit adjustment are the minimum that SciPy finds', () => {
    using first = logits(golden.first);
    using second = logits(golden.second);
    const shares = Float64Array.from(golden.shares);
    const found = fitOutputs({ outputs: [first, second], labels, weights, shares, ridge: 0 });
    for (const [k, value] of [...found.weights, found.adjustment].entries()) near(value, golden.three[k]!, 1e-5);
    near(found.after, golden.threeLoss, 1e-10);
    assert.ok(found.before > found.after);
  });

  test('an output that would be turned around is left out', () => {
    using first = logits(golden.first);
    using wrong = first.neg();
    const { weights: found, adjustment } = fitOutputs({ outputs: [wrong, first], labels, weights, ridge: 1e-3 });
    assert.equal(found[0], 0);
    assert.ok(found[1]! > 0.5);
    assert.equal(adjustment, 0);
  });

  test('class frequencies are those of QuaPy', () => {
    using first = logits(golden.first);
    using probabilities = first.softmax(1);
    const found = estimatePrior({ probabilities, source: uniform, tolerance: 1e-11 });
    for (const [c, share] of found.entries()) near(share, golden.estimated[c]!, 1e-6);
  });

  for (const [name, expected] of Object.entries(golden.sets))
    test(`conformal sets with a coverage of ${name} are those of crepes`, () => {
      const half = labels.length / 2;
      using first = logits(golden.first);
      using probabilities = first.softmax(1);
      const all = judge(probabilities, labels, weights);
      const coverage = Number(name);
      const limits = classLimits({
        ofLabel: all.ofLabel.subarray(0, half),
        labels: labels.subarray(0, half),
        classes,
        coverage,
      });
      const rows = probabilities.toArray() as number[][];
      const sets = rows.slice(half).map((row) => row.map((p, c) => Number(p >= limits[c]!)));
      assert.deepEqual(sets, expected);
      const counts = [...limits.keys()].map((c) => labels.subarray(0, half).filter((label) => label === c).length);
      limits.forEach((limit, c) => {
        assert.equal(limit === 0, counts[c]! < leastForCoverage(coverage), `class ${c}`);
      });
    });

  for (const [name, expected] of Object.entries(golden.thresholds))
    test(`thresholds for a precision of ${name} are those of scikit-learn's curve`, () => {
      using first = logits(golden.first);
      using probabilities = first.softmax(1);
      const { ofClass, own } = thresholdsForPrecision(judge(probabilities, labels, weights), classes, Number(name));
      assert.ok(own.filter(Boolean).length >= 3);
      own.forEach((is, c) => {
        if (!is) return;
        if (expected[c] === null) assert.ok(ofClass[c]! > 1);
        else near(ofClass[c]!, expected[c]!, 1e-12);
      });
    });
});

suite('thresholds', () => {
  const judged = {
    predicted: [0, 0, 0, 0],
    confidence: [0.9, 0.8, 0.7, 0.6],
    correct: [true, false, true, true],
    weights: [1, 1, 1, 1],
  };

  test('the curve of coverage and risk goes from the surest answer to all', () => {
    const curve = coverageRisk(judged);
    assert.deepEqual(
      curve.map(({ coverage, risk }) => [coverage, risk]),
      [
        [0.25, 0],
        [0.5, 0.5],
        [0.75, 1 / 3],
        [1, 0.25],
      ],
    );
  });

  test('an error that costs 20 times as much needs a probability of 95 %', () =>
    near(thresholdForCost(20), 0.95, 1e-12));

  test('a class without enough predictions has the threshold of all; an unreachable precision accepts nothing', () => {
    const some = thresholdsForPrecision(judged, 2, 0.75);
    assert.deepEqual(
      [[...some.ofClass], some.own],
      [
        [0.6, 0.6],
        [false, false],
      ],
    );
    const none = thresholdsForPrecision({ ...judged, correct: [false, false, false, false] }, 2, 0.5);
    assert.ok(none.ofClass.every((threshold) => threshold > 1));
  });
});
