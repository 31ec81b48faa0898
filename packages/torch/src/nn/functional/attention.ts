/** Scaled dot-product attention: libtorch's fused operator, or an equal composition where that is missing or slower. */
import { findOperator, type Operator } from '../../binding/operator.js';
import type { Device } from '../../devices.js';
import { TorchError } from '../../errors.js';
import { ops } from '../../ops.js';
import { checkNames } from '../../options.js';
import { ones } from '../../tensor/create.js';
import { describeTensor, deviceOf, dtypeOf, shapeOf } from '../../tensor/describe.js';
import type { DType } from '../../tensor/dtype.js';
import { tidy } from '../../tensor/scope.js';
import type { Tensor } from '../../tensor/tensor.js';
import { bfloat16Softmax, isCpuBfloat16 } from './bfloat16.js';

const { aten } = ops;

export interface AttentionOptions {
  /**
   * Broadcast to `[…, L, S]`: bool, true where a query may attend to a key, or numbers that are added to the scores.
   * Default null.
   */
  attnMask?: Tensor | null;
  /** The part of the attention weights that become zero; the caller knows the mode. Default 0. */
  dropoutP?: number;
  /** Query i attends only to keys 0 … i. Default false. */
  isCausal?: boolean;
  /** Factor of the scores. Default `1 / √E`. */
  scale?: number | null;
}

/** Undefined until it is first needed; null where this libtorch (before 2.0) has none. */
let fused: Operator | null | undefined;

/**
 * `softmax(q kᵀ · scale + mask) v`: q `[…, L, E]`, k `[…, S, E]`, v `[…, S, Ev]` → `[…, L, Ev]`. A row that may
 * look nowhere gives NaN before libtorch 2.5, zeros since. Throws `TorchError` when the shapes do not fit, or for
 * both a mask and `isCausal`.
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: AttentionOptions = {},
): Tensor {
  checkNames('scaledDotProductAttention()', options, ['attnMask', 'dropoutP', 'isCausal', 'scale']);
  checkShapes(query, key, value);
  if (options.isCausal && options.attnMask)
    throw new TorchError(
      'ARGUMENT',
      'scaledDotProductAttention: Explicit attnMask should not be set when isCausal=true',
    );
  if (fused === undefined) fused = findOperator('aten::scaled_dot_product_attention');
  return fused === null || composedIsFaster(query, key, options)
    ? composedAttention(query, key, value, options)
    : fusedAttention(fused, query, key, value, options);
}

/** Names of libtorch's kernels, by the number with which it names its choice (`SDPBackend`). */
const kernelNames = ['math', 'flash', 'efficient', 'cudnn', 'overrideable'] as const;

/** A kernel for attention; `composed` are products and a softmax of this package. */
export type AttentionKernel = (typeof kernelNames)[number] | 'composed';

/**
 * Returns the kernel that `scaledDotProductAttention` takes in a training for heads of width 64 and `keys` tokens
 * (default 197, of an image of 224 pixels in patches of 16). Throws `TorchError` for a device that is not there.
 */
export function attentionKernel(
  device: Device,
  dtype: DType,
  { keys = 197 }: { readonly keys?: number } = {},
): AttentionKernel {
  const choose = findOperator('aten::_fused_sdp_choice');
  if (choose === null || findOperator('aten::scaled_dot_product_attention') === null) return 'composed';
  return tidy(() => {
    const tokens = ones([1, 1, keys, 64], { device, dtype, requiresGrad: true });
    if (composedIsFaster(tokens, tokens, {})) return 'composed';
    return kernelNames[choose(tokens, tokens, tokens) as number] ?? 'math';
  });
}

/**
 * The most keys for which the composition is used: its weights take `L · S` numbers a head, which libtorch's do not.
 */
const mostKeys = { bfloat16: 1024, float32: 128 };

/**
 * Returns whether composed operators are faster than the fused one. On the CPU libtorch's flash kernel multiplies
 * blocks of one head at a time, which costs more than a batched product while sequences are short, and above all in
 * bfloat16. Forward and backward on one Zen 5 core with libtorch 2.14.1, in ms, flash against composed: q `[64, 3, 66,
 * 32]` 40.2 and 5.8 in bfloat16, 10.4 and 9.4 in float32; `[32, 6, 198, 64]` 131 and 50, 105 and 109; `[2, 6, 1026,
 * 64]` 138 and 71, 148 and 160.
 */
function composedIsFaster(query: Tensor, key: Tensor, { attnMask, isCausal }: AttentionOptions): boolean {
  if (attnMask || isCausal || deviceOf(query) !== 'cpu') return false;
  const dtype = dtypeOf(query);
  return (dtype === 'bfloat16' || dtype === 'float32') && key.size(-2) <= mostKeys[dtype];
}

function checkShapes(query: Tensor, key: Tensor, value: Tensor): void {
  const [q, k, v] = [shapeOf(query), shapeOf(key), shapeOf(value)];
  const fits =
    q.length >= 2 && q.length === k.length && k.length === v.length && q.at(-1) === k.at(-1) && k.at(-2) === v.at(-2);
  if (fits) return;
  throw new TorchError(
    'ARGUMENT',
    `scaledDotProductAttention: expected query […, L, E], key […, S, E] and value […, S, Ev], got [query: ${describeTensor(query)}, key: ${describeTensor(key)}, value: ${describeTensor(value)}]`,
  );
}

function fusedAttention(
  operator: Operator,
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: AttentionOptions,
): Tensor {
  const { attnMask = null, dropoutP = 0, isCausal = false, scale = null } = options;
  if (scale === null || operator.schema.arguments.some(({ name }) => name === 'scale')) {
    return operator(query, key, value, attnMask, dropoutP, isCausal, scale === null ? {} : { scale }) as Tensor;
  }
  const rescaled = query.mul(scale * Math.sqrt(query.size(-1))); // libtorch 2.0 has no such argument yet
  return operator(rescaled, key, value, attnMask, dropoutP, isCausal) as Tensor;
}

/**
 * The same from products and softmax; used before libtorch 2.0, and where `composedIsFaster`. Forward and backward of q, k and v `[128, 3,
 * 66, 64]`, views of one qkv product, on one Zen 5 core: 38.0 ms in fp32 and 19.3 in bf16; `matmul` of the scaled q
 * 39.4 and 21.3, the private `_scaled_dot_product_attention_math` 38.9 and 21.5. `baddbmm` with alpha = scale is not
 * faster (its backward scales twice), and libtorch 1.13 multiplies what it should ignore, the uninitialised result, by
 * beta = 0: NaN. Grouped convolutions (oneDNN instead of OpenBLAS) are slower.
 */
export function composedAttention(query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions = {}): Tensor {
  const { attnMask = null, dropoutP = 0, isCausal = false, scale = null } = options;
  const [q, k, v] = [shapeOf(query), shapeOf(key), shapeOf(value)];
  const batch = broadcastBatch(q, k, v);
  const [length = 0, width = 1] = q.slice(-2);
  return tidy(() => {
    const foldedQ = folded(query, q, batch);
    const foldedK = aten.transpose.int(folded(key, k, batch), 1, 2); // [G, E, S]
    const mask = isCausal ? ones([length, key.size(-2)], { dtype: 'bool', device: deviceOf(query) }).tril() : attnMask;
    const weights = attentionWeights(foldedQ, foldedK, scale ?? 1 / Math.sqrt(width), mask && { mask, batch });
    const dropped = dropoutP > 0 ? aten.dropout.default(weights, dropoutP, true) : weights;
    return aten.view.default(aten.bmm.default(dropped, folded(value, v, batch)), [...batch, length, v.at(-1) ?? 0]);
  });
}

/**
 * `softmax(q k · scale + mask)`, `[G, L, E]` and `[G, E, S]` → `[G, L, S]`; in bfloat16 the scale is part of the
 * kernel.
 */
function attentionWeights(
  q: Tensor,
  k: Tensor,
  scale: number,
  masking: { mask: Tensor; batch: readonly number[] } | null,
): Tensor {
  if (masking === null && isCpuBfloat16(q)) return bfloat16Softmax(aten.bmm.default(q, k), scale);
  const scores = aten.bmm.default(aten.mul.Tensor(q, scale), k);
  return aten.softmax.int(masking === null ? scores : masked(scores, masking.mask, masking.batch), -1);
}

function masked(scores: Tensor, mask: Tensor, batch: readonly number[]): Tensor {
  const byHead = aten.view.default(scores, [...batch, ...shapeOf(scores).slice(-2)]);
  const result = dtypeOf(mask) === 'bool' ? byHead.maskedFill(mask.logicalNot(), -Infinity) : byHead.add(mask);
  return aten.view.default(result, shapeOf(scores));
}

/** The batch dimensions that all three have, or are repeated to. */
function broadcastBatch(...shapes: readonly (readonly number[])[]): number[] {
  const [first = [], ...rest] = shapes.map((shape) => shape.slice(0, -2));
  return first.map((size, i) => [size, ...rest.map((batch) => batch[i] ?? 1)].find((item) => item !== 1) ?? 1);
}

/** `[…, M, N]` → `[G, M, N]`, repeated where its batch dimensions are 1. */
function folded(tensor: Tensor, shape: readonly number[], batch: readonly number[]): Tensor {
  const [rows = 0, columns = 0] = shape.slice(-2);
  const same = batch.every((size, i) => size === shape[i]);
  const whole = same ? tensor : aten.expand.default(tensor, [...batch, rows, columns]);
  return aten.reshape.default(whole, [batch.reduce((product, size) => product * size, 1), rows, columns]);
}
