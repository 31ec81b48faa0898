/** Moves a network to the device that trains it, with its memory as the kernels there want it. */
import * as torch from '@deit-lt/torch';
import { VisionTransformer } from './vit.js';

/**
 * Moves `model` to `device` and returns it. The convolutions of a CNN have channels-last weights on a card, `[O, kH, kW, I]` in memory: images come so, too,
 * and cuDNN would copy other weights in each call. The values, their shapes and what is saved are the same. `isCard`: default, unless the device is the CPU.
 */
export function placeOn<M extends torch.nn.AnyModule>(model: M, device: string, isCard = device !== 'cpu'): M {
  const channelsLast = isCard && !(model instanceof VisionTransformer);
  return model.to({ device, ...(channelsLast && { memoryFormat: 'channels_last' }) });
}

/** Returns a tensor's values in the memory layout of `like`, as a new tensor of its dtype: gradients must have the layout of their parameters. */
export function inLayoutOf(like: torch.Tensor, values: torch.Tensor): torch.Tensor {
  return torch.emptyLike(like).copy_(values);
}
