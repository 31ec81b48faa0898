/** Calls of operators whose arguments libtorch trusts. */
import { requireOperator } from '../../src/binding/operator.js';
import * as torch from '../../src/index.js';

/** Calls `aten::name.overload` as the package itself does: past the refusal of unchecked ones. */
export const call = (name: string, overload: string, ...args: readonly unknown[]): unknown =>
  requireOperator(`aten::${name}`, overload)(...args);

export const indices = (...values: number[]): torch.Tensor => torch.tensor(values, { dtype: 'int64' });

/** The least int64, which has no absolute value. */
export const least = -(2n ** 63n);
