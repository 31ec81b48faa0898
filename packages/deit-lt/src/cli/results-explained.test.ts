import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { EvaluationResult } from '../evaluation/evaluate.js';
import type { MetricsResult } from '../evaluation/metrics.js';
import { resultsExplained } from './results-explained.js';

const halfWidth = 2;

const metrics = (balanced: number, head: number | null = balanced, tail: number | null = balanced): MetricsResult => {
  const interval = { low: balanced - halfWidth, high: balanced + halfWidth };
  const intervals = { balanced: interval, overall: interval, head: null, mid: null, tail: null };
  return { balanced, overall: balanced, head, mid: balanced, tail, images: 2000, perClass: [], top5: 100, intervals };
};

const result = (avg: MetricsResult, experts: Partial<EvaluationResult> = {}): EvaluationResult =>
  ({ avg, ...experts }) as EvaluationResult;

const options = { epochs: 24, small: false, balancedCls: null };

suite('resultsExplained()', () => {
  const teacher = result(metrics(86.8));
  const vit = result(metrics(37));
  const student = result(metrics(54.5), { cls: metrics(47.6, 79.3, 6.8), dist: metrics(51, 54.8, 58.2) });

  test('explains that the student is better than the plain ViT, worse than its teacher, and that its experts are as intended', () => {
    assert.deepEqual(resultsExplained({ teacher, vit, student }, options), [
      '54.5 % balanced accuracy for the student, 37.0 % for the plain ViT, which is the same network without a teacher: learning from the teacher helped.',
      'The student is behind its teacher (86.8 %). A transformer needs more epochs and images than a CNN: 24 epochs may be too few (--set student.epochs=96 trains longer).',
      'CLS is better on the head and DIST on the tail, as intended (head: CLS 79.3 %, DIST 54.8 %; tail: CLS 6.8 %, DIST 58.2 %). The prediction is the average of both.',
    ]);
  });

  test('explains that the teacher did not help, and that a difference is not clear', () => {
    const beside = (balanced: number): string =>
      resultsExplained({ vit: result(metrics(balanced)), student }, options)[0]!;
    assert.match(beside(60), /60\.0 % for the plain ViT, .*: the teacher did not help here/);
    assert.match(beside(52), /no clear difference/);
    assert.match(beside(51), /learning from the teacher helped/); // 3.5 is more than √(2² + 2²)
  });

  test('compares the student with its teacher', () => {
    const beside = (balanced: number): string =>
      resultsExplained({ teacher: result(metrics(balanced)), student }, options)[0]!;
    assert.match(beside(50), /ahead of its teacher \(50\.0 %\)/);
    assert.match(beside(55), /about as good as its teacher/);
    assert.match(beside(58), /behind its teacher/);
    // On 24 images, with intervals of ±22 points, equal figures say nothing.
    const few = (balanced: number) =>
      result({
        ...metrics(balanced),
        intervals: { ...metrics(0).intervals, balanced: { low: balanced - 22, high: balanced + 22 } },
      } as MetricsResult);
    assert.match(
      resultsExplained({ teacher: few(50), student: few(51) }, options)[0]!,
      /^The student has 51\.0 %, its teacher 50\.0 %; on so few test images that does not show which is better\.$/,
    );
    assert.match(
      resultsExplained({ teacher, student }, { ...options, epochs: null })[0]!,
      /A transformer needs more epochs and images than a CNN: a longer --time may help\.$/,
    );
    // Within the intervals, but not equal: 42.8 and 30.4 % on 160 images were called "about as good".
    assert.match(
      beside(57),
      /^The student has 54\.5 %, its teacher 57\.0 %; on so few test images .* may be chance\.$/,
    );
  });

  test('explains that CLS and DIST are not as the method intends', () => {
    const swapped = result(metrics(50), { cls: metrics(50, 40, 60), dist: metrics(50, 60, 40) });
    assert.match(
      resultsExplained({ student: swapped }, options)[0]!,
      /this is not so here \(head: CLS 40\.0 %, DIST 60/,
    );
    const same = result(metrics(50), { cls: metrics(50, 40, 60), dist: metrics(50, 40, 60) });
    assert.match(resultsExplained({ student: same }, options)[0]!, /this is not so here/);
  });

  test('does not expect CLS and DIST to differ when CLS learns by a balanced loss', () => {
    assert.match(
      resultsExplained({ student }, { ...options, balancedCls: 'balanced-softmax' })[0]!,
      /^CLS learned by balanced-softmax, .* need not differ \(head: CLS 79\.3 %, DIST 54\.8 %; tail:/,
    );
  });

  test('is silent about groups without classes, models without experts, and without a student', () => {
    const noHead = result(metrics(50), { cls: metrics(50, null, 60), dist: metrics(50, null, 40) });
    assert.deepEqual(resultsExplained({ student: noHead }, options), []);
    assert.deepEqual(resultsExplained({ student: result(metrics(50)) }, options), []);
    assert.deepEqual(resultsExplained({ teacher, vit }, options), []);
  });

  test('does not explain results of the tiny networks of --budget small', () => {
    assert.deepEqual(resultsExplained({ teacher, vit, student }, { epochs: 2, small: true, balancedCls: null }), [
      'These networks were trained with --budget small: the figures only show that the training works.',
    ]);
  });
});
