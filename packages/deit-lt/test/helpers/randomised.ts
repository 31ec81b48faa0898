/** Weights and statistics that initial ones would not show. */
import * as torch from '@deit-lt/torch';

/** Adds noise to the floating-point weights and statistics of a module, draws variances again, and returns the module. */
export function randomised<M extends torch.nn.AnyModule>(module: M): M {
  for (const [name, value] of module.stateDict())
    if (value.dtype === 'float32')
      torch.noGrad(() =>
        name.endsWith('running_var')
          ? value.copy_(torch.rand(value.shape).add(0.5))
          : value.add_(torch.randn(value.shape).mul(0.1)),
      );
  return module;
}
