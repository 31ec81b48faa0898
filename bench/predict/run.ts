/**
 * Images per second of prediction, from files and of the network alone, here and exported to ONNX, against PyTorch with
 * torchvision and Pillow doing the same work; and seconds from the start of a process to its first prediction. In turns, several
 * rounds, medians.
 *
 *   npm run bench:predict -- [--rounds 5] [--images 1] [--only cifar,small,base,check,files,model,compile,onnx,first]
 *
 * `--images 0.25` takes a quarter of the images. PyTorch works in fp32, as it does unless told otherwise; this project takes bf16 where
 * it is native, and further rows have both sides in one precision. `compile` (only when it is named) has PyTorch's network by `torch.compile`. Weights are random: they do not matter for the time.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import * as torch from '@deit-lt/torch';
import sharp from 'sharp';
import { createModel } from '#deit-lt/models/index.js';
import { loadRecipe } from '#deit-lt/recipe/load.js';
import { writePhotographs } from '../augment/photographs.js';
import { parseOptions } from '../options.js';
import { Peer } from '../peer.js';
import { median, ratios, turns, withRange } from '../rounds.js';
import { withScratch } from '../scratch.js';
import { batchSize, type CaseName, caseNames, cases, importSettings, type PredictCase, settingWords } from './cases.js';
import type { Question, Timed } from './subject.js';

const parts = ['check', 'files', 'model', 'compile', 'onnx', 'first'];
const { values: options } = parseOptions({
  options: {
    rounds: { type: 'string', default: '5' },
    images: { type: 'string', default: '1' },
    only: { type: 'string', default: [...caseNames, ...parts.filter((part) => part !== 'compile')].join() },
  },
});
const rounds = Number(options.rounds);
const share = Number(options.images);
const words = options.only.split(',');
const unknown = words.find((word) => ![...caseNames, ...parts].includes(word));
if (unknown !== undefined || !(rounds >= 1 && share > 0)) {
  console.error(
    unknown === undefined
      ? '--rounds must be 1 or more, and --images more than 0'
      : `--only ${unknown}: expected some of ${[...caseNames, ...parts].join()}`,
  );
  process.exit(1);
}
/** Without a word of a kind all of that kind. */
const chosen = <W extends string>(all: readonly W[]): readonly W[] => {
  const named = all.filter((word) => words.includes(word));
  return named.length === 0 ? all : named;
};
const wanted = new Set(chosen(parts));
if (!words.includes('compile')) wanted.delete('compile');

const python = process.env.PYTHON_TORCH ?? '/usr/bin/python3';
const source = path.resolve(import.meta.dirname, '../../predict');
const bin = path.resolve(import.meta.dirname, '../../../packages/deit-lt/bin/deit-lt.mjs');
const threads = os.availableParallelism();
const { mean, std } = loadRecipe('default').student;

/** A model and its images on disk, in every form that is measured. */
interface Prepared {
  readonly case: PredictCase;
  readonly weights: string;
  readonly run: string;
  readonly settings: readonly string[];
  readonly onnx: Readonly<Record<'fp32' | 'int8', string>>;
  readonly paths: readonly string[];
  /** For Python. */
  readonly config: string;
}

const deitLt = (...args: readonly string[]): string =>
  execFileSync(process.execPath, [bin, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

async function prepare(name: CaseName, folder: string): Promise<Prepared> {
  const each: PredictCase = cases[name];
  const place = (file: string): string => path.join(folder, `${name}${file}`);
  const [weights, checkpoint, run] = [place('.safetensors'), place('.pth'), place('-run')];
  torch.tidy(() => torch.safetensors.save(weights, createModel(each.model, each.options).stateDict()));
  const settings = importSettings(each);
  deitLt('import', weights, '--out', run, ...settingWords(settings));
  deitLt('export', run, '--format', 'torch', '--out', checkpoint);
  const onnx = { fp32: place('.onnx'), int8: place('-int8.onnx') };
  if (wanted.has('onnx'))
    for (const [precision, file] of Object.entries(onnx))
      deitLt('export', run, '--format', 'onnx', '--precision', precision, '--out', file);
  const images = place('-images');
  mkdirSync(images);
  const count = batchSize * Math.max(1, Math.round((each.images * share) / batchSize));
  const { paths } = await (each.photographs
    ? writePhotographs(images, { count, distinct: count })
    : writeSmall(images, count, each.imageSize));
  const config = JSON.stringify({ case: each, checkpoint, threads, batch: batchSize, mean, std });
  return { case: each, weights, run, settings, onnx, paths, config };
}

/** JPEG files of noise, as large as the model's input. */
async function writeSmall(folder: string, count: number, size: number): Promise<{ paths: string[] }> {
  const paths = Array.from({ length: count }, (_, i) => path.join(folder, `${i}.jpg`));
  const noise = { type: 'gaussian', mean: 128, sigma: 50 } as const;
  const create = { width: size, height: size, channels: 3, background: 'grey', noise } as const;
  for (const file of paths) await sharp({ create }).jpeg({ quality: 95 }).toFile(file);
  return { paths };
}

interface Peers {
  readonly ours: Peer;
  readonly theirs: Peer;
}

/** The same logits from the same files, in fp32. Decoders may differ by a level, so not to the bit. */
async function check({ case: { what }, weights, settings, paths }: Prepared, peers: Peers): Promise<void> {
  const few = paths.slice(0, batchSize);
  type Answer = { logits: number[][] };
  const question: Question = { do: 'logits', paths: few, weights, settings, precision: 'float32' };
  const { logits: a } = await peers.ours.ask<Answer>(question);
  const { logits: b } = await peers.theirs.ask<Answer>({ do: 'logits', paths: few });
  const largest = Math.max(...b.flat().map(Math.abs));
  const apart = Math.max(...a.flatMap((row, i) => row.map((value, c) => Math.abs(value - b[i]![c]!)))) / largest;
  const isSame = apart < 0.02;
  const verdict = isSame ? 'the same logits' : 'NOT THE SAME LOGITS';
  console.log(`${what}: ${verdict} of ${few.length} files in fp32, ${(100 * apart).toFixed(3)} % of the largest apart`);
  if (!isSame) process.exitCode = 1;
}

type Ask = () => Promise<Timed>;

interface Row {
  readonly what: string;
  readonly goal: string;
  readonly ours: Ask;
  readonly theirs: Ask;
}

function rowsOf(prepared: Prepared, { ours, theirs }: Peers): Row[] {
  const { case: each, weights, settings, onnx, paths } = prepared;
  const images = paths.length;
  const askModel = (precision: string) => () =>
    ours.ask<Timed>({ do: 'model', images, weights, settings, precision } satisfies Question);
  const askOnnx = (file: string) => () =>
    ours.ask<Timed>({ do: 'onnx', file, images, imageSize: each.imageSize } satisfies Question);
  const torchModel = (precision: string) => () => theirs.ask<Timed>({ do: 'model', images, precision });
  const compiled = (precision: string, short: string): Row => ({
    what: `network alone, both ${short}, torch.compile`,
    goal: '',
    ours: askModel(precision),
    theirs: () => theirs.ask<Timed>({ do: 'model', images, precision, compile: true }),
  });
  const files: Row = {
    what: 'files',
    goal: '≥ 2',
    ours: () => ours.ask({ do: 'files', paths, weights, settings, precision: 'auto' } satisfies Question),
    theirs: () => theirs.ask({ do: 'files', paths }),
  };
  const model = (what: string, precision: string, other: string, goal = ''): Row => ({
    what: `network alone${what}`,
    goal,
    ours: askModel(precision),
    theirs: torchModel(other),
  });
  const exported = (precision: 'fp32' | 'int8'): Row => ({
    what: `ONNX ${precision}, network alone`,
    goal: '≥ 2',
    ours: askOnnx(onnx[precision]),
    theirs: torchModel('float32'),
  });
  return [
    ...(wanted.has('files') ? [files] : []),
    ...(wanted.has('model') ? [model('', 'auto', 'float32', '≥ 2')] : []),
    ...(wanted.has('model') ? [model(', both fp32', 'float32', 'float32')] : []),
    ...(wanted.has('model') ? [model(', both bf16', 'bfloat16', 'bfloat16')] : []),
    ...(wanted.has('compile') ? [compiled('float32', 'fp32'), compiled('bfloat16', 'bf16')] : []),
    ...(wanted.has('onnx') ? [exported('fp32'), exported('int8')] : []),
  ];
}

async function compare({ case: each, paths }: Prepared, { what, goal, ours, theirs }: Row): Promise<void> {
  const sides = { ours, theirs };
  for (const ask of Object.values(sides)) await ask(); // warm up
  const found: Record<keyof typeof sides, number[]> = { ours: [], theirs: [] };
  for (const side of turns(['ours', 'theirs'] as const, rounds))
    found[side].push(paths.length / (await sides[side]()).seconds);
  const ratio = withRange(ratios(found.ours, found.theirs));
  const [a, b] = [found.ours, found.theirs].map((rates) => median(rates).toFixed(0));
  console.log(`| ${each.what}: ${what} | ${a} | ${b} | **${ratio}** | ${goal} |`);
}

/** Seconds from the start of a process to the first line that it prints. */
function timeFirstLine(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const since = performance.now();
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    let seconds: number | undefined;
    child.stdout.on('data', () => {
      seconds ??= (performance.now() - since) / 1e3;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0 && seconds !== undefined) resolve(seconds);
      else reject(new Error(`${command} ${args.join(' ')} ended with code ${code}`));
    });
  });
}

async function compareFirst({ case: each, run, paths, config }: Prepared): Promise<void> {
  const image = paths[0]!;
  const sides = {
    ours: () => timeFirstLine(process.execPath, [bin, 'predict', run, image]),
    theirs: () => timeFirstLine(python, ['-B', path.join(source, 'first.py'), config, image]),
  };
  const found: Record<keyof typeof sides, number[]> = { ours: [], theirs: [] };
  for (const side of Object.values(sides)) await side(); // files come into the system's cache
  for (const side of turns(['ours', 'theirs'] as const, rounds)) found[side].push(await sides[side]());
  const ratio = withRange(ratios(found.ours, found.theirs));
  console.log(`| ${each.what} | ${withRange(found.ours)} | ${withRange(found.theirs)} | ${ratio} | ≤ 1.5 s |`);
}

async function withPeers(prepared: Prepared, use: (peers: Peers) => Promise<void>): Promise<void> {
  const peers: Peers = {
    ours: new Peer(process.execPath, [path.join(import.meta.dirname, 'subject.js')]),
    theirs: new Peer(python, ['-B', path.join(source, 'reference.py'), prepared.config]),
  };
  try {
    await use(peers);
  } finally {
    for (const peer of Object.values(peers)) peer.end();
  }
}

async function runAll(folder: string): Promise<void> {
  const prepared: Prepared[] = [];
  for (const name of chosen(caseNames)) prepared.push(await prepare(name, folder));
  const all = (use: (each: Prepared, peers: Peers) => Promise<void>): Promise<void> =>
    prepared.reduce(
      (before, each) => before.then(() => withPeers(each, (peers) => use(each, peers))),
      Promise.resolve(),
    );
  if (wanted.has('check')) await all(check);
  if (['files', 'model', 'compile', 'onnx'].some((part) => wanted.has(part))) {
    console.log(
      '\n| work | here, images/s | PyTorch, images/s | ratio (min–max) | goal |\n| --- | --- | --- | --- | --- |',
    );
    await all(async (each, peers) => {
      for (const row of rowsOf(each, peers)) await compare(each, row);
    });
  }
  if (!wanted.has('first')) return;
  console.log(
    '\n| first prediction | here, seconds | PyTorch, seconds | ratio (min–max) | goal |\n| --- | --- | --- | --- | --- |',
  );
  for (const each of prepared) await compareFirst(each);
}

const machine = `${os.cpus()[0]?.model ?? 'CPU'}, ${threads} cores, load ${os.loadavg()[0]!.toFixed(1)}, Node ${process.version}`;
console.log(`${machine}, ${rounds} rounds, ${new Date().toISOString().slice(0, 10)}\n`);
await withScratch('bench-predict', runAll);
