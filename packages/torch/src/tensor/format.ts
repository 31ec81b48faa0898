/**
 * Tensors as text, exactly as PyTorch's `repr` writes them (`torch/_tensor_str.py`), but for one
 * thing: sparse tensors show no values.
 */
import { noGrad } from '../autograd/modes.js';
import { requireOperator } from '../binding/operator.js';
import { dispatch } from '../binding/packet.js';
import type { TensorBase } from './base.js';
import { deviceOf, dtypeOf, isLeafOf, layoutOf, requiresGradOf, shapeOf } from './describe.js';
import { type DType, isFloatingPoint } from './dtype.js';
import { type ElementStyle, type ElementValue, floatStyle, plainStyle } from './format-numbers.js';
import { getPrintOptions, type PrintOptions } from './format-options.js';
import { tidy } from './scope.js';
import { readTypedArray } from './values.js';

const prefix = 'tensor(';

/** Returns the text that PyTorch prints for the tensor. For a large tensor, only the items that are shown are read. */
export function formatTensor(tensor: TensorBase): string {
  const options = getPrintOptions();
  const text = prefix + tidy(() => noGrad(() => contentsOf(tensor, options)));
  return addSuffixes(text, suffixesOf(tensor), options.linewidth);
}

function contentsOf(tensor: TensorBase, options: PrintOptions): string {
  if (!hasValues(tensor)) return '...';
  const shape = shapeOf(tensor);
  const count = shape.reduce((product, size) => product * size, 1);
  if (count === 0) return '[]';
  const summarised = count > options.threshold;
  const cut = shape.map((size) => summarised && size > 2 * options.edgeitems);
  const plain = dispatch('detach', [tensor]) as TensorBase;
  const shown = cut.includes(true) ? edges(plain, cut, options.edgeitems) : plain;
  return layOut(
    { elements: elementsOf(shown, dtypeOf(tensor), options), shape: shapeOf(shown), cut, options },
    0,
    0,
    prefix.length,
  );
}

function hasValues(tensor: TensorBase): boolean {
  return layoutOf(tensor) === 'strided' && deviceOf(tensor) !== 'meta';
}

/**
 * The first and last items of every dimension that is cut, without touching the rest: windows of n items
 * that are size − n apart are exactly two, and a view.
 */
function edges(tensor: TensorBase, cut: readonly boolean[], n: number): TensorBase {
  const shape = shapeOf(tensor);
  let view = tensor;
  const order: number[] = [];
  let windows = shape.length; // where the next window dimension is
  for (const [dim, size] of shape.entries()) {
    order.push(dim);
    if (!cut[dim]) continue;
    view = dispatch('unfold', [view, dim, n, size - n]) as TensorBase;
    order.push(windows++);
  }
  const sizes = shape.map((size, dim) => (cut[dim] ? 2 * n : size));
  return dispatch('reshape', [dispatch('permute', [view, order]), sizes]) as TensorBase;
}

/** Text of the element at a place of the row-major values, and the width that all have. */
interface Elements {
  readonly width: number;
  at(i: number): string;
}

function elementsOf(tensor: TensorBase, dtype: DType, options: PrintOptions): Elements {
  if (dtype.startsWith('complex')) return complexElements(tensor, options);
  const values = readTypedArray(tensor);
  if (isFloatingPoint(dtype)) return styled(values, floatStyle(values as Float64Array, options));
  const items: ArrayLike<ElementValue> = dtype === 'bool' ? Array.from(values as Uint8Array, Boolean) : values;
  return styled(items, plainStyle(items as Iterable<ElementValue> & ArrayLike<ElementValue>));
}

function styled(values: ArrayLike<ElementValue>, style: ElementStyle): Elements {
  return { width: style.width, at: (i) => style.format(values[i] as ElementValue) };
}

/** Real and imaginary parts each have their own style. */
function complexElements(tensor: TensorBase, options: PrintOptions): Elements {
  const pairs = readTypedArray(
    requireOperator('aten::view_as_real')(dispatch('resolve_conj', [tensor])) as TensorBase,
  ) as Float64Array;
  const reals = pairs.filter((_, i) => i % 2 === 0);
  const imaginaries = pairs.filter((_, i) => i % 2 === 1);
  const [real, imaginary] = [floatStyle(reals, options), floatStyle(imaginaries, options)];
  const at = (i: number): string => {
    const second = `${imaginary.format(imaginaries[i] as number)}j`.trimStart();
    return `${real.format(reals[i] as number)}${second.startsWith('-') ? '' : '+'}${second}`;
  };
  return { width: real.width + imaginary.width + 1, at };
}

interface Layout {
  readonly elements: Elements;
  /** Shape of what is shown. */
  readonly shape: readonly number[];
  /** Dimensions with `...` in their middle. */
  readonly cut: readonly boolean[];
  readonly options: PrintOptions;
}

/** The text of one sub-tensor, whose first element is at `from`; lines after the first are indented. */
function layOut(layout: Layout, dim: number, from: number, indent: number): string {
  const { elements, shape, cut, options } = layout;
  if (dim === shape.length) return elements.at(from);
  const size = shape[dim] as number;
  const isVector = dim === shape.length - 1;
  const step = shape.slice(dim + 1).reduce((product, inner) => product * inner, 1);
  const items = Array.from({ length: size }, (_, i) => layOut(layout, dim + 1, from + i * step, indent + 1));
  if (cut[dim]) items.splice(options.edgeitems, 0, isVector ? ' ...' : '...');
  const lines = isVector ? wrap(items, Math.floor((options.linewidth - indent) / (elements.width + 2))) : items;
  const newlines = isVector ? '\n' : '\n'.repeat(shape.length - dim - 1);
  return `[${lines.join(`,${newlines}${' '.repeat(indent + 1)}`)}]`;
}

function wrap(items: readonly string[], perLine: number): string[] {
  const step = Math.max(1, perLine);
  return Array.from({ length: Math.ceil(items.length / step) }, (_, line) =>
    items.slice(line * step, (line + 1) * step).join(', '),
  );
}

/** Returns the text after the values, such as the dtype if it is not the default. */
function suffixesOf(tensor: TensorBase): string[] {
  const [dtype, device, layout, shape] = [dtypeOf(tensor), deviceOf(tensor), layoutOf(tensor), shapeOf(tensor)];
  const isEmpty = shape.includes(0);
  const showsValues = hasValues(tensor);
  const suffixes: string[] = [];
  if (device !== 'cpu') suffixes.push(`device='${device}'`);
  if (!showsValues || (isEmpty && shape.length !== 1)) suffixes.push(`size=${pythonTuple(shape)}`);
  const evident = showsValues && !isEmpty ? ['float32', 'complex64', 'int64', 'bool'] : ['float32'];
  if (!evident.includes(dtype)) suffixes.push(`dtype=torch.${dtype}`);
  if (layout !== 'strided') suffixes.push(`layout=torch.${layout}`);
  if (!isLeafOf(tensor)) suffixes.push(`grad_fn=<${gradFnName(tensor)}>`);
  else if (requiresGradOf(tensor)) suffixes.push('requires_grad=True');
  return suffixes;
}

function pythonTuple(shape: readonly number[]): string {
  return `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
}

/** The class of the node that made the tensor. */
function gradFnName(tensor: TensorBase): string {
  return requireOperator('bridge::grad_fn_name')(tensor) as string;
}

/** Suffixes go on the last line while they fit, and else on lines of their own. */
function addSuffixes(text: string, suffixes: readonly string[], linewidth: number): string {
  let result = text;
  let lineLength = text.length - text.lastIndexOf('\n') + 1;
  for (const suffix of suffixes) {
    if (lineLength + suffix.length + 2 > linewidth) {
      result += `,\n${' '.repeat(prefix.length)}${suffix}`;
      lineLength = prefix.length + suffix.length;
    } else {
      result += `, ${suffix}`;
      lineLength += suffix.length + 2;
    }
  }
  return `${result})`;
}
