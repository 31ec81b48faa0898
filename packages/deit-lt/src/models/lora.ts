/**
 * Low-rank adaptation (LoRA: E. J. Hu et al., ICLR 2022) of a Vision Transformer: where its matrices are, and how they become a part
 * of the weights, so that the result of a training is a network as any other.
 */
import * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import { LoraLinear } from './lora-linear.js';
import type { ImageModel } from './model.js';
import { VisionTransformer } from './vit.js';

const [down, up] = ['.lora_a', '.lora_b'] as const;

/**
 * Puts matrices of `rank` beside the four layers of each block: queries, keys and values; the projection behind them; both of
 * the MLP. Throws UserError RECIPE for a network without such blocks, and a rank above its width.
 */
export function addLora(model: ImageModel, rank: number, part: 'teacher' | 'student'): void {
  if (!(model instanceof VisionTransformer))
    throw new UserError(
      'RECIPE',
      `${part}.learn is "lora:${rank}", which is for the blocks of a Vision Transformer, and this network has none; set it to all, biases or classifier.`,
    );
  if (rank > model.embedDim)
    throw new UserError(
      'RECIPE',
      `${part}.learn is "lora:${rank}", but the tokens of this network have ${model.embedDim} numbers; set a rank below that, such as lora:8.`,
    );
  for (const { attn, mlp } of model.blocks) {
    Object.assign(attn, { qkv: new LoraLinear(attn.qkv, rank), proj: new LoraLinear(attn.proj, rank) });
    Object.assign(mlp, { fc1: new LoraLinear(mlp.fc1, rank), fc2: new LoraLinear(mlp.fc2, rank) });
  }
}

/** Returns whether `name` is that of a low-rank matrix in the state of a network. */
export function isLora(name: string): boolean {
  return name.endsWith(down) || name.endsWith(up);
}

/** Returns `tensors` with `W + B A` in the place of W, A and B; the same where there are none. */
export function mergedLora(tensors: ReadonlyMap<string, torch.Tensor>): Map<string, torch.Tensor> {
  const merged = new Map([...tensors].filter(([name]) => !isLora(name)));
  for (const [name, b] of tensors) {
    if (!name.endsWith(up)) continue;
    const layer = name.slice(0, -up.length);
    const [weight, a] = [tensors.get(`${layer}.weight`), tensors.get(`${layer}${down}`)];
    if (weight === undefined || a === undefined) throw new Error(`it has ${name} without the layer that it belongs to`);
    merged.set(
      `${layer}.weight`,
      torch.noGrad(() => weight.add(b.matmul(a))),
    );
  }
  return merged;
}

/** Returns merged `tensors` for `model`: where it has low-rank matrices, B is zero. */
export function withLoraOf(
  model: torch.nn.AnyModule,
  tensors: ReadonlyMap<string, torch.Tensor>,
): Map<string, torch.Tensor> {
  const own = [...model.stateDict()].filter(([name]) => isLora(name));
  return new Map([
    ...tensors,
    ...own.map(([name, value]) => [name, name.endsWith(up) ? torch.zerosLike(value) : value] as const),
  ]);
}
