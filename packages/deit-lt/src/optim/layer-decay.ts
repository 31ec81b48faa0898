/**
 * Layer-wise decay of the learning rate, for networks that begin with trained weights: the earlier a layer, the smaller its
 * steps. As timm's `param_groups_layer_decay` (BEiT, Bao et al., 2022; ELECTRA, Clark et al., 2020).
 */
import type * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import { layerOrder } from '../models/layer-order.js';
import type { Learning, ScheduledOptimizer } from './optimizer-entry.js';

/** A group of parameters with the factor of its learning rate. */
interface ScaledGroup {
  lr?: number;
  lrScale?: number;
}

/**
 * Returns the factor of the learning rate of each parameter, `decay^(L - layer)` for the layers 0 … L of timm's order.
 * Throws `UserError` (`RECIPE`) for a network without known layers.
 */
export function layerScales(network: Learning, decay: number): ReadonlyMap<torch.Tensor, number> {
  const named = network.namedParameters();
  const order = layerOrder(named.map(([name]) => name));
  if (order === undefined)
    throw new UserError(
      'RECIPE',
      'layerDecay: the parameters of this network show no order of layers (expected names as blocks.0., layer1.0. or s1.b1.); set it to null.',
    );
  const last = Math.max(...order.values());
  return new Map(named.map(([name, parameter]) => [parameter, decay ** (last - order.get(name)!)]));
}

/**
 * Divides the groups of `optimizer`, before its first step, by layer; `setLearningRate` then scales the rate of each.
 * Parameters that `network` does not have keep the whole rate.
 */
export function decayByLayer(optimizer: ScheduledOptimizer, network: Learning, decay: number): void {
  const scales = layerScales(network, decay);
  const groups = optimizer.paramGroups.splice(0);
  for (const group of groups) {
    for (const [lrScale, params] of byScale(group.params, scales))
      optimizer.paramGroups.push({ ...group, params, lrScale } as (typeof groups)[number]);
  }
}

/** The parameters of each factor, from the first layer to the last. */
function byScale(
  params: readonly torch.Tensor[],
  scales: ReadonlyMap<torch.Tensor, number>,
): [scale: number, params: torch.Tensor[]][] {
  const found = new Map<number, torch.Tensor[]>();
  for (const parameter of params) {
    const scale = scales.get(parameter) ?? 1;
    const others = found.get(scale);
    if (others === undefined) found.set(scale, [parameter]);
    else others.push(parameter);
  }
  return [...found].sort(([a], [b]) => a - b);
}

/** Gives each group its learning rate: `lr`, times the factor of its layer. */
export function setLearningRate({ paramGroups }: Pick<ScheduledOptimizer, 'paramGroups'>, lr: number): void {
  for (const group of paramGroups as ScaledGroup[]) group.lr = lr * (group.lrScale ?? 1);
}

/** Returns the learning rate that `setLearningRate` was given last; undefined before. */
export function learningRateOf({ paramGroups }: Pick<ScheduledOptimizer, 'paramGroups'>): number | undefined {
  const groups = paramGroups as readonly ScaledGroup[];
  const whole = groups.find(({ lrScale = 1 }) => lrScale === 1) ?? groups[0];
  return whole?.lr === undefined ? undefined : whole.lr / (whole.lrScale ?? 1);
}
