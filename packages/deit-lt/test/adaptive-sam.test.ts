/** Adaptive SAM (Kwon et al. 2021) against its formula, computed by PyTorch in double precision. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { SAM } from '../src/optim/sam.js';
import { fromPython, skipPython } from './helpers/python-torch.js';

/** Three updates of a linear layer on fixed data: `w + ρ·w²g/‖w·g‖`, the gradient there, SGD with momentum from `w`. */
const reference = `
weight = torch.tensor(given['weight'], dtype=torch.float64, requires_grad=True)
bias = torch.tensor(given['bias'], dtype=torch.float64, requires_grad=True)
parameters = [weight, bias]
velocity = [torch.zeros_like(p) for p in parameters]
x = torch.tensor(given['x'], dtype=torch.float64)
y = torch.tensor(given['y'])
def gradients():
    loss = torch.nn.functional.cross_entropy(x @ weight.T + bias, y)
    return torch.autograd.grad(loss, parameters)
out = []
for _ in range(3):
    here = [p.detach().clone() for p in parameters]
    g = gradients()
    norm = math.sqrt(sum(float(((p.abs() * d) ** 2).sum()) for p, d in zip(here, g)))
    with torch.no_grad():
        for p, w, d in zip(parameters, here, g):
            p.copy_(w + given['rho'] * w * w * d / (norm + 1e-12))
    climbed = [p.detach().clone() for p in parameters]
    g = gradients()
    with torch.no_grad():
        for i, (p, w, d) in enumerate(zip(parameters, here, g)):
            velocity[i] = given['momentum'] * velocity[i] + d + given['decay'] * w
            p.copy_(w - given['lr'] * velocity[i])
    out.append({'climbed': [p.flatten().tolist() for p in climbed], 'after': [p.detach().flatten().tolist() for p in parameters]})
`;

const given = {
  weight: [[0.5, -1, 0.25], [-0.75, 0.1, 2]], // biome-ignore format: a matrix
  bias: [0.3, -0.2],
  x: [[1, 2, -1], [0.5, -0.5, 1], [-1, 0, 0.25], [2, 1, 1]], // biome-ignore format: a matrix
  y: [0, 1, 1, 0],
  rho: 0.5,
  lr: 0.1,
  momentum: 0.9,
  decay: 0.01,
};

suite('adaptive SAM', { skip: skipPython }, () => {
  test('climbs and steps as PyTorch computes the formula', () => {
    const expected = fromPython<{ climbed: number[][]; after: number[][] }[]>(reference, given);
    const model = new torch.nn.Linear(3, 2);
    model.loadStateDict({ weight: torch.tensor(given.weight), bias: torch.tensor(given.bias) });
    const { lr, momentum, decay: weightDecay, rho } = given;
    const optimizer = new torch.optim.SGD(model.parameters(), { lr, momentum, weightDecay });
    using sam = new SAM(optimizer, { rho, adaptive: true });
    const pass = (): void =>
      torch.tidy(() => {
        const labels = torch.tensor(given.y, { dtype: 'int64' });
        torch.nn.functional.crossEntropy(model.call(torch.tensor(given.x)), labels).backward();
      });
    const check = (wanted: readonly number[][], what: string): void =>
      wanted.forEach((values, i) => {
        const actual = model.parameters()[i]!.detach().flatten().toArray() as number[];
        actual.forEach((value, j) => {
          assert.ok(Math.abs(value - values[j]!) < 2e-6, `${what}: ${value}, expected ${values[j]}`);
        });
      });
    expected.forEach(({ climbed, after }, step) => {
      optimizer.zeroGrad();
      pass();
      sam.firstStep();
      check(climbed, `climb ${step}`);
      pass();
      sam.secondStep();
      check(after, `step ${step}`);
    });
  });
});
