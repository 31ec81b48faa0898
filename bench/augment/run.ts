/**
 * Images per second and core of the student's whole augmentation against Pillow and torchvision, and the loader of files
 * against its own decoder: in turns, several rounds, medians.
 *
 *   npm run bench:augment -- [--rounds 5] [--files 20000] [--chunk 2000] [--photographs FOLDER]
 *                            [--only check,memory-224,memory-32,files-224,loader]     about four minutes
 *
 * Both sides are processes that stay, bound to one core. A rate is of processor time in all threads, so that other work
 * on the machine counts little; the ratio by the clock stands beside it. First both sides get the same choices and are
 * compared level by level. The loader runs on all cores with two decoding threads, in chunks, in turns with a decoder of
 * the same files in as many threads.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { drawShapes } from '#deit-lt/data/shapes/index.js';
import { parseOptions } from '../options.js';
import { canPin, Peer } from '../peer.js';
import { median, ratios, turns, withRange } from '../rounds.js';
import { withScratch } from '../scratch.js';
import { batchSize, type CaseName, caseNames, cases, mean, std } from './cases.js';
import { photographSize, writePhotographs } from './photographs.js';
import type { Question, Sources, Timed } from './subject.js';

const parts = ['check', ...caseNames, 'loader'];
const { values: options } = parseOptions({
  options: {
    rounds: { type: 'string', default: '5' },
    files: { type: 'string', default: '20000' },
    chunk: { type: 'string', default: '2000' },
    photographs: { type: 'string' },
    only: { type: 'string', default: parts.join() },
  },
});
const [rounds, fileCount, chunk] = [options.rounds, options.files, options.chunk].map(Number) as [
  number,
  number,
  number,
];
const only = options.only.split(',');
const unknown = only.find((name) => !parts.includes(name));
if (unknown !== undefined) fail(`--only ${unknown}: expected some of ${parts.join()}`);
if (!(rounds >= 1 && chunk >= 1 && fileCount >= chunk))
  fail('--rounds, --chunk and --files must be whole numbers from 1 on, and --files at least --chunk');

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

const python = process.env.PYTHON_TORCH ?? '/usr/bin/python3';
try {
  execFileSync(python, ['-c', 'import PIL, torchvision'], { stdio: 'ignore' });
} catch {
  fail(
    `${python} has no Pillow or no torchvision to compare with: apt-get install -y python3-pil python3-torchvision, or name another Python in PYTHON_TORCH`,
  );
}
const reference = ['-B', path.resolve(import.meta.dirname, '../../augment/reference.py')];
const subject = [path.join(import.meta.dirname, 'subject.js')];
const decodingThreads = 2;
/** Different images, of which further files are copies. */
const distinct = 1000;
const core = canPin() ? os.availableParallelism() - 1 : undefined;

interface Agreement {
  /** Levels. */
  readonly mean: number;
  readonly most: number;
  /** Share of the values. */
  readonly within2: number;
  readonly equalImages: number;
  readonly worst: readonly { index: number; mean: number; most: number; ops: unknown[] }[];
}

/** What Python needs to know of a case. */
const pipelineOf = (name: CaseName): object => ({ name, mean, std, ...cases[name] });

/** The same choices on both sides: goal as in the recipe's tests, a mean of 0.5 levels and 99.9 % within 2. */
async function check(name: CaseName, ours: Peer, theirs: Peer, sources: Sources): Promise<void> {
  const count = cases[name].size === 32 ? 1024 : 128;
  const images = path.join(path.dirname(sources.pixels), 'images.bin');
  const question: Question = { do: 'check', case: name, count, images, ...sources };
  const { plans } = await ours.ask<{ plans: object[] }>(question);
  const result = await theirs.ask<Agreement>({ do: 'check', pipeline: pipelineOf(name), plans, images, ...sources });
  const isSame = result.mean <= 0.5 && result.within2 >= 0.999;
  const share = `${(100 * result.within2).toFixed(3)} % within 2 levels`;
  const distances = `mean ${result.mean.toFixed(4)}, ${share}, most ${result.most.toFixed(0)}`;
  console.log(`${cases[name].what}: ${isSame ? 'the same images' : 'NOT THE SAME'}: ${result.equalImages} of ${count} equal, ${distances}`); // biome-ignore format: a sentence
  if (isSame) return;
  for (const { index, ...far } of result.worst) console.log(`  image ${index}: ${JSON.stringify(far)}`);
  process.exitCode = 1;
}

type Sides = Record<'ours' | 'theirs', Peer>;

/** One row of the table. */
async function compare(name: CaseName, peers: Sides, sources: Sources): Promise<void> {
  const { what, goal, count } = cases[name];
  const ask = (side: keyof Sides, epoch: number): Promise<Timed & { peakBytes: number }> =>
    side === 'ours'
      ? peers.ours.ask({ do: 'time', case: name, count, epoch, ...sources } satisfies Question)
      : peers.theirs.ask({ do: 'time', pipeline: pipelineOf(name), count, batch: batchSize, epoch, ...sources });
  await ask('ours', 0); // warm up: code is compiled, sizes of files are known
  await ask('theirs', 0);
  const times: Record<keyof Sides, (Timed & { peakBytes: number })[]> = { ours: [], theirs: [] };
  for (const side of turns(['ours', 'theirs'], rounds)) times[side].push(await ask(side, times[side].length + 1));
  const rates = (side: keyof Sides, of: keyof Timed): number[] => times[side].map((one) => count / one[of]);
  const ratio = (of: keyof Timed): string => withRange(ratios(rates('ours', of), rates('theirs', of)));
  const [mine, his] = [rates('ours', 'cpu'), rates('theirs', 'cpu')].map((of) => median(of).toFixed(0));
  console.log(`| ${what} | ${mine} | ${his} | **${ratio('cpu')}** | ≥ ${goal} | ${ratio('wall')} |`);
}

/** The loader in turns with the decoder, chunk by chunk of the folder. */
async function compareLoader(sources: Sources, { whole }: { whole: boolean }): Promise<void> {
  const peers = { loader: new Peer(process.execPath, subject), decoder: new Peer(process.execPath, subject) };
  const starts = Array.from({ length: Math.floor(sources.files / chunk) }, (_, i) => i * chunk);
  const rates = { loader: [] as number[], decoder: [] as number[] };
  const memory: number[] = [];
  const load = { do: 'load', whole, threads: decodingThreads, count: chunk, ...sources } as const;
  const decode = { do: 'decode', threads: decodingThreads, count: chunk, ...sources } as const;
  try {
    for (const side of turns(['loader', 'decoder'], starts.length)) {
      const start = starts[rates[side].length]!;
      const question: Question = side === 'loader' ? { ...load, start } : { ...decode, start };
      const { wall, rss } = await peers[side].ask<Timed & { rss?: number }>(question);
      rates[side].push(chunk / wall);
      if (rss !== undefined) memory.push(rss);
    }
  } finally {
    for (const peer of Object.values(peers)) peer.end();
  }
  const what = whole ? "the student's whole pipeline" : 'crop, flip, normalisation';
  const [loader, decoder] = [rates.loader, rates.decoder].map((of) => median(of).toFixed(0));
  const share = withRange(ratios(rates.loader, rates.decoder));
  const resident = `${mebibytes(memory[0]!)} / ${mebibytes(memory.at(-1)!)} (most ${mebibytes(Math.max(...memory))})`;
  console.log(`| ${what} | ${loader} | ${decoder} | **${share}** | ≥ 0.9 | ${resident} |`);
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

/** Everything that both sides read, in `folder`. */
async function prepare(folder: string): Promise<Sources> {
  const pixels = path.join(folder, 'pixels.bin');
  const { images } = drawShapes({ trainPerClass: 500, testPerClass: 0 }).train;
  if (images.kind !== 'memory') throw new Error('internal: shapes are drawn into memory');
  writeFileSync(pixels, images.pixels);
  const needsFiles = only.some((part) => part === 'check' || part === 'loader' || part === 'files-224');
  const count = only.includes('loader') ? fileCount : Math.min(fileCount, distinct);
  if (!needsFiles) return { pixels, folder, files: 0 };
  const { meanBytes } = await writePhotographs(folder, { count, distinct, from: options.photographs });
  const { width, height } = photographSize;
  const kind = options.photographs === undefined ? 'shapes with noise' : `images of ${options.photographs}`;
  console.log(`${count} JPEG files of ${width}×${height}, ${kind}, ${(meanBytes / 1e3).toFixed(0)} kB on average\n`);
  return { pixels, folder, files: count };
}

async function runAll(sources: Sources): Promise<void> {
  const peers: Sides = {
    ours: new Peer(process.execPath, subject, { core }),
    theirs: new Peer(python, reference, { core }),
  };
  try {
    if (only.includes('check')) for (const name of caseNames) await check(name, peers.ours, peers.theirs, sources);
    const chosen = caseNames.filter((name) => only.includes(name));
    if (chosen.length > 0) {
      console.log('\n| images | here, images/s | Pillow, images/s | ratio (min–max) | goal | ratio by the clock |');
      console.log('| --- | --- | --- | --- | --- | --- |');
    }
    for (const name of chosen) await compare(name, peers, sources);
  } finally {
    for (const peer of Object.values(peers)) peer.end();
  }
  if (!only.includes('loader')) return;
  console.log(`\n| loader, ${decodingThreads} threads | loader, images/s | decoder, images/s | ratio (min–max) | goal | memory after ${chunk} / ${sources.files} images |`); // biome-ignore format: a heading
  console.log('| --- | --- | --- | --- | --- | --- |');
  for (const whole of [false, true]) await compareLoader(sources, { whole });
}

const machine = `${os.cpus()[0]?.model ?? 'CPU'}, ${os.availableParallelism()} cores, Node ${process.version}`;
const date = new Date().toISOString().slice(0, 10);
const pinned = core === undefined ? 'not bound to a core (there is no taskset)' : `core ${core}`;
console.log(`${machine}, ${rounds} rounds, ${pinned}, ${date}`);
await withScratch('bench-augment', async (folder) => runAll(await prepare(folder)));
