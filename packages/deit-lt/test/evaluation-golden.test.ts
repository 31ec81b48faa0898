/** Accuracies of both heads and of their mean against those of the published evaluation. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import type { Group } from '../src/data/groups.js';
import { Metrics, type MetricsResult } from '../src/evaluation/metrics.js';
import { numbered } from './helpers/by-class.js';
import { assertClose, golden, skipGolden } from './helpers/golden-files.js';

interface Case {
  name: string;
  classes: number;
  categories: [number, number];
  batch_sizes: number[];
  no_distillation: boolean;
  expected: Record<string, number>;
  class_counts: number[];
}

const { json, tensor } = golden<{ cases: Case[] }>('evaluation', { cases: [] });

/** The logits of an output for all images. */
function logitsOf({ name, no_distillation: single }: Case, output: string): torch.Tensor {
  const cls = tensor(`${name}.logits_cls`);
  if (single || output === 'cls') return cls;
  const dist = tensor(`${name}.logits_dist`);
  return output === 'dist' ? dist : cls.add(dist).div(2);
}

function evaluate(each: Case, output: string): MetricsResult {
  const [mid, tail] = each.categories;
  const groups = Array.from({ length: each.classes }, (_, c): Group => (c < mid ? 'head' : c < tail ? 'mid' : 'tail'));
  const metrics = new Metrics({ groups: numbered(groups) });
  const logits = logitsOf(each, output);
  const labels = tensor(`${each.name}.targets`).int().toTypedArray<'int32'>();
  let from = 0;
  for (const size of each.batch_sizes) {
    metrics.add(logits.narrow(0, from, size), labels.subarray(from, from + size));
    from += size;
  }
  assert.equal(from, labels.length);
  return metrics.result();
}

suite('golden evaluation', { skip: skipGolden }, () => {
  for (const each of json.cases)
    for (const output of ['cls', 'dist', 'avg'])
      test(`${each.name}: ${output}`, () =>
        torch.tidy(() => {
          const result = evaluate(each, output);
          const { overall, top5, head, mid, tail } = result;
          const figures = { acc1: overall, acc5: top5, head_acc: head, med_acc: mid, tail_acc: tail };
          for (const [name, value] of Object.entries(figures))
            assertClose(value!, each.expected[`${name}_${output}`]!, { atol: 1e-4 }, name);
          const perClass = tensor(`${each.name}.per_class_acc_${output}`).toTypedArray<'float32'>();
          const scale = perClass.some((value) => value > 1) ? 1 : 100;
          perClass.forEach((value, c) => {
            assertClose(result.perClass[c]!, value * scale, { atol: 1e-4 }, `class ${c}`);
          });
          assert.deepEqual(result.confusion, tensor(`${each.name}.confusion_${output}`).toArray());
        }));
});
