/**
 * Separates the parameters that are decayed from those that are not, by the rule of timm's optimizer factory: gains,
 * biases and single tokens are not decayed. The undecayed group comes first, which a PyTorch checkpoint's optimizer
 * state relies on.
 */
import type * as torch from '@deit-lt/torch';

/** Tokens of a ViT: three-dimensional, but each is one vector added to many. */
export const undecayedNames: readonly string[] = ['pos_embed', 'cls_token', 'dist_token'];

export interface ParameterGroupsOptions {
  /** Weight decay of the second group. */
  weightDecay: number;
  /** Full names, in PyTorch's spelling, that are not decayed whatever their shape. Default: a ViT's tokens. */
  undecayed?: readonly string[];
}

/** A group as `torch.optim` takes it. */
export interface DecayGroup {
  name: 'undecayed' | 'decayed';
  params: torch.nn.Parameter[];
  weightDecay: number;
}

/**
 * Two groups of the model's parameters that require a gradient: without decay those of one dimension or none, all
 * named `…bias`, and `undecayed`; with `weightDecay` the others. Both are there even when empty.
 */
export function parameterGroups(
  model: { namedParameters(): torch.nn.NamedTensors<torch.nn.Parameter> },
  { weightDecay, undecayed = undecayedNames }: ParameterGroupsOptions,
): [undecayed: DecayGroup, decayed: DecayGroup] {
  const without: DecayGroup = { name: 'undecayed', params: [], weightDecay: 0 };
  const decayed: DecayGroup = { name: 'decayed', params: [], weightDecay };
  for (const [name, parameter] of model.namedParameters()) {
    if (!parameter.requiresGrad) continue;
    const isSpared = parameter.ndim <= 1 || name.endsWith('.bias') || undecayed.includes(name);
    (isSpared ? without : decayed).params.push(parameter);
  }
  return [without, decayed];
}
