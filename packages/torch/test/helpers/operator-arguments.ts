/** Seeded random arguments for any operator: valid-looking at most places, extreme at some. */
import type { NativeArgument } from '../../src/binding/addon.js';
import { camelCase, type Operator } from '../../src/binding/operator.js';
import * as torch from '../../src/index.js';
import type { Random } from './fuzz-values.js';

const dtypes = [
  'float32',
  'float32',
  'float32',
  'float32',
  'float64',
  'int64',
  'int64',
  'bool',
  'bfloat16',
  'uint8',
  'int32',
  'int16',
  'int8',
  'complex64',
  'complex128',
  'float16',
] as const;
type Kind = (typeof dtypes)[number];

const hugeIntegers: readonly (number | bigint)[] = [
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 + 1,
  -(2 ** 31),
  2 ** 40,
  2 ** 53 - 1,
  2n ** 62n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];
const words =
  'mean sum none linear lower higher nearest midpoint trunc floor tanh same valid reflect replicate constant circular add amax prod ij xy L R U fro nuc sum mean ?'.split(
    ' ',
  );

/** What the tensors of one call have in common, so that many calls get past the checks of shapes and dtypes. */
export interface Scene {
  shape: number[];
  dtype: Kind;
}

export function makeScene(random: Random): Scene {
  return { shape: makeShape(random), dtype: random.pick(dtypes) };
}

function makeShape(random: Random): number[] {
  if (random.chance(0.01)) return [random.pick([0, 5000, 70_000])];
  return random.times(random.pick([0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5]), () =>
    random.pick([0, 1, 1, 2, 2, 3, 3, 4, 5, 8]),
  );
}

const namesOfIndices = /index|indices|target|sorter|lengths|offset|batch_sizes|pivots|labels|bag_size|boundaries|rois/i;

/** One tensor, mostly of the scene's shape and dtype. */
export function makeTensor(random: Random, scene: Scene, name = ''): torch.Tensor {
  const shape = random.chance(0.7) ? scene.shape : makeShape(random);
  let dtype: Kind = random.chance(0.85) ? scene.dtype : random.pick(dtypes);
  if (namesOfIndices.test(name) && random.chance(0.85)) dtype = random.chance(0.8) ? 'int64' : 'int32';
  const plain = (): torch.Tensor => torch.zeros(shape, { dtype });
  return orElse(plain, () =>
    special(random, unusual(random, withValues(random, shape, dtype, namesOfIndices.test(name)))),
  );
}

/** Not every combination can be made: a tensor of device meta has no sparse twin, for one. */
function orElse<T>(plain: () => T, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof torch.TorchError) return plain();
    throw error;
  }
}

function withValues(random: Random, shape: readonly number[], dtype: Kind, isIndex: boolean): torch.Tensor {
  const device = random.chance(0.01) ? 'meta' : 'cpu';
  if (dtype === 'complex64' || dtype === 'complex128') {
    const part = dtype === 'complex64' ? 'float32' : 'float64';
    const real = torch.randn(shape, { dtype: part, device });
    return torch.ops.aten.complex.default(real, torch.randn(shape, { dtype: part, device }));
  }
  if (isIndex && random.chance(0.7)) return torch.randint(0, random.pick([1, 2, 3, 4]), shape, { dtype, device });
  if (dtype.startsWith('int') || dtype === 'uint8') {
    if (random.chance(0.25)) return torch.full(shape, extremeOf(random, dtype), { dtype, device });
    return torch.randint(dtype === 'uint8' ? 0 : -3, 6, shape, { dtype, device });
  }
  const values = torch.randn(shape, { device }).mul(2);
  return (random.chance(0.05) ? values.div(0) : values).to(dtype);
}

const bits: Readonly<Record<string, bigint>> = { int8: 8n, int16: 16n, int32: 32n, int64: 64n };

function extremeOf(random: Random, dtype: string): bigint {
  const size = bits[dtype];
  if (size === undefined) return random.pick([0n, 255n]); // uint8
  const most = 2n ** (size - 1n);
  return random.pick([0n, -1n, -most, most - 1n, 100n]);
}

/** Views, strides of zero, tensors that want a gradient. */
function unusual(random: Random, made: torch.Tensor): torch.Tensor {
  let tensor = made;
  if (tensor.ndim > 1 && random.chance(0.15)) tensor = tensor.transpose(0, 1);
  if (tensor.ndim > 0 && random.chance(0.1))
    tensor = tensor.index(torch.slice(random.below(2), null, 1 + random.below(2)));
  if (random.chance(0.07)) tensor = tensor.unsqueeze(0).expand(random.pick([1, 3]), ...tensor.shape.map(() => -1));
  if (random.chance(0.05)) tensor = tensor.index(...tensor.shape.map(() => ':' as const), null);
  if (/^(float|bfloat|complex)/.test(tensor.dtype) && random.chance(0.25)) tensor = tensor.detach().requiresGrad_();
  return tensor;
}

/** Layouts and types beside the usual: sparse, oneDNN's, quantized. */
function special(random: Random, tensor: torch.Tensor): torch.Tensor {
  if (!random.chance(0.05)) return tensor;
  const aten = torch.ops.unsafe.aten;
  switch (random.below(5)) {
    case 0:
      return tensor.toSparse();
    case 1:
      return aten.to_sparse_csr.default(tensor);
    case 2:
      return tensor.toMkldnn();
    case 3:
      return aten._make_per_tensor_quantized_tensor.default(tensor.to('int8'), 0.5, 0);
    default:
      return tensor.toSparse(random.below(3));
  }
}

function makeInteger(random: Random, name: string): number | bigint {
  if (random.chance(0.05)) return random.pick(hugeIntegers);
  if (/dim|axis/.test(name)) return random.below(5) - 2;
  if (/num|size|groups|stride|dilation|steps|length|^n$|^k$|chunks|sections|bins/.test(name)) return random.below(6);
  return random.below(8) - 3;
}

function makeList(random: Random, scene: Scene, name: string, item: string, size: string): unknown {
  if (item === 'int' && random.chance(0.3) && scene.shape.length > 0) return [...scene.shape];
  const length =
    size !== '' && random.chance(0.85) ? Number(size) : random.pick([0, 1, 1, 2, 2, 3, 3, scene.shape.length, 6]);
  return random.times(length, () => makeArgument(random, scene, name, item));
}

function makeArgument(random: Random, scene: Scene, name: string, type: string): unknown {
  if (type.endsWith('?')) return random.chance(0.4) ? null : makeArgument(random, scene, name, type.slice(0, -1));
  const list = /^(.*)\[(\d*)\]$/.exec(type);
  if (list) return makeList(random, scene, name, list[1] as string, list[2] as string);
  switch (type) {
    case 'Tensor':
      return random.chance(0.03) ? random.pick<unknown>([0, 1, -1, 0.5]) : makeTensor(random, scene, name);
    case 'int':
      return makeInteger(random, name);
    case 'float':
      return random.pick([0, 0.5, 0.9, 1, 2, -1, 1e-5, 1e30, Number.NaN, Infinity, 5e-324, -1e308, 1e-40, 70.5]);
    case 'Scalar':
      return random.pick<unknown>([
        0,
        1,
        2,
        -1,
        -1,
        0.5,
        1e30,
        true,
        2n ** 62n,
        -(2n ** 63n),
        Number.NaN,
        -Infinity,
        70,
      ]);
    case 'bool':
      return random.chance(0.5);
    case 'str':
      return random.pick(words);
    case 'ScalarType':
      return random.pick(dtypes);
    case 'MemoryFormat':
      return random.pick(['contiguous_format', 'channels_last', 'channels_last_3d', 'preserve_format']);
    case 'Layout':
      return random.pick(['strided', 'strided', 'sparse_coo', 'sparse_csr', '_mkldnn']);
    case 'Device':
      return random.pick(['cpu', 'cpu', 'meta', 'cuda']);
    case 'Generator':
      return new torch.Generator();
    default:
      return undefined;
  }
}

/** The arguments of one call: positional ones in a list, those that go by name in a last object. */
export function makeArguments(random: Random, operator: Operator, scene: Scene): unknown[] {
  const positional: unknown[] = [];
  const named: Record<string, unknown> = {};
  for (const argument of operator.schema.arguments) {
    if (argument.hasDefault && random.chance(0.5)) {
      if (!argument.keywordOnly) positional.push(undefined);
    } else {
      const value = makeArgument(random, scene, argument.name, argument.type);
      if (argument.keywordOnly) named[nameOf(random, argument)] = value;
      else positional.push(value);
    }
  }
  return Object.keys(named).length > 0 ? [...positional, named] : positional;
}

const nameOf = (random: Random, { name }: NativeArgument): string => (random.chance(0.5) ? name : camelCase(name));

/** What a value was, for a person who is to call the same again. */
export function describeArgument(value: unknown): unknown {
  if (value instanceof torch.Tensor) return describeTensor(value);
  if (Array.isArray(value)) return value.map(describeArgument);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (value instanceof torch.Generator) return 'Generator';
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, describeArgument(item)]));
  return value;
}

function describeTensor(tensor: torch.Tensor): string {
  let dtype = 'quantized';
  try {
    dtype = tensor.dtype;
  } catch {} // its dtype has no name here
  const parts = [`${dtype}[${tensor.shape}]`];
  if (tensor.layout !== 'strided') parts.unshift(tensor.layout);
  else if (tensor.device !== 'cpu') parts.unshift(tensor.device);
  else if (/^(u?int|bool)/.test(dtype) && tensor.numel() <= 8) parts.push(`= [${tensor.reshape(-1).toArray()}]`);
  if (tensor.layout === 'strided') parts.push(`strides ${tensor.stride()}`);
  if (tensor.requiresGrad) parts.push('grad');
  return parts.join(' ');
}
