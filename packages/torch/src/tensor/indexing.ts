/** Indexing and slicing with PyTorch's meaning: views for numbers and slices, gathers for tensors and lists. */
import { requireOperator } from '../binding/operator.js';
import { describeValue, TorchError } from '../errors.js';
import { TensorBase } from './base.js';
import { dimOf, dtypeOf, shapeOf } from './describe.js';
import { tidy } from './scope.js';
import { tensor } from './create.js';
import type { Tensor } from './tensor.js';

/** A range of one dimension; absent ends reach to the border, negative ones count from the end. */
export interface Slice {
  readonly start: number | null;
  readonly stop: number | null;
  readonly step: number;
}

class SliceRange implements Slice {
  constructor(
    readonly start: number | null,
    readonly stop: number | null,
    readonly step: number,
  ) {}
}

/** `start:stop:step` of one dimension, as Python's `slice`. Throws `TorchError` unless `step` is at least 1. */
export function slice(start: number | null = null, stop: number | null = null, step = 1): Slice {
  if (!Number.isInteger(step) || step < 1) throw new TorchError('ARGUMENT', `slice: the step must be a whole number of at least 1, got ${describeValue(step)}`);
  return new SliceRange(start, stop, step);
}

/** What one place of `t.index(…)` takes. Strings are `'start:stop:step'`, any part may be left out, and `'...'`. */
export type Index = number | null | boolean | string | Slice | Tensor | readonly number[] | readonly boolean[];

function parseSlice(text: string): Slice {
  const parts = text.split(':').map((part) => part.trim());
  if (parts.length < 2 || parts.length > 3 || !parts.every((part) => /^(-?\d+)?$/.test(part))) {
    throw new TorchError('ARGUMENT', `index: ${describeValue(text)} is neither a slice such as '1:3' or '::2', nor '...'`);
  }
  const [start = '', stop = '', step = ''] = parts;
  return slice(start === '' ? null : Number(start), stop === '' ? null : Number(stop), step === '' ? 1 : Number(step));
}

const consumes = (index: Index): number => {
  if (index === null || index === '...' || typeof index === 'boolean') return 0;
  return isMask(index) ? dimOf(index) : 1;
};

function isMask(index: Index): index is Tensor {
  return index instanceof TensorBase && (dtypeOf(index) === 'bool' || dtypeOf(index) === 'uint8');
}

interface Selection {
  view: Tensor;
  /** Index tensors by dimension of the view; null where all of it is taken. Empty without advanced indices. */
  gathers: (Tensor | null)[];
}

/** Applies what gives a view, dimension by dimension, and collects the index tensors. */
function resolve(source: Tensor, indices: readonly Index[]): Selection {
  const total = dimOf(source);
  const used = indices.reduce((sum: number, index) => sum + consumes(index), 0);
  if (used > total) throw new TorchError('ARGUMENT', `index: ${used} indices for a tensor with ${total} dimensions of shape [${shapeOf(source).join(', ')}]`);
  if (indices.filter((index) => index === '...').length > 1) throw new TorchError('ARGUMENT', "index: '...' may be given once");
  let view = source;
  let dim = 0; // the view's dimension that the next index is about
  let covered = 0; // dimensions that the entries of `gathers` stand for
  const gathers: (Tensor | null)[] = [];
  const gather = (tensor: Tensor, dims: number): void => {
    for (; covered < dim; covered++) gathers.push(null);
    gathers.push(tensor);
    dim += dims;
    covered += dims;
  };
  for (const index of indices) {
    if (index === '...') {
      dim += total - used;
    } else if (index === null) {
      view = view.unsqueeze(dim++);
    } else if (typeof index === 'number') {
      view = selectOne(view, dim, index);
    } else if (typeof index === 'string' || index instanceof SliceRange) {
      const { start, stop, step } = typeof index === 'string' ? parseSlice(index) : index;
      view = requireOperator('aten::slice', 'Tensor')(view, dim++, start, stop, step) as Tensor;
    } else if (typeof index === 'boolean') {
      view = view.unsqueeze(dim);
      gather(filled([index], 'bool', source), 1);
    } else if (index instanceof TensorBase) {
      gather(index as Tensor, consumes(index as Tensor));
    } else if (Array.isArray(index)) {
      gather(filled(index, typeof index[0] === 'boolean' ? 'bool' : 'int64', source), 1);
    } else {
      throw new TorchError('ARGUMENT', `index: expected a number, a slice, '...', null, a boolean, an array or a Tensor, got ${describeValue(index)}`);
    }
  }
  return { view, gathers };
}

function selectOne(view: Tensor, dim: number, index: number): Tensor {
  const size = shapeOf(view)[dim] ?? 0;
  if (!Number.isInteger(index) || index < -size || index >= size) {
    throw new TorchError('ARGUMENT', `index: ${index} is out of bounds for dimension ${dim} with size ${size}`);
  }
  return requireOperator('aten::select', 'int')(view, dim, index) as Tensor;
}

function filled(values: readonly (number | boolean)[], dtype: 'bool' | 'int64', like: Tensor): Tensor {
  const known = dtype === 'bool' ? (value: unknown) => typeof value === 'boolean' : Number.isSafeInteger;
  const wrong = values.find((value) => !known(value));
  if (wrong !== undefined) throw new TorchError('ARGUMENT', `index: an array of indices holds whole numbers or only booleans, got ${describeValue(wrong)}`);
  return tensor(values as readonly number[], { dtype, shape: [values.length], device: like.device });
}

/** `source[indices]`: a view, or a copy where index tensors take part. Throws `TorchError` for indices that do not fit. */
export function selectAt(source: Tensor, indices: readonly Index[]): Tensor {
  return tidy(() => {
    const { view, gathers } = resolve(source, indices);
    if (gathers.length > 0) return requireOperator('aten::index', 'Tensor')(view, gathers) as Tensor;
    return view === source ? (requireOperator('aten::alias')(source) as Tensor) : view;
  });
}

/** `source[indices] = value`. */
export function assignAt(source: Tensor, indices: readonly Index[], value: Tensor | number): void {
  tidy(() => {
    const { view, gathers } = resolve(source, indices);
    const given = value instanceof TensorBase ? (value as Tensor) : tensor(value, { dtype: source.dtype, device: source.device });
    if (gathers.length > 0) requireOperator('aten::index_put_')(view, gathers, given);
    else requireOperator('aten::copy_')(view, given);
  });
}
