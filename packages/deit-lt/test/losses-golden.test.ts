/** Losses against values and gradients of the published code. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { bce } from '../src/losses/bce.js';
import { classWeights } from '../src/losses/class-weights.js';
import { crossEntropy } from '../src/losses/cross-entropy.js';
import { distillation } from '../src/losses/distillation.js';
import { focal } from '../src/losses/focal.js';
import { ldam, ldamMargins } from '../src/losses/ldam.js';
import type { Loss } from '../src/losses/loss.js';
import { type PacoOptions, paco } from '../src/losses/paco.js';
import { softTargetCrossEntropy } from '../src/losses/soft-target-cross-entropy.js';
import { vs } from '../src/losses/vs.js';
import { assertClose, assertNear, golden, skipGolden } from './helpers/golden-files.js';

interface Case {
  name: string;
  inputs: string[];
  value: number;
  weights?: string | null;
  class_counts?: number[] | null;
  margins?: number[];
  max_m?: number;
  s?: number;
  gamma?: number;
  tau?: number;
  alpha?: number;
  beta?: number;
  temperature?: number;
  supt?: number;
  smooth?: number;
  smoothing?: number;
  distillation_type?: 'none' | 'soft' | 'hard';
  weighted_distillation?: boolean;
  base_criterion?: string;
  base_term?: number;
  distill_term?: number;
}

interface Losses {
  class_counts: number[];
  effective_number_weights: { cases: { counts: number[]; beta: number; weights: number[] }[] };
  cases: Case[];
}

const { json, tensor, has } = golden<Losses>('losses', {
  class_counts: [],
  effective_number_weights: { cases: [] },
  cases: [],
});

const value = { rtol: 1e-6, atol: 1e-6 };
const gradient = { atol: 2e-5 };
const drwWeights = (): number[] => Array.from(tensor('drw_weights').toTypedArray<'float32'>());

/** The loss that a case without distillation is of. */
function lossOf({ name, weights: named, ...given }: Case): Loss {
  const weights = named == null ? null : drwWeights();
  const counts = given.class_counts ?? json.class_counts;
  const { gamma, tau } = given;
  if (name.startsWith('ldam')) return ldam(counts, { maxMargin: given.max_m!, scale: given.s!, weights });
  if (name.startsWith('focal')) return focal({ gamma: gamma!, weights, published: true });
  if (name.startsWith('vs')) return vs(counts, { gamma: gamma!, tau: tau!, weights });
  if (name.startsWith('soft_target')) return softTargetCrossEntropy();
  if (name.startsWith('bce')) return bce({ weights });
  if (name.startsWith('label_smoothing')) return crossEntropy({ labelSmoothing: given.smoothing! });
  if (name.startsWith('ce')) return crossEntropy({ weights });
  return assert.fail(`no loss for ${name}`);
}

function checkLoss(each: Case): void {
  const logits = tensor(`${each.name}.logits`).clone().requiresGrad_();
  const loss = lossOf(each)(logits, tensor(each.inputs[1]!));
  loss.backward();
  assert.deepEqual([loss.shape, loss.dtype], [[], 'float32']);
  assertClose(loss.toNumber(), each.value, value, 'value');
  assertNear(logits.grad, tensor(`${each.name}.grad.logits`), gradient, 'gradient');
}

function checkDistillation(each: Case): void {
  const { name, alpha, tau, base_criterion: base } = each;
  const learn = distillation({
    base: crossEntropy({ weights: base === 'cross_entropy_weighted' ? drwWeights() : null }),
    type: each.distillation_type!,
    alpha: alpha!,
    temperature: tau!,
    weights: each.weighted_distillation ? drwWeights() : null,
    published: true,
  });
  const cls = tensor(`${name}.outputs_cls`).clone().requiresGrad_();
  const dist = tensor(`${name}.outputs_dist`).clone().requiresGrad_();
  const parts = learn({ cls, dist }, tensor(`${name}.labels`), tensor(`${name}.teacher_logits`));
  parts.loss.backward();
  assertClose(parts.loss.toNumber(), each.value, value, 'value');
  assertClose(parts.cls.toNumber() * (1 - alpha!), each.base_term!, value, 'CLS part');
  assertClose(parts.dist.toNumber() * alpha!, each.distill_term!, value, 'DIST part');
  assertNear(cls.grad, tensor(`${name}.grad.outputs_cls`), gradient, 'gradient of CLS');
  assertNear(dist.grad, tensor(`${name}.grad.outputs_dist`), gradient, 'gradient of DIST');
}

function checkPaco(each: Case): void {
  const { name, class_counts: counts = null, supt: classTemperature, smooth: labelSmoothing } = each;
  const { alpha, beta, gamma, temperature } = each;
  const options = { alpha, beta, gamma, temperature, classTemperature, labelSmoothing } as PacoOptions;
  const embeddings = tensor(`${name}.features`).clone().requiresGrad_();
  const logits = tensor(`${name}.sup_logits`).clone().requiresGrad_();
  const loss = paco(counts, options)({ embeddings, labels: tensor(`${name}.labels`), logits });
  loss.backward();
  assertClose(loss.toNumber(), each.value, value, 'value');
  assertNear(embeddings.grad, tensor(`${name}.grad.features`), gradient, 'gradient of the embeddings');
  assertNear(logits.grad, tensor(`${name}.grad.sup_logits`), gradient, 'gradient of the logits');
}

/** By what the case has tensors of. */
function checkOf({ name }: Case): (each: Case) => void {
  if (has(`${name}.outputs_cls`)) return checkDistillation;
  return has(`${name}.sup_logits`) ? checkPaco : checkLoss;
}

suite('golden losses', { skip: skipGolden }, () => {
  for (const { counts, beta, weights } of json.effective_number_weights.cases)
    test(`classWeights() of ${counts.length} classes from ${counts[0]} to ${counts.at(-1)} images, beta ${beta}`, () => {
      classWeights(counts, beta).forEach((weight, c) => {
        assertClose(weight, weights[c]!, { rtol: 1e-11 }, `class ${c}`);
      });
    });

  for (const { name, class_counts: counts, margins, max_m: maxMargin } of json.cases)
    if (margins !== undefined)
      test(`${name}: ldamMargins()`, () => {
        ldamMargins(counts!, maxMargin).forEach((margin, c) => {
          assertClose(margin, margins[c]!, { rtol: 1e-14 }, `class ${c}`);
        });
      });

  for (const each of json.cases) test(`${each.name}: value and gradient`, () => torch.tidy(() => checkOf(each)(each)));
});
