/**
 * Requests per second of `deit-lt serve` against a server of the same model in Python (FastAPI, uvicorn, PyTorch, Pillow), at
 * several numbers of clients, in turns; many clients at once; and memory over a long time.
 *
 *   PYTHON_SERVE=python npm run bench:serve -- [--only cifar|small] [--rounds 3] [--seconds 6] [--clients 1,4,16] [--limit 1000]
 *   npm run bench:serve -- --burst 1000         1,000 clients at once: nothing may be lost
 *   npm run bench:serve -- --soak 20            minutes under load: memory may not grow
 *
 * PYTHON_SERVE is a Python with torch, torchvision, Pillow, fastapi and uvicorn. `--limit` is the p99 in milliseconds at which the last
 * table compares.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import sharp from 'sharp';
import { createModel } from '#deit-lt/models/index.js';
import { loadRecipe } from '#deit-lt/recipe/load.js';
import { writePhotographs } from '../augment/photographs.js';
import { parseOptions } from '../options.js';
import { type CaseName, cases } from '../predict/cases.js';
import { median, ratios, turns, withRange } from '../rounds.js';
import { withScratch } from '../scratch.js';
import { quantile, runLoad } from './load.js';

const { values: options } = parseOptions({
  options: {
    only: { type: 'string', default: 'small' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '6' },
    clients: { type: 'string', default: '1,4,16' },
    limit: { type: 'string', default: '1000' },
    burst: { type: 'string' },
    soak: { type: 'string' },
  },
});
const [rounds, seconds, limit] = [options.rounds, options.seconds, options.limit].map(Number) as [
  number,
  number,
  number,
];
const levels = options.clients.split(',').map(Number);
const name = options.only as CaseName;
if (!(name in cases) || !(rounds >= 1) || !(seconds > 0) || !levels.every((level) => level >= 1)) {
  console.error(
    `--only is one of ${Object.keys(cases).join(', ')}; --rounds and --clients are 1 or more, --seconds more than 0`,
  );
  process.exit(2);
}
const each = cases[name];
const threads = os.availableParallelism();
const python = process.env.PYTHON_SERVE ?? 'python3';
const bin = path.resolve(import.meta.dirname, '../../../packages/deit-lt/bin/deit-lt.mjs');
const reference = path.resolve(import.meta.dirname, '../../serve/server.py');
const { mean, std } = loadRecipe('default').student;

const deitLt = (...args: readonly string[]): string =>
  execFileSync(process.execPath, [bin, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

interface Prepared {
  readonly run: string;
  readonly checkpoint: string;
  readonly images: readonly Buffer[];
}

async function prepare(folder: string): Promise<Prepared> {
  const place = (file: string): string => path.join(folder, file);
  const [weights, checkpoint, run] = [place('w.safetensors'), place('w.pth'), place('run')];
  torch.tidy(() => torch.safetensors.save(weights, createModel(each.model, each.options).stateDict()));
  deitLt(
    'import',
    weights,
    '--out',
    run,
    ...(each.model === 'deit' ? ['--set', `student.model.numHeads=${each.numHeads}`] : []),
  );
  deitLt('export', run, '--format', 'torch', '--out', checkpoint);
  mkdirSync(place('images'));
  const count = 64;
  const images = each.photographs
    ? (await writePhotographs(place('images'), { count, distinct: count })).paths.map((file) => readFileSync(file))
    : await Promise.all(Array.from({ length: count }, () => smallImage(each.imageSize)));
  return { run, checkpoint, images };
}

function smallImage(size: number): Promise<Buffer> {
  const noise = { type: 'gaussian', mean: 128, sigma: 50 } as const;
  return sharp({ create: { width: size, height: size, channels: 3, background: 'grey', noise } })
    .jpeg({ quality: 95 })
    .toBuffer();
}

interface Server {
  readonly url: string;
  readonly child: ChildProcess;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function ready(child: ChildProcess, port: number): Promise<Server> {
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    if (child.exitCode !== null)
      throw new Error(`a server ended with code ${child.exitCode}; its message stands above`);
    const found = await fetch(`${url}/healthz`, { headers: { connection: 'close' } }).catch(() => undefined);
    if (found?.ok === true) return { url, child };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

type Start = (prepared: Prepared) => Promise<Server>;

const ours =
  (...more: readonly string[]): Start =>
  async ({ run }) => {
    const port = await freePort();
    const args = [bin, 'serve', run, '--port', String(port), ...more];
    return ready(spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] }), port);
  };

const theirs =
  (batch: number, precision = 'float32'): Start =>
  async ({ checkpoint }) => {
    const port = await freePort();
    const config = JSON.stringify({ case: each, checkpoint, threads, mean, std, port, batch, precision });
    return ready(spawn(python, ['-B', reference, config], { stdio: ['ignore', 'inherit', 'inherit'] }), port);
  };

const sides: Readonly<Record<string, Start>> = {
  'deit-lt serve': ours(),
  'deit-lt serve, fp32': ours('--precision', 'float32'),
  'Python, fp32': theirs(1),
  'Python with batches, fp32': theirs(16),
  'Python with batches, bf16': theirs(16, 'bfloat16'),
};

/** Requests per second and p99 of one side at each number of clients. */
type Rows = readonly { readonly rate: number; readonly p50: number; readonly p99: number; readonly failed: number }[];

async function measure(start: Start, prepared: Prepared): Promise<Rows> {
  const { url, child } = await start(prepared);
  const rows = [];
  const { images } = prepared;
  try {
    await runLoad({ url, images, clients: 4, ms: 1500 }); // memory is laid out, code is compiled
    for (const clients of levels) {
      const { latencies, seconds: took, failed } = await runLoad({ url, images, clients, ms: seconds * 1000 });
      rows.push({
        rate: latencies.length / took,
        p50: quantile(latencies, 0.5),
        p99: quantile(latencies, 0.99),
        failed,
      });
    }
    return rows;
  } finally {
    await ended(child);
  }
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exit;
}

async function compare(prepared: Prepared): Promise<void> {
  const names = Object.keys(sides);
  const found: Record<string, Rows[]> = Object.fromEntries(names.map((side) => [side, []]));
  for (const side of turns(names, rounds)) found[side]!.push(await measure(sides[side]!, prepared));
  const cell = (rows: readonly Rows[], level: number): string => {
    const of = (value: 'rate' | 'p99'): number => median(rows.map((row) => row[level]![value]));
    const failed = rows.reduce((sum, row) => sum + row[level]!.failed, 0);
    return `${of('rate').toFixed(1)}/s, ${of('p99').toFixed(0)} ms${failed > 0 ? ` (${failed} failed)` : ''}`;
  };
  console.log(
    `| ${each.what} | ${levels.map((level) => `${level} clients`).join(' | ')} | at p99 ≤ ${limit} ms | ratio |`,
  );
  console.log(`| --- |${' --- |'.repeat(levels.length + 2)}`);
  const best = (rows: Rows): number => Math.max(0, ...rows.filter(({ p99 }) => p99 <= limit).map(({ rate }) => rate));
  const own = found['deit-lt serve']!.map(best);
  for (const side of names) {
    const rates = found[side]!.map(best);
    const ratio = rates.every((rate) => rate > 0) ? withRange(ratios(own, rates)) : 'never so fast';
    const cells = levels.map((_, level) => cell(found[side]!, level));
    console.log(`| ${side} | ${cells.join(' | ')} | ${median(rates).toFixed(1)}/s | ${ratio} |`);
  }
}

async function burst(prepared: Prepared, clients: number): Promise<void> {
  const { url, child } = await ours()(prepared);
  const { images } = prepared;
  const load = await runLoad({ url, images, clients, ms: Number.POSITIVE_INFINITY, requests: clients });
  const metrics = await (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text();
  const classified = /result="classified"\} (\d+)/.exec(metrics)?.[1];
  await ended(child);
  console.log(
    `${clients} clients at once: ${load.latencies.length} answered, ${load.refused} times 429, ${load.failed} failed, in ${load.seconds.toFixed(1)} s; the server counts ${classified} classified`,
  );
  if (load.latencies.length !== clients || load.failed > 0) process.exitCode = 1;
}

async function soak(prepared: Prepared, minutes: number): Promise<void> {
  const { url, child } = await ours()(prepared);
  const { images } = prepared;
  const parts = 10;
  const megabytes: number[] = [];
  let [answered, failed] = [0, 0];
  for (let part = 0; part < parts; part++) {
    const load = await runLoad({ url, images, clients: 16, ms: (minutes * 60_000) / parts });
    answered += load.latencies.length;
    failed += load.failed;
    const metrics = await (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text();
    megabytes.push(Number(/process_resident_memory_bytes (\d+)/.exec(metrics)![1]) / 2 ** 20);
  }
  await ended(child);
  console.log(
    `${minutes} min, 16 clients: ${answered} answered, ${failed} failed; memory in MiB after each tenth: ${megabytes.map((each) => each.toFixed(0)).join(', ')}`,
  );
  const [, second, ...others] = megabytes;
  if (failed > 0 || Math.max(...others) > 1.1 * second!) process.exitCode = 1;
}

async function runAll(folder: string): Promise<void> {
  const prepared = await prepare(folder);
  if (options.burst !== undefined) await burst(prepared, Number(options.burst));
  else if (options.soak !== undefined) await soak(prepared, Number(options.soak));
  else await compare(prepared);
}

const machine = `${os.cpus()[0]?.model ?? 'CPU'}, ${threads} cores, load ${os.loadavg()[0]!.toFixed(1)}, Node ${process.version}`;
console.log(`${machine}, ${rounds} rounds, ${new Date().toISOString().slice(0, 10)}\n`);
await withScratch('bench-serve', runAll);
