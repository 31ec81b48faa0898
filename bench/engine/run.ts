/**
 * The engine against PyTorch's Python front end: the same work, in turns, several rounds, medians.
 *
 *   npm run bench -- engine [--rounds 5] [--steps 4] [--only vit,resnet,operator,import]
 *
 * Every measurement is a process of its own: two warm-up steps, then `steps` timed ones, of which the
 * median counts. The two sides alternate, so that a machine's slow minutes meet both.
 */
import { execFileSync } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseOptions } from '../options.js';

const folder = import.meta.dirname;
const source = path.resolve(folder, '../../engine');
const python = process.env.PYTHON_TORCH ?? '/usr/bin/python3';
const { values: options } = parseOptions({
  options: {
    rounds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '4' },
    only: { type: 'string', default: 'operator,vit,resnet,import' },
  },
});
const rounds = Number(options.rounds);

interface Result {
  times: number[];
  peakBytes: number;
  losses?: number[];
}

type Side = { name: string; run: () => Result };

const reference = (testCase: string, precision: string, env: NodeJS.ProcessEnv = {}): Side => ({
  name: `python ${precision}`,
  run: () => json(python, [path.join(source, 'reference.py'), testCase, precision, options.steps], env),
});
const ours = (testCase: string, precision: string, env: NodeJS.ProcessEnv = {}): Side => ({
  name: `node ${precision}`,
  run: () => json(process.execPath, [path.join(folder, 'subject.js'), testCase, precision, options.steps], env),
});

function json(command: string, args: string[], env: NodeJS.ProcessEnv): Result {
  return JSON.parse(
    execFileSync(command, args, {
      encoding: 'utf8',
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  ) as Result;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

interface Row {
  what: string;
  goal: number;
  subject: Side;
  against: Side;
}

/** libtorch's own allocator on our side too. */
const plain = { TORCH_BRIDGE_ALLOCATOR: 'libtorch' };

const rows: Record<string, Row[]> = {
  operator: [
    {
      what: 'small operator, released by a scope',
      goal: 1,
      subject: ours('operator', 'scope'),
      against: reference('operator', 'fp32'),
    },
    {
      what: 'small operator, released by dispose()',
      goal: 1,
      subject: ours('operator', 'dispose'),
      against: reference('operator', 'fp32'),
    },
    {
      what: 'small operator, released by the collector',
      goal: 1,
      subject: ours('operator', 'collector'),
      against: reference('operator', 'fp32'),
    },
  ],
  vit: [
    { what: 'DeiT-Ti/4 step, fp32', goal: 0.95, subject: ours('vit', 'fp32'), against: reference('vit', 'fp32') },
    { what: 'DeiT-Ti/4 step, bf16', goal: 0.95, subject: ours('vit', 'bf16'), against: reference('vit', 'bf16') },
    {
      what: 'DeiT-Ti/4 step, our defaults against fp32',
      goal: 0.3,
      subject: ours('vit', 'best'),
      against: reference('vit', 'fp32'),
    },
  ],
  resnet: [
    { what: 'ResNet-32 step, fp32', goal: 0.95, subject: ours('resnet', 'fp32'), against: reference('resnet', 'fp32') },
    { what: 'ResNet-32 step, bf16', goal: 0.95, subject: ours('resnet', 'bf16'), against: reference('resnet', 'bf16') },
    {
      what: 'ResNet-32 step, our defaults against fp32',
      goal: 0.6,
      subject: ours('resnet', 'best'),
      against: reference('resnet', 'fp32'),
    },
  ],
  plain: [
    {
      what: 'DeiT-Ti/4 step, fp32, same allocator and BLAS kernels',
      goal: 1,
      subject: ours('vit', 'fp32', plain),
      against: reference('vit', 'fp32', { OPENBLAS_CORETYPE: 'Cooperlake' }),
    },
    {
      what: 'DeiT-Ti/4 step, fp32, same BLAS kernels',
      goal: 0.95,
      subject: ours('vit', 'fp32'),
      against: reference('vit', 'fp32', { OPENBLAS_CORETYPE: 'Cooperlake' }),
    },
  ],
};

const seconds = (t: number): string => (t < 1e-3 ? `${(t * 1e6).toFixed(2)} µs` : `${(t * 1e3).toFixed(0)} ms`);
const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

function compare({ what, goal, subject, against }: Row): void {
  const results = { subject: [] as Result[], against: [] as Result[] };
  for (let round = 0; round < rounds; round++) {
    // The side that begins changes, too.
    const order = round % 2 === 0 ? (['against', 'subject'] as const) : (['subject', 'against'] as const);
    for (const side of order) results[side].push((side === 'subject' ? subject : against).run());
  }
  const [a, b] = [results.subject.map((r) => median(r.times)), results.against.map((r) => median(r.times))];
  const ratios = a.map((t, i) => t / (b[i] as number));
  const memory = median(results.subject.map((r) => r.peakBytes)) / median(results.against.map((r) => r.peakBytes));
  const spread = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
  const peaks = `${megabytes(median(results.subject.map((r) => r.peakBytes)))} / ${megabytes(median(results.against.map((r) => r.peakBytes)))} = ${memory.toFixed(2)}`;
  console.log(
    `| ${what} | ${seconds(median(a))} | ${seconds(median(b))} | **${median(ratios).toFixed(2)}** (${spread}) | ≤ ${goal} | ${peaks} |`,
  );
}

function importTime(): void {
  const time = (code: string): number => {
    const start = performance.now();
    execFileSync(process.execPath, ['--input-type=module', '-e', code], {
      cwd: path.resolve(folder, '../../..'),
      stdio: 'ignore',
    });
    return performance.now() - start;
  };
  const [empty, imported, first] = [[], [], []] as [number[], number[], number[]];
  for (let round = 0; round < Math.max(rounds, 5); round++) {
    empty.push(time(''));
    imported.push(time("import '@deit-lt/torch'"));
    first.push(time("import * as torch from '@deit-lt/torch'; torch.zeros([1])"));
  }
  const pythonTimes = Array.from({ length: Math.max(rounds, 5) }, () => {
    const start = performance.now();
    execFileSync(python, ['-c', 'import torch; torch.zeros(1)'], { stdio: 'ignore' });
    return performance.now() - start;
  });
  const base = median(empty);
  console.log(
    `import: ${(median(imported) - base).toFixed(0)} ms; import and first tensor (loads libtorch): ${(median(first) - base).toFixed(0)} ms; Python, import and first tensor: ${median(pythonTimes).toFixed(0)} ms`,
  );
}

console.log(
  `${os.cpus()[0]?.model ?? 'CPU'}, ${os.availableParallelism()} cores, Node ${process.version}, ${rounds} rounds of ${options.steps} steps, ${new Date().toISOString().slice(0, 10)}`,
);
console.log(
  '| work | node | python | ratio (min–max) | goal | peak memory, node / python |\n|---|---|---|---|---|---|',
);
for (const name of options.only.split(',')) {
  if (name === 'import') importTime();
  else for (const row of rows[name] ?? []) compare(row);
}
