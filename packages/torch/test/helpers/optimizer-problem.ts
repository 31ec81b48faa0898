/** Parameters and gradients for optimizers, and the same five steps here and in PyTorch. */
import assert from 'node:assert/strict';
import * as torch from '../../src/index.js';
import { assertClose, type Reference, type Tolerance } from '../reference/reference.js';

const { Adam, AdamW, Lamb, SGD } = torch.optim;
export type AnyOptimizer = torch.optim.Optimizer<{ lr?: number }>;

export const devices = torch.cuda.isAvailable() ? ['cpu', 'cuda'] : ['cpu'];

/** The last one is long enough for the path that shares memory between tensors. */
const shapes = [[3, 4], [5], [2, 3, 3, 3], [1, 1, 7], [130, 140]];
const steps = 5;

export interface Problem {
  start: torch.Tensor[];
  /** By step, then by parameter; null for a parameter that gets none. */
  grads: (torch.Tensor | null)[][];
}

/** Starting values and gradients; parameter 3 has no gradient in step 2, parameter 1 never. */
function makeProblem(): Problem {
  const generator = new torch.Generator().manualSeed(5);
  const start = shapes.map((shape) => torch.randn(shape, { generator }));
  const grads = Array.from({ length: steps }, (_, k) =>
    shapes.map((shape, i) => (i === 1 || (i === 3 && k === 1) ? null : torch.randn(shape, { generator }))),
  );
  return { start, grads };
}

export const problem = makeProblem();

export function leaves(start: readonly torch.Tensor[], device = 'cpu'): torch.Tensor[] {
  return start.map((value) => value.clone().to(device).requiresGrad_());
}

export function setGrads(params: readonly torch.Tensor[], grads: readonly (torch.Tensor | null)[]): void {
  params.forEach((param, i) => {
    param.grad = grads[i]?.clone().to(param.device) ?? null;
  });
}

/** What all code in Python begins with. */
export const python = `
def replay(optimizer, ps, grads):
    for step in grads:
        for p, g in zip(ps, step):
            p.grad = None if g is None else g.clone()
        optimizer.step()

class Lamb(torch.optim.Optimizer):
    """LAMB written down from its formula, one parameter after the other, in float64."""
    def __init__(self, params, **options):
        super().__init__(params, dict(dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.01, max_grad_norm=1.0,
            bias_correction=True, grad_averaging=True, trust_clip=False, always_adapt=False, t=0), **options))
    @torch.no_grad()
    def step(self):
        with_grad = [p for g in self.param_groups for p in g["params"] if p.grad is not None]
        norm = np.sqrt(sum(float((p.grad.double() ** 2).sum()) for p in with_grad))
        limit = self.defaults["max_grad_norm"]
        scale = limit / norm if limit is not None and norm > limit else 1.0
        for group in self.param_groups:
            group["t"] += 1
            b1, b2 = group["betas"]
            c1, c2 = (1 - b1 ** group["t"], 1 - b2 ** group["t"]) if group["bias_correction"] else (1, 1)
            for p in group["params"]:
                if p.grad is None: continue
                state, g, w = self.state[p], p.grad.double() * scale, p.double()
                state["m"] = b1 * state.get("m", 0) + (1 - b1 if group["grad_averaging"] else 1) * g
                state["v"] = b2 * state.get("v", 0) + (1 - b2) * g * g
                u = (state["m"] / c1) / (torch.sqrt(state["v"] / c2) + group["eps"]) + group["weight_decay"] * w
                ratio = 1.0
                if group["weight_decay"] != 0 or group["always_adapt"]:
                    a, b = float(w.norm()), float(u.norm())
                    ratio = a / b if a > 0 and b > 0 else 1.0
                    if group["trust_clip"]: ratio = min(ratio, 1.0)
                p.copy_(w - group["lr"] * ratio * u)
`;

/** Runs an optimizer given as a Python expression over `ps`, and gives the parameters at the end. */
export const replayedBy =
  (reference: Reference) =>
  async (expression: string, { start, grads }: Problem): Promise<torch.Tensor[]> => {
    const code = `${python}
ps = [torch.nn.Parameter(p.clone()) for p in start]
replay(${expression}, ps, grads)
out["params"] = ps`;
    const { params } = await reference.run<{ params: torch.Tensor[] }>(code, { start, grads });
    return params;
  };

export function replay(optimizer: AnyOptimizer, params: readonly torch.Tensor[], grads: Problem['grads']): void {
  for (const step of grads) {
    setGrads(params, step);
    optimizer.step();
  }
}

export function assertAllClose(
  actual: readonly torch.Tensor[],
  expected: readonly torch.Tensor[],
  tolerance?: Tolerance,
  what = 'parameter',
): void {
  assert.equal(actual.length, expected.length);
  for (const [i, tensor] of actual.entries()) assertClose(tensor.cpu(), expected[i], tolerance, `${what} ${i}`);
}

export type Make = (params: torch.Tensor[]) => AnyOptimizer;

const halves = (params: torch.Tensor[]) => ({ first: params.slice(0, 2), second: params.slice(2) });

/** Each optimizer with its options, here and in Python. */
export const cases: [name: string, make: Make, expression: string][] = [
  ['SGD', (ps) => new SGD(ps, { lr: 0.1 }), 'torch.optim.SGD(ps, lr=0.1)'],
  [
    'SGD with weight decay',
    (ps) => new SGD(ps, { lr: 0.1, weightDecay: 0.02 }),
    'torch.optim.SGD(ps, lr=0.1, weight_decay=0.02)',
  ],
  [
    'SGD with momentum',
    (ps) => new SGD(ps, { lr: 0.1, momentum: 0.9, weightDecay: 0.02 }),
    'torch.optim.SGD(ps, lr=0.1, momentum=0.9, weight_decay=0.02)',
  ],
  [
    'SGD with dampening',
    (ps) => new SGD(ps, { lr: 0.1, momentum: 0.9, dampening: 0.3, weightDecay: 0.02 }),
    'torch.optim.SGD(ps, lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.02)',
  ],
  [
    'SGD with Nesterov momentum',
    (ps) => new SGD(ps, { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.02 }),
    'torch.optim.SGD(ps, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.02)',
  ],
  [
    'SGD that maximizes',
    (ps) => new SGD(ps, { lr: 0.1, momentum: 0.9, weightDecay: 0.02, maximize: true }),
    'torch.optim.SGD(ps, lr=0.1, momentum=0.9, weight_decay=0.02, maximize=True)',
  ],
  ['Adam', (ps) => new Adam(ps, { lr: 0.05 }), 'torch.optim.Adam(ps, lr=0.05)'],
  [
    'Adam with weight decay',
    (ps) => new Adam(ps, { lr: 0.05, weightDecay: 0.1 }),
    'torch.optim.Adam(ps, lr=0.05, weight_decay=0.1)',
  ],
  ['AdamW with its defaults', (ps) => new AdamW(ps), 'torch.optim.AdamW(ps)'],
  [
    'AdamW',
    (ps) => new AdamW(ps, { lr: 0.05, betas: [0.8, 0.99], eps: 1e-3, weightDecay: 0.1 }),
    'torch.optim.AdamW(ps, lr=0.05, betas=(0.8, 0.99), eps=1e-3, weight_decay=0.1)',
  ],
  [
    'AdamW with AMSGrad',
    (ps) => new AdamW(ps, { lr: 0.05, betas: [0.9, 0.5], amsgrad: true }),
    'torch.optim.AdamW(ps, lr=0.05, betas=(0.9, 0.5), amsgrad=True)',
  ],
  [
    'AdamW that maximizes',
    (ps) => new AdamW(ps, { lr: 0.05, maximize: true }),
    'torch.optim.AdamW(ps, lr=0.05, maximize=True)',
  ],
  [
    'AdamW with two groups',
    (ps) =>
      new AdamW(
        [
          { params: halves(ps).first, lr: 0.02, weightDecay: 0 },
          { params: halves(ps).second, betas: [0.5, 0.9] },
        ],
        { lr: 0.05, weightDecay: 0.2 },
      ),
    'torch.optim.AdamW([dict(params=ps[:2], lr=0.02, weight_decay=0.0), dict(params=ps[2:], betas=(0.5, 0.9))], lr=0.05, weight_decay=0.2)',
  ],
  [
    'SGD with two groups',
    (ps) =>
      new SGD(
        [
          { params: halves(ps).first, lr: 0.02 },
          { params: halves(ps).second, momentum: 0.5 },
        ],
        { lr: 0.05, weightDecay: 0.2 },
      ),
    'torch.optim.SGD([dict(params=ps[:2], lr=0.02), dict(params=ps[2:], momentum=0.5)], lr=0.05, weight_decay=0.2)',
  ],
  ['Lamb with its defaults', (ps) => new Lamb(ps), 'Lamb(ps)'],
  [
    'Lamb without limit on the gradients',
    (ps) => new Lamb(ps, { lr: 0.05, maxGradNorm: null, weightDecay: 0.1 }),
    'Lamb(ps, lr=0.05, max_grad_norm=None, weight_decay=0.1)',
  ],
  [
    'Lamb without weight decay',
    (ps) => new Lamb(ps, { lr: 0.05, weightDecay: 0 }),
    'Lamb(ps, lr=0.05, weight_decay=0)',
  ],
  [
    'Lamb that always adapts',
    (ps) => new Lamb(ps, { lr: 0.05, weightDecay: 0, alwaysAdapt: true }),
    'Lamb(ps, lr=0.05, weight_decay=0, always_adapt=True)',
  ],
  [
    'Lamb with clipped trust',
    (ps) => new Lamb(ps, { lr: 0.05, trustClip: true, maxGradNorm: 1e4 }),
    'Lamb(ps, lr=0.05, trust_clip=True, max_grad_norm=1e4)',
  ],
  [
    'Lamb without bias correction and averaging, with two groups',
    (ps) =>
      new Lamb([{ params: halves(ps).first, lr: 0.02, weightDecay: 0 }, { params: halves(ps).second }], {
        lr: 0.05,
        biasCorrection: false,
        gradAveraging: false,
      }),
    'Lamb([dict(params=ps[:2], lr=0.02, weight_decay=0), dict(params=ps[2:])], lr=0.05, bias_correction=False, grad_averaging=False)',
  ],
];
