/** Indexing and slicing with PyTorch's meaning: views for numbers and slices, gathers for tensors and lists. */

import type { Scalar } from '../binding/codec.js';
import { requireOperator } from '../binding/operator.js';
import { dispatch } from '../binding/packet.js';
import { describeValue, TorchError } from '../errors.js';
import { TensorBase } from './base.js';
import { converted } from './converted.js';
import { deviceOf, dimOf, dtypeOf, shapeOf } from './describe.js';
import { type DType, isInteger } from './dtype.js';
import { type TensorData, tensorOf } from './from-data.js';
import { tidy } from './scope.js';

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
  if (!Number.isInteger(step) || step < 1)
    throw new TorchError(
      'ARGUMENT',
      `slice: the step must be a whole number of at least 1, got ${describeValue(step)}`,
    );
  return new SliceRange(start, stop, step);
}

/** Numbers or booleans, nested as those of `torch.tensor()`. */
export type IndexArray = readonly (number | IndexArray)[] | readonly (boolean | IndexArray)[];

/** `Index` of tensor.ts, before there is a `Tensor`. */
type AnyIndex = number | null | boolean | string | Slice | TensorBase | IndexArray;

function parseSlice(text: string): Slice {
  const parts = text.split(':').map((part) => part.trim());
  if (parts.length < 2 || parts.length > 3 || !parts.every((part) => /^(-?\d+)?$/.test(part))) {
    throw new TorchError(
      'ARGUMENT',
      `index: ${describeValue(text)} is neither a slice such as '1:3' or '::2', nor '...'`,
    );
  }
  const [start = '', stop = '', step = ''] = parts;
  return slice(start === '' ? null : Number(start), stop === '' ? null : Number(stop), step === '' ? 1 : Number(step));
}

/** Arrays become tensors, and tensors without dimensions the number or boolean that they hold, as in PyTorch. */
type Entry = number | null | boolean | string | Slice | TensorBase;

function entryOf(index: AnyIndex, source: TensorBase): Entry {
  if (Array.isArray(index)) return indexTensor(index, source);
  if (!(index instanceof TensorBase) || dimOf(index) > 0) return index as Entry;
  const dtype = dtypeOf(index);
  if (dtype === 'bool' || dtype === 'uint8') return numberIn(index) !== 0;
  return isInteger(dtype) ? numberIn(index) : index;
}

/** The only element. */
const numberIn = (tensor: TensorBase): number => Number(dispatch('item', [tensor]));

function onDeviceOf(source: TensorBase, data: TensorData, dtype?: DType): TensorBase {
  return converted(tensorOf(data, { dtype }), { device: deviceOf(source) });
}

function indexTensor(values: IndexArray, source: TensorBase): TensorBase {
  const made = onDeviceOf(source, values as TensorData);
  if (dtypeOf(made) === 'bool') return made;
  const fraction = (values as unknown[]).flat(Infinity).find((value) => !Number.isSafeInteger(value));
  if (fraction !== undefined)
    throw new TorchError(
      'ARGUMENT',
      `index: an array of indices holds whole numbers or only booleans, got ${describeValue(fraction)}`,
    );
  return onDeviceOf(source, values as TensorData, 'int64');
}

/** Returns the number of the source's dimensions that an entry indexes. */
const consumes = (entry: Entry): number => {
  if (entry === null || entry === '...' || typeof entry === 'boolean') return 0;
  return isMask(entry) ? dimOf(entry) : 1;
};

function isMask(entry: Entry): entry is TensorBase {
  return entry instanceof TensorBase && (dtypeOf(entry) === 'bool' || dtypeOf(entry) === 'uint8');
}

interface Selection {
  view: TensorBase;
  /** Index tensors by dimension of the view; null where all of it is taken. Empty without advanced indices. */
  gathers: (TensorBase | null)[];
}

/** Applies what gives a view, dimension by dimension, and collects the index tensors. */
function resolve(source: TensorBase, indices: readonly AnyIndex[]): Selection {
  const entries = indices.map((index) => entryOf(index, source));
  const total = dimOf(source);
  const used = entries.reduce((sum: number, entry) => sum + consumes(entry), 0);
  if (used > total)
    throw new TorchError(
      'ARGUMENT',
      `index: ${used} indices for a tensor with ${total} dimensions of shape [${shapeOf(source).join(', ')}]`,
    );
  if (entries.filter((entry) => entry === '...').length > 1)
    throw new TorchError('ARGUMENT', "index: '...' may be given once");
  let view = source;
  let dim = 0; // the view's dimension that the next entry is about
  let passed = 0; // the source's dimensions before it
  let covered = 0; // dimensions that `gathers` stands for
  const gathers: (TensorBase | null)[] = [];
  const gather = (index: TensorBase, dims: number): void => {
    for (; covered < dim; covered++) gathers.push(null);
    gathers.push(index);
    dim += dims;
    covered += dims;
  };
  for (const entry of entries) {
    if (entry === '...') {
      dim += total - used;
      passed += total - used;
    } else if (entry === null) {
      view = dispatch('unsqueeze', [view, dim++]) as TensorBase;
    } else if (typeof entry === 'number') {
      view = selectOne(view, dim, entry, passed);
    } else if (typeof entry === 'string' || entry instanceof SliceRange) {
      const { start, stop, step } = typeof entry === 'string' ? parseSlice(entry) : entry;
      view = requireOperator('aten::slice', 'Tensor')(view, dim++, start, stop, step) as TensorBase;
    } else if (typeof entry === 'boolean') {
      view = dispatch('unsqueeze', [view, dim]) as TensorBase;
      gather(onDeviceOf(source, [entry]), 1);
    } else if (entry instanceof TensorBase) {
      gather(entry, consumes(entry));
    } else {
      throw new TorchError(
        'ARGUMENT',
        `index: expected a number, a slice, '...', null, a boolean, an array or a Tensor, got ${describeValue(entry)}`,
      );
    }
    passed += consumes(entry);
  }
  return { view, gathers };
}

/** `passed` names the source's dimension in messages; `dim` is that of the view. */
function selectOne(view: TensorBase, dim: number, index: number, passed: number): TensorBase {
  const size = shapeOf(view)[dim] ?? 0;
  if (!Number.isInteger(index) || index < -size || index >= size) {
    throw new TorchError('ARGUMENT', `index: ${index} is out of bounds for dimension ${passed} with size ${size}`);
  }
  return requireOperator('aten::select', 'int')(view, dim, index) as TensorBase;
}

/** `source[indices]`: a view, or a copy where index tensors take part. Throws `TorchError` for indices that do not fit. */
export function selectAt(source: TensorBase, indices: readonly AnyIndex[]): TensorBase {
  return tidy(() => {
    const { view, gathers } = resolve(source, indices);
    if (gathers.length > 0) return requireOperator('aten::index', 'Tensor')(view, gathers) as TensorBase;
    return view === source ? (requireOperator('aten::alias')(source) as TensorBase) : view;
  });
}

/** `source[indices] = value`, or `+= value` with `accumulate`, where an element that is named twice gets both. */
export function assignAt(
  source: TensorBase,
  indices: readonly AnyIndex[],
  value: TensorBase | Scalar,
  accumulate: boolean,
): void {
  tidy(() => {
    const { view, gathers } = resolve(source, indices);
    const given = value instanceof TensorBase ? withoutLeadingOnes(value) : filledLike(source, value);
    if (gathers.length > 0) requireOperator('aten::index_put_')(view, gathers, given, accumulate);
    else requireOperator(accumulate ? 'aten::add_' : 'aten::copy_', accumulate ? 'Tensor' : '')(view, given);
  });
}

function filledLike(source: TensorBase, value: Scalar): TensorBase {
  return requireOperator('aten::full')([], value, { dtype: dtypeOf(source), device: deviceOf(source) }) as TensorBase;
}

/** A value may have more dimensions than its place when the first ones are 1, as in PyTorch. */
function withoutLeadingOnes(value: TensorBase): TensorBase {
  const shape = shapeOf(value);
  const first = shape.findIndex((size) => size !== 1);
  const kept = first < 0 ? [] : shape.slice(first);
  return kept.length === shape.length ? value : (dispatch('view', [value, kept]) as TensorBase);
}
