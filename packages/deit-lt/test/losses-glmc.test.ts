/** GLMC's loss against the same formula in PyTorch. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { type GlmcMixture, glmc, labelWeights } from '../src/losses/glmc.js';
import { assertClose } from './helpers/golden-files.js';
import { fromPython, skipPython } from './helpers/python-torch.js';

const counts = [50, 20, 7, 3];
const [size, dim] = [5, 6];
const names = ['plain', 'balanced', 'projection', 'prediction'] as const;

/** As lists of numbers, for PyTorch too. */
type Numbers = Record<(typeof names)[number] | 'targets', number[][]>;

function numbersOf(seed: number): Numbers {
  torch.manualSeed(seed);
  const of = (width: number) => torch.randn([size, width]).toArray() as number[][];
  const targets = torch.rand([size, counts.length]).softmax(1).toArray() as number[][];
  return { plain: of(counts.length), balanced: of(counts.length), projection: of(dim), prediction: of(dim), targets };
}

function mixtureOf(numbers: Numbers): GlmcMixture {
  const learned = names.map((name) => [name, torch.tensor(numbers[name]).requiresGrad_()]);
  return { ...Object.fromEntries(learned), targets: torch.tensor(numbers.targets) } as GlmcMixture;
}

const both = [numbersOf(0), numbersOf(1)] as const;

const reference = `
import torch.nn.functional as F
w = torch.tensor(given["counts"]) ** -1.2
w = w / w.sum() * len(w)
g, l = [{k: torch.tensor(v, requires_grad=True) for k, v in m.items()} for m in given["both"]]
ce = lambda logits, targets: -(F.log_softmax(logits, 1) * targets).sum(1).mean()
plain = ce(g["plain"], g["targets"]) + ce(l["plain"], l["targets"])
balanced = ce(g["balanced"], w * g["targets"]) + ce(l["balanced"], w * l["targets"])
cos = lambda p, z: F.cosine_similarity(p, z.detach(), dim=-1).mean()
consistency = -cos(g["prediction"], l["projection"]) - cos(l["prediction"], g["projection"])
loss = given["share"] * plain + (1 - given["share"]) * balanced + given["weight"] * consistency
loss.backward()
zeros = lambda x: torch.zeros_like(x) if x.grad is None else x.grad
out = dict(loss=loss.item(), plain=plain.item(), balanced=balanced.item(), consistency=consistency.item(),
           grads=[{k: zeros(m[k]).tolist() for k in given["names"]} for m in (g, l)])`;

interface Expected {
  loss: number;
  plain: number;
  balanced: number;
  consistency: number;
  grads: Record<string, number[][]>[];
}

suite('glmc()', () => {
  test('has the value and gradients of PyTorch', { skip: skipPython }, () => {
    const moment = { share: 0.3, consistent: true };
    const expected = fromPython<Expected>(reference, { counts, both, names, share: 0.3, weight: 4 });
    const mixtures = both.map(mixtureOf) as [GlmcMixture, GlmcMixture];
    const parts = glmc(counts)(...mixtures, moment);
    parts.loss.backward();
    for (const name of ['loss', 'plain', 'balanced', 'consistency'] as const)
      assertClose(parts[name].toNumber(), expected[name], { rtol: 1e-5 }, name);
    mixtures.forEach((mixture, m) => {
      for (const name of names) {
        const grad = mixture[name].grad ?? torch.zerosLike(mixture[name]);
        const off = grad.sub(torch.tensor(expected.grads[m]![name]!)).abs().max().toNumber();
        assert.ok(off < 1e-6, `${name}: off by ${off}`);
      }
    });
  });

  test('reports the consistency without adding it to the loss or its gradient', () => {
    const mixtures = both.map(mixtureOf) as [GlmcMixture, GlmcMixture];
    const { loss, plain, balanced, consistency } = glmc(counts)(...mixtures, { share: 0.3, consistent: false });
    loss.backward();
    assertClose(loss.toNumber(), 0.3 * plain.toNumber() + 0.7 * balanced.toNumber(), { rtol: 1e-6 }, 'loss');
    assert.ok(Math.abs(consistency.toNumber()) <= 2 && !consistency.requiresGrad);
    assert.equal(mixtures[0].prediction.grad, null);
  });

  test('is −2 consistent when both mixtures look alike', () => {
    const mixture = { ...mixtureOf(both[0]), prediction: torch.tensor(both[0].projection) };
    const { consistency } = glmc(counts)(mixture, mixture, { share: 1, consistent: true });
    assertClose(consistency.toNumber(), -2, { rtol: 1e-6 }, 'consistency');
  });
});

suite('labelWeights()', () => {
  test('fall with the count to the power and have the mean 1', () => {
    const weights = labelWeights(counts, 1.2);
    assertClose(
      weights.reduce((a, b) => a + b),
      4,
      { rtol: 1e-12 },
      'sum',
    );
    assertClose(weights[3]! / weights[0]!, (50 / 3) ** 1.2, { rtol: 1e-12 }, 'ratio');
    assert.deepEqual(labelWeights(counts, 0), [1, 1, 1, 1]);
  });

  test('refuse a class without images', () => {
    assert.throws(() => labelWeights([3, 0], 1), { code: 'DATA_CLASSES', message: /class 1 has none/ });
  });
});
