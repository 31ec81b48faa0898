/**
 * Scaled dot-product attention on the CPU: this project's choice against libtorch's own operator, in one process.
 *
 *   OMP_NUM_THREADS=1 npm run bench:attention -- [--rounds 7]
 *
 * Prints milliseconds of CPU time for forward and backward (medians over the rounds, sides in turns) and the ratio of
 * each round: median and range. Needs a libtorch that has the operator (2.0 or newer).
 */
import * as torch from '@deit-lt/torch';
import { parseOptions } from '../options.js';
import { median, ratios, turns, withRange } from '../rounds.js';

const F = torch.nn.functional;
const { values: options } = parseOptions({ options: { rounds: { type: 'string', default: '7' } } });
const rounds = Number(options.rounds);

const shapes = [
  [128, 3, 18, 32],
  [64, 3, 66, 32], // the quickstart's transformer
  [128, 3, 66, 64], // DeiT-Ti's on CIFAR
  [32, 6, 198, 64], // DeiT-S at 224
  [4, 6, 578, 64],
  [2, 6, 1026, 64],
];

interface NewerOperators {
  /** From libtorch 2.0 on; the types are those of 1.13. */
  readonly scaled_dot_product_attention?: { default(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor): torch.Tensor };
}
const operator = (torch.ops.aten as NewerOperators).scaled_dot_product_attention;
if (operator === undefined) {
  console.error('this libtorch has no scaled_dot_product_attention; it came with 2.0');
  process.exit(1);
}

type Attend = (q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) => torch.Tensor;
const sides: Record<'ours' | 'libtorch', Attend> = {
  ours: (q, k, v) => F.scaledDotProductAttention(q, k, v),
  libtorch: (q, k, v) => operator.default(q, k, v),
};

/** CPU milliseconds of one forward and backward pass. */
function cpuTime(attend: Attend, qkv: torch.Tensor, gradient: torch.Tensor, repeats: number): number {
  const start = process.cpuUsage();
  for (let i = 0; i < repeats; i++)
    torch.tidy(() => {
      const [q, k, v] = qkv.unbind(0) as [torch.Tensor, torch.Tensor, torch.Tensor];
      qkv.grad = null;
      attend(q, k, v).backward({ gradient });
    });
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e3 / repeats;
}

console.log('q [B, heads, L, headDim] | dtype | ours, ms | libtorch, ms | libtorch / ours');
for (const shape of shapes)
  for (const dtype of ['bfloat16', 'float32'] as const) {
    const qkv = torch
      .randn([3, ...shape])
      .to(dtype)
      .requiresGrad_();
    const gradient = torch.randn(shape).to(dtype);
    for (const attend of Object.values(sides)) cpuTime(attend, qkv, gradient, 2); // warm-up
    const times: Record<keyof typeof sides, number[]> = { ours: [], libtorch: [] };
    for (const side of turns(['ours', 'libtorch'] as const, rounds))
      times[side].push(cpuTime(sides[side], qkv, gradient, 3));
    const [ours, libtorch] = [median(times.ours), median(times.libtorch)];
    console.log(
      `${shape.join(', ')} | ${dtype} | ${ours.toFixed(1)} | ${libtorch.toFixed(1)} | ${withRange(ratios(times.libtorch, times.ours))}`,
    );
  }
