/**
 * Arithmetic over lists of tensors for SAM and EMA. On the CPU tensor after tensor, which stays in the cache; elsewhere
 * one `_foreach_` operator for the list, which a device runs as few kernels and is not waited for.
 */
import * as torch from '@deit-lt/torch';

const { aten } = torch.ops;
type Tensors = readonly torch.Tensor[];

/** Operators that came after libtorch 1.13, by `name.overload`; null where this libtorch lacks them. */
const found = new Map<string, ((...args: readonly unknown[]) => unknown) | null>();

function newer(name: string, overload: string): ((...args: readonly unknown[]) => unknown) | null {
  const key = `${name}.${overload}`;
  let operator = found.get(key);
  if (operator === undefined) {
    operator = lookUp(name, overload);
    found.set(key, operator);
  }
  return operator;
}

function lookUp(name: string, overload: string): ((...args: readonly unknown[]) => unknown) | null {
  try {
    const overloads = (aten as unknown as Record<string, Record<string, (...args: readonly unknown[]) => unknown>>)[
      name
    ];
    return overloads?.[overload] ?? null;
  } catch (error) {
    if (error instanceof torch.TorchError && error.code === 'NO_SUCH_OPERATOR') return null;
    throw error;
  }
}

interface ListOptions {
  /** Whether one operator runs for the whole list. Default: unless all tensors are on the CPU. */
  foreach?: boolean;
}

const offCpu = (xs: Tensors): boolean => xs.some((x) => x.device !== 'cpu');

/** The norm of all tensors as if they were one vector, `[]`, on the device of the first. `xs` must not be empty. */
export function normOfAll(xs: Tensors): torch.Tensor {
  const norms = aten._foreach_norm.Scalar(xs, 2);
  const device = norms[0]!.device;
  return aten.linalg_vector_norm.default(torch.stack(norms.map((norm) => norm.to(device))), 2);
}

/** `x ← x + factor · y`, with a factor `[]` on their device that is not read. */
export function addScaled_(
  xs: Tensors,
  ys: Tensors,
  factor: torch.Tensor,
  { foreach = offCpu(xs) }: ListOptions = {},
): void {
  if (!foreach) {
    const alpha = factor.toNumber();
    xs.forEach((x, i) => void x.add_(ys[i]!, { alpha }));
    return;
  }
  const scale = newer('_foreach_mul', 'Tensor');
  if (scale !== null) aten._foreach_add_.List(xs, scale(ys, factor) as torch.Tensor[]);
  else
    aten._foreach_addcmul_.Scalar(
      xs,
      ys,
      xs.map(() => factor),
      1,
    );
}

/** `x ← y`. */
export function copyAll_(xs: Tensors, ys: Tensors, { foreach = offCpu(xs) }: ListOptions = {}): void {
  const copy = foreach ? newer('_foreach_copy_', 'default') : null;
  if (copy !== null) copy(xs, ys);
  else xs.forEach((x, i) => void x.copy_(ys[i]!));
}

/** `x ← x + weight · (y − x)`. */
export function lerpAll_(xs: Tensors, ys: Tensors, weight: number, { foreach = offCpu(xs) }: ListOptions = {}): void {
  if (!foreach) {
    xs.forEach((x, i) => void aten.lerp_.Scalar(x, ys[i]!, weight));
    return;
  }
  const lerp = newer('_foreach_lerp_', 'Scalar');
  if (lerp !== null) {
    lerp(xs, ys, weight);
  } else {
    aten._foreach_mul_.Scalar(xs, 1 - weight);
    aten._foreach_add_.List(xs, ys, { alpha: weight });
  }
}
