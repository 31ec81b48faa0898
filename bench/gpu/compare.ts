/**
 * Training steps on a card: this project, PyTorch as an informed user writes it, and the same by `torch.compile`, in turns.
 *
 *   node compare.js OUT.json [--rounds 3] [--steps 10] [--only small,base,resnet32,resnet50] [--precision bfloat16,float32] [--patience 100]
 *
 * All sides of a case start and warm up together, `torch.compile` included; then they are measured by turns. OUT.json is written
 * after each case. A side that fails, or that gives no answer within the patience (seconds), leaves its column empty; the exit code
 * is then 1.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { longTailCounts } from '#deit-lt/data/long-tail.js';
import { Peer } from '../peer.js';
import { median, ratios, turns, withRange } from '../rounds.js';
import { gpuCases, recipeOf } from './cases.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    steps: { type: 'string', default: '10' },
    only: { type: 'string', default: Object.keys(gpuCases).join() },
    precision: { type: 'string', default: 'bfloat16,float32' },
    patience: { type: 'string', default: '100' },
  },
});
const [outFile = 'steps.json'] = positionals;
const [rounds, steps, patience] = [Number(values.rounds), Number(values.steps), Number(values.patience)];
const device = process.env.DEVICE === 'cpu' ? 'cpu' : 'cuda';
const python = process.env.PYTHON_TORCH ?? 'python3';
const reference = path.resolve(import.meta.dirname, '../../train/reference.py');

const sideNames = ['ours', 'eager', 'compile'] as const;
type SideName = (typeof sideNames)[number];

interface Timed {
  readonly times: number[];
  readonly peakBytes: number;
}

interface Row {
  readonly what: string;
  readonly precision: string;
  readonly batch: number;
  /** Images per second of each round; empty if the side failed. */
  readonly rates: Readonly<Record<SideName, number[]>>;
  readonly peakBytes: Readonly<Partial<Record<SideName, number>>>;
  readonly errors: Readonly<Partial<Record<SideName, string>>>;
}

function startPeer(side: SideName, name: string, precision: string): Peer {
  if (side === 'ours') return new Peer(process.execPath, [path.join(import.meta.dirname, 'steps.js'), name, precision]);
  const { kind, classes } = gpuCases[name]!;
  const recipe = recipeOf(gpuCases[name]!, { precision, sam: true });
  const counts = [...longTailCounts(500, classes, 100, 'exp')];
  const config = JSON.stringify({ kind, recipe, counts, epoch: 0, threads: 8, device, peer: side });
  return new Peer(python, ['-B', reference, 'serve', precision, '0', config]);
}

/** Every measurement of a case in one precision: with SAM and without it for teachers. */
async function measure(name: string, precision: string): Promise<Row[]> {
  const given = gpuCases[name]!;
  const { batchSize } = recipeOf(given, { precision, sam: true })[given.kind];
  const peers = new Map(sideNames.map((side) => [side, startPeer(side, name, precision)]));
  const errors: Partial<Record<SideName, string>> = {};
  const ask = async (side: SideName, count: number, sam: boolean): Promise<Timed | undefined> => {
    if (errors[side] !== undefined) return undefined;
    try {
      return await peers.get(side)!.ask<Timed>({ steps: count, sam }, { patience });
    } catch (error) {
      errors[side] = error instanceof Error ? error.message : String(error);
      console.log(`${side} failed in ${name}, ${precision}: ${errors[side]}`);
      process.exitCode = 1;
      return undefined;
    }
  };
  const rows: Row[] = [];
  try {
    for (const sam of given.kind === 'teacher' ? [true, false] : [false]) {
      await Promise.all(sideNames.map((side) => ask(side, Math.min(steps, 5), sam))); // warm up and compile
      const rates: Record<SideName, number[]> = { ours: [], eager: [], compile: [] };
      const peakBytes: Partial<Record<SideName, number>> = {};
      for (const side of turns(sideNames, rounds)) {
        const timed = await ask(side, steps, sam);
        if (timed === undefined) continue;
        rates[side].push(batchSize / median(timed.times));
        peakBytes[side] = timed.peakBytes;
      }
      const what = given.kind === 'student' ? given.what : `${given.what}, ${sam ? 'SAM' : 'without SAM'}`;
      rows.push({ what, precision, batch: batchSize, rates, peakBytes, errors });
    }
  } finally {
    for (const peer of peers.values()) peer.end();
  }
  return rows;
}

function show({ what, precision, batch, rates, peakBytes }: Row): void {
  const rate = (side: SideName): string => (rates[side].length > 0 ? median(rates[side]).toFixed(0) : '–');
  const beside = (side: SideName): string =>
    rates[side].length === rates.ours.length && rates.ours.length > 0
      ? withRange(ratios(rates.ours, rates[side]))
      : '–';
  const memory = sideNames.map((side) => ((peakBytes[side] ?? 0) / 2 ** 30).toFixed(1)).join(' / ');
  const cells = [
    `${what}, ${precision}, batch ${batch}`,
    ...sideNames.map(rate),
    beside('eager'),
    beside('compile'),
    memory,
  ];
  console.log(`| ${cells.join(' | ')} |`);
}

/** Says beforehand why the column of `torch.compile` will be empty. */
function noteCompiler(): void {
  const names = device === 'cpu' ? ['g++'] : ['gcc', 'clang'];
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const given = device === 'cpu' ? process.env.CXX : process.env.CC;
  if (given !== undefined || names.some((name) => folders.some((folder) => existsSync(path.join(folder, name)))))
    return;
  console.log(`There is no ${names.join(' or ')} on the PATH: torch.compile will fail, and its column stays empty.\n`);
}

function cardName(): string {
  if (device === 'cpu') return 'CPU, tiny sizes: these figures say nothing';
  const query = ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader'];
  return execFileSync('nvidia-smi', query, { encoding: 'utf8' }).trim();
}

const machine = cardName();
console.log(`${machine}, Node ${process.version}, ${rounds} rounds of ${steps} steps, ${new Date().toISOString()}\n`);
noteCompiler();
console.log('| work | here, images/s | eager | torch.compile | here / eager | here / compile | peak memory, GiB |');
console.log('| --- | --- | --- | --- | --- | --- | --- |');
const rows: Row[] = [];
for (const precision of values.precision.split(','))
  for (const name of values.only.split(',')) {
    const measured = await measure(name, precision);
    measured.forEach(show);
    rows.push(...measured);
    writeFileSync(`${outFile}.tmp`, `${JSON.stringify({ machine, rounds, steps, rows }, null, 1)}\n`);
    renameSync(`${outFile}.tmp`, outFile);
  }
