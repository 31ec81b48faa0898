/** The optimizer that a recipe names, over timm's groups: no weight decay for biases, norms and tokens. */
import * as torch from '@deit-lt/torch';
import type { TrainingRecipe } from '../recipe/schema.js';
import { parameterGroups } from './parameter-groups.js';

/**
 * Over the parameters of `model`, a module or what a task learns. `lr` is the learning rate before any schedule. SGD
 * decays every parameter, as the published teachers do.
 */
export function createOptimizer(
  model: { namedParameters(): torch.nn.NamedTensors<torch.nn.Parameter> },
  { name, weightDecay, momentum = 0, nesterov = false, betas = [0.9, 0.999], eps }: TrainingRecipe['optimizer'],
  lr: number,
): torch.optim.Optimizer<{ lr?: number }> {
  switch (name) {
    case 'sgd':
      return new torch.optim.SGD(
        model.namedParameters().map(([, parameter]) => parameter),
        { lr, weightDecay, momentum, nesterov },
      );
    case 'adamw':
      return new torch.optim.AdamW(parameterGroups(model, { weightDecay }), {
        lr,
        betas,
        ...(eps !== undefined && { eps }),
      });
    case 'lamb':
      return new torch.optim.Lamb(parameterGroups(model, { weightDecay }), {
        lr,
        betas,
        ...(eps !== undefined && { eps }),
      });
  }
}
