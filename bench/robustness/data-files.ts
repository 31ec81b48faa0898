/**
 * Damages lists, annotations, archives and caches by seed, and reads them: each is read or refused with a clear error. A crash,
 * a hang, a stack trace, an `internal:` error, or data that do not go together is a failure, and the exit code is 1.
 *
 *   npm run robustness:data -- [--files 1000] [--seed 0] [--parser NAME]
 *
 * A process of its own reads the files of each parser, so that a crash or a hang of it is seen and named by its seed. Files are in the temporary
 * folder, and nothing is sent anywhere.
 */
import { type ChildProcess, fork } from 'node:child_process';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { parsers, type Tried } from '#deit-lt-test/helpers/mutated-data.js';
import { withScratch } from '../scratch.js';

const { values: options } = parseArgs({
  options: {
    files: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '0' },
    parser: { type: 'string' },
  },
});

/** One file that takes longer than this hangs. */
const hangMs = 20_000;

interface Report extends Tried {
  readonly seed: number;
  readonly ms: number;
  readonly rssBytes: number;
}

interface Sum {
  read: number;
  refused: number;
  failed: number;
  slowestMs: number;
  rssBytes: number;
}

const isReader = process.send !== undefined;

/** The process that reads: tries each seed and reports it. */
async function readFiles(parser: string, first: number, end: number): Promise<void> {
  await withScratch('deit-lt-mutated', async (folder) => {
    const subject = await parsers[parser]!(folder);
    for (let seed = first; seed < end; seed++) {
      process.send!({ started: seed });
      const start = performance.now();
      const tried = await subject.attempt(seed);
      const report: Report = { ...tried, seed, ms: performance.now() - start, rssBytes: process.memoryUsage.rss() };
      await new Promise((resolve) => process.send!(report, resolve));
    }
  });
  process.disconnect();
}

/** Tries the seeds in [first, end); goes on behind one that ended the process, or that hung. */
async function campaign(parser: string, first: number, end: number, folder: string): Promise<Sum> {
  const sum: Sum = { read: 0, refused: 0, failed: 0, slowestMs: 0, rssBytes: 0 };
  for (let next = first; next < end; ) next = await oneProcess({ parser, first: next, end, folder }, sum);
  return sum;
}

interface Part {
  readonly parser: string;
  readonly first: number;
  readonly end: number;
  /** For the files of a process that may end at any time. */
  readonly folder: string;
}

/** Returns the seed after the last that was tried. */
function oneProcess({ parser, first, end, folder }: Part, sum: Sum): Promise<number> {
  const child = fork(import.meta.filename, ['--parser', parser, '--seed', `${first}`, '--files', `${end - first}`], {
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    env: { ...process.env, OMP_NUM_THREADS: '1', TMPDIR: folder },
  });
  let [current, done, errors] = [first, first, ''];
  child.stderr!.on('data', (piece) => (errors += piece));
  let watch = watched(child);
  child.on('message', (message: Report | { started: number }) => {
    clearTimeout(watch);
    watch = watched(child);
    if ('started' in message) {
      current = message.started;
      return;
    }
    done = message.seed + 1;
    count(sum, message);
  });
  return new Promise((resolve) => {
    child.on('exit', (code, signal) => {
      clearTimeout(watch);
      if (done >= end) return resolve(end);
      sum.failed++;
      console.log(`  seed ${current}: the process ended with ${signal ?? code}: ${errors.slice(-2000)}`);
      resolve(current + 1);
    });
  });
}

const watched = (child: ChildProcess): NodeJS.Timeout => setTimeout(() => child.kill('SIGKILL'), hangMs);

function count(sum: Sum, { outcome, seed, what, message, ms, rssBytes }: Report): void {
  sum.slowestMs = Math.max(sum.slowestMs, ms);
  sum.rssBytes = Math.max(sum.rssBytes, rssBytes);
  if (outcome === 'read' || outcome === 'refused') sum[outcome]++;
  else {
    sum.failed++;
    console.log(`  seed ${seed}: ${outcome}: ${what}: ${message.slice(0, 2000)}`);
  }
}

async function main(folder: string): Promise<void> {
  const [first, files] = [Number(options.seed), Number(options.files)];
  if (options.parser !== undefined && !(options.parser in parsers))
    throw new Error(`--parser: expected one of ${Object.keys(parsers).join('; ')}`);
  console.log(`Node ${process.version}, ${os.cpus()[0]?.model}, seeds ${first} to ${first + files - 1}\n`);
  console.log(
    '| parser | files | read | refused | failed | slowest, ms | memory, MB |\n| --- | --- | --- | --- | --- | --- | --- |',
  );
  for (const parser of Object.keys(parsers).filter((name) => name === (options.parser ?? name))) {
    const { read, refused, failed, slowestMs, rssBytes } = await campaign(parser, first, first + files, folder);
    const figures = [files, read, refused, failed, slowestMs.toFixed(0), (rssBytes / 1e6).toFixed(0)];
    console.log(`| ${parser} | ${figures.join(' | ')} |`);
    if (failed > 0) process.exitCode = 1;
  }
}

if (isReader) await readFiles(options.parser!, Number(options.seed), Number(options.seed) + Number(options.files));
else await withScratch('deit-lt-mutated', main);
