/**
 * Subjects whose files are damaged by seed and used in a process of their own, so that a crash or a hang is seen and named by its
 * seed. One line for each finding, and a table.
 */
import { type ChildProcess, fork } from 'node:child_process';
import os from 'node:os';
import type { Subject, Tried } from '#deit-lt-test/helpers/mutated-data.js';
import { withScratch } from '../scratch.js';

export type Subjects = Readonly<Record<string, (folder: string) => Promise<Subject>>>;

export interface Campaign {
  /** The file of the campaign, which is started again as the process that reads. */
  readonly file: string;
  readonly subjects: Subjects;
  /** The option that names a subject, and what is in the first column. */
  readonly option: string;
  /** Only this one. */
  readonly only: string | undefined;
  readonly first: number;
  readonly count: number;
}

/** One file that takes longer than this hangs. */
const hangMs = 30_000;
/** The subject is made before the first file: trainings, archives. */
const prepareMs = 300_000;

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

/** Reads as the child, or runs the campaign; sets the exit code 1 on a finding. */
export async function runCampaign(campaign: Campaign): Promise<void> {
  const { subjects, option, only, first, count } = campaign;
  if (only !== undefined && !(only in subjects))
    throw new Error(`--${option}: expected one of ${Object.keys(subjects).join('; ')}`);
  if (process.send !== undefined) await readFiles(subjects[only!]!, first, first + count);
  else await withScratch('deit-lt-mutated', (folder) => report(campaign, folder));
}

/** The process that reads: tries each seed and reports it. */
async function readFiles(prepare: Subjects[string], first: number, end: number): Promise<void> {
  await withScratch('deit-lt-mutated', async (folder) => {
    const subject = await prepare(folder);
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

async function report(campaign: Campaign, folder: string): Promise<void> {
  const { subjects, option, only, first, count } = campaign;
  console.log(`Node ${process.version}, ${os.cpus()[0]?.model}, seeds ${first} to ${first + count - 1}\n`);
  console.log(
    `| ${option} | files | read | refused | failed | slowest, ms | memory, MB |\n| --- | --- | --- | --- | --- | --- | --- |`,
  );
  for (const name of Object.keys(subjects).filter((each) => each === (only ?? each))) {
    const { read, refused, failed, slowestMs, rssBytes } = await sumOf(campaign, name, folder);
    const figures = [count, read, refused, failed, slowestMs.toFixed(0), (rssBytes / 1e6).toFixed(0)];
    console.log(`| ${name} | ${figures.join(' | ')} |`);
    if (failed > 0) process.exitCode = 1;
  }
}

/** Tries the seeds; goes on behind one that ended the process, or that hung. */
async function sumOf({ file, option, first, count }: Campaign, name: string, folder: string): Promise<Sum> {
  const sum: Sum = { read: 0, refused: 0, failed: 0, slowestMs: 0, rssBytes: 0 };
  for (let next = first; next < first + count; ) {
    const words = [`--${option}`, name, '--seed', `${next}`, '--files', `${first + count - next}`];
    next = await oneProcess({ file, words, first: next, end: first + count, folder }, sum);
  }
  return sum;
}

interface Part {
  readonly file: string;
  readonly words: readonly string[];
  readonly first: number;
  readonly end: number;
  /** For the files of a process that may end at any time. */
  readonly folder: string;
}

/** Returns the seed after the last that was tried. */
function oneProcess({ file, words, first, end, folder }: Part, sum: Sum): Promise<number> {
  const child = fork(file, words, {
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    env: { ...process.env, OMP_NUM_THREADS: '1', TMPDIR: folder },
  });
  let [current, done, errors] = [first, first, ''];
  child.stderr!.on('data', (piece) => (errors += piece));
  let watch = watched(child, prepareMs);
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

const watched = (child: ChildProcess, ms = hangMs): NodeJS.Timeout => setTimeout(() => child.kill('SIGKILL'), ms);

function count(sum: Sum, { outcome, seed, what, message, ms, rssBytes }: Report): void {
  sum.slowestMs = Math.max(sum.slowestMs, ms);
  sum.rssBytes = Math.max(sum.rssBytes, rssBytes);
  if (outcome === 'read' || outcome === 'refused') sum[outcome]++;
  else {
    sum.failed++;
    console.log(`  seed ${seed}: ${outcome}: ${what}: ${message.slice(0, 2000)}`);
  }
}
