/**
 * Runs random calls of operators on random small tensors, in a process of its own: test/fuzz-calls.test.ts looks at
 * how it ends. Arguments: number of cases, seed, and a file that always names the call under way.
 */
import { openSync, writeSync } from 'node:fs';
import { native } from '../../src/binding/addon.js';
import { type Operator, requireOperator } from '../../src/binding/operator.js';
import * as torch from '../../src/index.js';
import { Random } from './fuzz-values.js';

const names =
  `abs add addcdiv addcmul addmm amax amin any all argmax argmin argsort as_strided baddbmm bernoulli bitwise_and bmm
  bucketize cat cdist chunk clamp clone conv1d conv2d cosine_similarity count_nonzero cross cummax cumsum diag diagonal diff div dot
  embedding eq exp expand flatten flip floor_divide fmod gather gelu group_norm gt index index_add index_fill index_put index_select
  isclose kthvalue layer_norm lerp linear log_softmax logsumexp masked_fill masked_select matmul max max_pool2d mean median min mm
  movedim mul multinomial narrow nll_loss nonzero norm one_hot outer permute pow prod quantile remainder repeat repeat_interleave
  reshape roll scatter scatter_add select sigmoid slice softmax sort split sqrt squeeze stack std sub sum take tensordot tile topk
  transpose tril unbind unfold unsqueeze var view where`.split(/\s+/);

/**
 * Where libtorch 1.13 itself ends the process on integers near 2^63, from Python as well; this very fuzz found them.
 * Such calls are left out.
 */
const crashesOnHugeIntegers = [
  'aten::chunk', // as many empty tensors of an empty dimension, until the memory ends
  'aten::conv1d', // groups: an overflow, then a division by zero (SIGFPE)
  'aten::conv2d',
  'aten::repeat_interleave', // the size overflows, and the copy goes out of bounds (SIGSEGV)
];

function operatorsOf(name: string): Operator[] {
  return (native().listOperators('aten')[name] ?? [])
    .filter((overload) => !/out|names|[Dd]imname|complex/.test(overload))
    .sort()
    .map((overload) => requireOperator(`aten::${name}`, overload));
}

const dtypes = [
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
  'complex64',
  'float16',
] as const;

function makeTensor(random: Random): torch.Tensor {
  const shape = random.times(random.below(5), () => random.pick([0, 1, 2, 3, 3, 4]));
  const dtype = random.pick(dtypes);
  let tensor =
    dtype === 'complex64'
      ? torch.ops.aten.complex.default(torch.randn(shape), torch.randn(shape))
      : torch.randn(shape).mul(2).to(dtype);
  if (tensor.ndim > 1 && random.chance(0.2)) tensor = tensor.transpose(0, 1);
  if (tensor.ndim > 0 && random.chance(0.1))
    tensor = tensor.index(torch.slice(random.below(2), null, 1 + random.below(2)));
  if (random.chance(0.1)) tensor = tensor.unsqueeze(0).expand(random.pick([1, 3]), ...tensor.shape.map(() => -1));
  if (random.chance(0.05)) tensor = tensor.index(...tensor.shape.map(() => ':' as const), null);
  if ((dtype === 'float32' || dtype === 'float64') && random.chance(0.3)) tensor = tensor.detach().requiresGrad_();
  return tensor;
}

function integer(random: Random): number | bigint {
  if (random.chance(0.97)) return random.below(8) - 3;
  return random.pick<number | bigint>([2 ** 31, -(2 ** 31), 2 ** 53 - 1, 2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n)]);
}

function makeArgument(random: Random, type: string): unknown {
  if (type.endsWith('?')) return random.chance(0.5) ? null : makeArgument(random, type.slice(0, -1));
  const list = /^(.*)\[(\d*)\]$/.exec(type);
  if (list) {
    const value = () => (list[1] === 'int' ? random.below(6) - 1 : makeArgument(random, list[1] as string));
    return random.times(list[2] && random.chance(0.9) ? Number(list[2]) : random.below(5), value);
  }
  switch (type) {
    case 'Tensor':
      return makeTensor(random);
    case 'int':
      return integer(random);
    case 'float':
      return random.pick([0, 0.5, 1, -1, 1e-5, 1e30, Number.NaN, Infinity]);
    case 'Scalar':
      return random.pick<unknown>([0, 1, 2, -1, 0.5, 1e30, true, 2n ** 62n, Number.NaN, -Infinity]);
    case 'bool':
      return random.chance(0.5);
    case 'str':
      return random.pick([
        'mean',
        'sum',
        'none',
        'linear',
        'lower',
        'trunc',
        'floor',
        'tanh',
        'same',
        'valid',
        'reflect',
        '?',
      ]);
    case 'ScalarType':
      return random.pick(dtypes);
    case 'MemoryFormat':
      return random.pick(['contiguous_format', 'channels_last', 'preserve_format']);
    default:
      return undefined;
  }
}

/** Uses what came out: reads its values, and goes backward through it. */
function use(random: Random, result: unknown): void {
  for (const value of [result].flat()) {
    if (!(value instanceof torch.Tensor) || value.numel() > 10_000) continue;
    if (!value.dtype.startsWith('complex')) value.toArray();
    if (value.requiresGrad && value.numel() > 0 && random.chance(0.5)) value.sum().backward();
  }
}

const describe = (value: unknown): unknown =>
  value instanceof torch.Tensor
    ? `${value.dtype}[${value.shape}]/${value.stride()}`
    : Array.isArray(value)
      ? value.map(describe)
      : typeof value === 'bigint'
        ? `${value}n`
        : value;

const [cases = '1000', seed = '1', file = '/dev/null'] = process.argv.slice(2);
const log = openSync(file, 'w');
const operators = names.flatMap(operatorsOf);
let succeeded = 0;
for (let i = 0; i < Number(cases); i++) {
  const random = new Random(Number(seed) + i * 7919);
  torch.manualSeed(i);
  torch.tidy(() => {
    const operator = random.pick(operators);
    const args = operator.schema.arguments
      .filter((a) => !a.keywordOnly)
      .map(({ type, hasDefault }) => (hasDefault && random.chance(0.4) ? undefined : makeArgument(random, type)));
    const isHuge = (value: unknown): boolean => !(value instanceof torch.Tensor) && Math.abs(Number(value)) > 2 ** 30;
    if (crashesOnHugeIntegers.includes(operator.schema.name) && args.some(isHuge)) return;
    writeSync(
      log,
      `${JSON.stringify([i, operator.schema.name, operator.schema.overload, args.map(describe)])}\n`.padEnd(1000),
      0,
    );
    try {
      use(random, operator(...args));
      succeeded++;
    } catch (error) {
      if (!(error instanceof torch.TorchError)) throw error;
      if (/Exception raised from|frame #\d/.test(error.message)) throw new Error(`a C++ backtrace: ${error.message}`);
    }
  });
}
process.stdout.write(JSON.stringify({ operators: names.length, succeeded, live: native().liveTensors() }));
