// An optimizer of one's own: Lion, `u = sign(β₁m + (1−β₁)g)`, `p ← (1 − lr·weightDecay)·p − lr·u`, `m ← β₂m + (1−β₂)g`.
// X. Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, arXiv 2302.06675.
import { parameterGroups, registerOptimizer, torch, z } from 'deit-lt';

const share = { expected: 'a number from 0', accepts: (value) => value >= 0 };
const pair = { expected: 'two numbers below 1', accepts: (value) => value.every((beta) => beta >= 0 && beta < 1) };

class Lion extends torch.optim.Optimizer {
  constructor(groups, options) {
    const defaults = { lr: 1e-4, weightDecay: 0, betas: [0.9, 0.99] };
    super(groups, options, defaults, { lr: share, weightDecay: share, betas: pair });
  }

  // What a checkpoint has for each parameter.
  stateNames() {
    return { exp_avg: 'required' };
  }

  // `entries()` gives the parameters that have a gradient; temporaries are released by the caller.
  updateGroup(group) {
    const { lr, weightDecay } = group;
    const [fast, slow] = group.betas;
    for (const { param, grad, state } of this.entries(group, (p) => ({ exp_avg: torch.zerosLike(p) }))) {
      const direction = state.exp_avg
        .mul(fast)
        .add(grad.mul(1 - fast))
        .sign();
      param.mul_(1 - lr * weightDecay).add_(direction.mul(-lr));
      state.exp_avg.mul_(slow).add_(grad.mul(1 - slow));
    }
  }
}

registerOptimizer({
  name: 'lion',
  options: z.object({
    betas: z
      .tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)])
      .default([0.9, 0.99])
      .describe('decays of the direction and of the average'),
  }),
  // Biases, norms and tokens are not decayed, as by AdamW.
  create: (learning, { lr, weightDecay, betas }) => new Lion(parameterGroups(learning, { weightDecay }), { lr, betas }),
  unusualRate: 0.01,
  numbersPerWeight: 1,
});
