/**
 * Requests per second of `deit-lt serve` against servers of the same model in Python (FastAPI and uvicorn, with PyTorch or onnxruntime), at
 * several numbers of clients, in turns; many clients at once; and memory over a long time.
 *
 *   npm run bench:serve -- --python FOLDER [--only cifar|small] [--rounds 3] [--seconds 4] [--clients 1,8,64] [--sides ours,onnxruntime]
 *   npm run bench:serve -- --burst 1000                    1,000 clients at once: nothing may be lost
 *   npm run bench:serve -- --soak 20 [--csv FILE]          minutes under load: memory may not grow
 *
 * `--python` is a folder with a virtual environment for the servers in Python; the first call makes it (a minute; from PyPI), with the torch
 * and torchvision of PYTHON_TORCH or of the `python3` on the PATH. `--sides` compares only the sides whose names have one of these words.
 */
import os from 'node:os';
import { parseOptions } from '../options.js';
import { type CaseName, cases } from '../predict/cases.js';
import { median, ratios, turns, withRange } from '../rounds.js';
import { withScratch } from '../scratch.js';
import { burst, soak } from './lasting.js';
import { quantile, runLoad } from './load.js';
import { serverPython } from './python.js';
import { ended, ours, type Prepared, prepare, type Start, theirs } from './servers.js';

const { values: options } = parseOptions({
  options: {
    only: { type: 'string', default: 'small' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    clients: { type: 'string', default: '1,8,64' },
    sides: { type: 'string', default: '' },
    python: { type: 'string' },
    burst: { type: 'string' },
    soak: { type: 'string' },
    csv: { type: 'string' },
  },
});
const usage = (message: string): never => {
  console.error(message);
  process.exit(2);
};
const [rounds, seconds] = [options.rounds, options.seconds].map(Number) as [number, number];
const levels = options.clients.split(',').map(Number);
if (!(options.only in cases)) usage(`--only ${options.only}: expected one of ${Object.keys(cases).join(', ')}`);
if (!(rounds >= 1 && seconds > 0 && levels.every((level) => level >= 1)))
  usage('--rounds and --clients are 1 or more, --seconds more than 0');
const each = cases[options.only as CaseName];

function allSides(folder: string): Readonly<Record<string, Start>> {
  const python = serverPython(folder);
  const cores = os.availableParallelism();
  return {
    ours: ours(),
    'ours, fp32': ours('--precision', 'float32'),
    torch: theirs(python, { engine: 'torch' }),
    'torch, batches': theirs(python, { engine: 'torch', batch: 16 }),
    'torch, batches, bf16': theirs(python, { engine: 'torch', batch: 16, precision: 'bfloat16' }),
    onnxruntime: theirs(python, { engine: 'onnxruntime' }),
    'onnxruntime, batches': theirs(python, { engine: 'onnxruntime', batch: 16 }),
    [`onnxruntime, ${cores} processes`]: theirs(python, { engine: 'onnxruntime', processes: cores }),
  };
}

function chosenSides(folder: string): Readonly<Record<string, Start>> {
  const words = options.sides.split(',');
  return Object.fromEntries(
    Object.entries(allSides(folder)).filter(([name]) => name === 'ours' || words.some((word) => name.includes(word))),
  );
}

/** One side at one number of clients. */
interface Cell {
  /** Answers per second. */
  readonly rate: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
}

/** A side at each number of clients. */
type Row = readonly Cell[];

async function measure(start: Start, prepared: Prepared): Promise<Row> {
  const server = await start(prepared);
  const { url } = server;
  const { images } = prepared;
  const row: Cell[] = [];
  try {
    await runLoad({ url, images, clients: 8, ms: 1500 }); // memory is laid out, code is compiled
    for (const clients of levels) {
      const load = await runLoad({ url, images, clients, ms: seconds * 1000 });
      const { latencies, failed } = load;
      const [p50, p99] = [quantile(latencies, 0.5), quantile(latencies, 0.99)];
      row.push({ rate: latencies.length / load.seconds, p50, p99, failed });
    }
    return row;
  } finally {
    await ended(server);
  }
}

/** Answers per second of the fastest cell whose p99 is not longer than `limit`; NaN where all are. */
const rateWithin = (row: Row, limit: number): number =>
  Math.max(...row.filter(({ p99 }) => p99 <= limit).map(({ rate }) => rate), Number.NEGATIVE_INFINITY);

function cellText(rows: readonly Row[], level: number): string {
  const of = (value: 'rate' | 'p50' | 'p99'): number => median(rows.map((row) => row[level]![value]));
  const rates = rows.map((row) => row[level]!.rate);
  const failed = rows.reduce((sum, row) => sum + row[level]!.failed, 0);
  const range = `${Math.min(...rates).toFixed(0)}–${Math.max(...rates).toFixed(0)}`;
  return `${of('rate').toFixed(0)}/s (${range}), ${of('p50').toFixed(1)} / ${of('p99').toFixed(1)} ms${failed > 0 ? ` (${failed} failed)` : ''}`;
}

/** Ratios of our rate to theirs at one number of their clients: with as many clients of ours as keep to their p99. */
function ratioText(own: readonly Row[], rows: readonly Row[], level: number): string {
  const limits = rows.map((row) => row[level]!.p99);
  const fastest = own.map((row, i) => rateWithin(row, limits[i]!));
  if (!fastest.every(Number.isFinite)) return 'p99 never reached';
  return withRange(
    ratios(
      fastest,
      rows.map((row) => row[level]!.rate),
    ),
  );
}

async function compare(prepared: Prepared, sides: Readonly<Record<string, Start>>): Promise<void> {
  const names = Object.keys(sides);
  const found: Record<string, Row[]> = Object.fromEntries(names.map((side) => [side, []]));
  for (const side of turns(names, rounds)) found[side]!.push(await measure(sides[side]!, prepared));
  const table = (title: string, cell: (rows: readonly Row[], level: number) => string): void => {
    console.log(`| ${title} | ${levels.map((level) => `${level} client${level === 1 ? '' : 's'}`).join(' | ')} |`);
    console.log(`| --- |${' --- |'.repeat(levels.length)}`);
    for (const side of names)
      console.log(`| ${side} | ${levels.map((_, level) => cell(found[side]!, level)).join(' | ')} |`);
    console.log();
  };
  table(`${each.what}: answers/s (range), p50 / p99`, cellText);
  table('our answers/s over theirs, at no longer a p99', (rows, level) => ratioText(found.ours!, rows, level));
}

const count = (name: 'burst' | 'soak'): number => {
  const value = Number(options[name]);
  return value > 0 ? value : usage(`--${name} ${options[name]}: expected a number above 0`);
};

async function work(folder: string): Promise<void> {
  const prepared = await prepare(each, folder);
  if (options.burst !== undefined) return burst(ours(), prepared, count('burst'));
  if (options.soak !== undefined) return soak(ours(), prepared, { minutes: count('soak'), csv: options.csv });
  await compare(prepared, chosenSides(options.python!));
}

if (options.burst === undefined && options.soak === undefined && options.python === undefined)
  usage(
    '--python FOLDER is missing: the folder of the virtual environment for the servers in Python, made when it does not exist',
  );
const machine = `${os.cpus()[0]?.model ?? 'CPU'}, ${os.availableParallelism()} cores, load ${os.loadavg()[0]!.toFixed(1)}, Node ${process.version}`;
console.log(`${machine}, ${rounds} rounds, ${new Date().toISOString().slice(0, 10)}\n`);
await withScratch('bench-serve', work);
