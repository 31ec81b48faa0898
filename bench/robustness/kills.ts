/**
 * Trainings by the real command that are killed with SIGKILL, and started again by the same command until they end: at every
 * call of the file system in a checkpoint, at the end of an epoch, at the first and at a later start, in the last
 * evaluation, and at drawn times. After each kill the checkpoint must be whole and not behind; each run that ends must equal
 * an unkilled one, in all tensors and figures.
 *
 *   npm run robustness:kills -- [--seed 0] [--timed 50]
 *
 * Everything is in a temporary folder. Exits with 1 when anything was lost, wrong, or looked like a bug.
 */
import os from 'node:os';
import path from 'node:path';
import { stream } from '#deit-lt/random/stream.js';
import type { KillAtCall } from '#deit-lt-test/helpers/kill-at-call.js';
import { KillCampaign, type Tally } from '#deit-lt-test/helpers/kill-campaign.js';
import { type Kill, loggedCalls, startJob, writeTinyJob } from '#deit-lt-test/helpers/killed-training.js';
import { parseOptions } from '../options.js';
import { withScratch } from '../scratch.js';

const { values: options } = parseOptions({
  options: { seed: { type: 'string', default: '0' }, timed: { type: 'string', default: '50' } },
});

/** Every so many writes of a checkpoint are also cut in half; the others are killed before and after. */
const halvedWrites = 6;

interface Phase {
  readonly what: string;
  /** Default `vit`. */
  readonly command?: string;
  readonly run: (campaign: KillCampaign) => Promise<void>;
}

const at = (call: number, when: KillAtCall['when'], from?: string): Kill => ({
  at: { call, when, ...(from !== undefined && { from }) },
});

/** Before each call, so after the one before it; half of some writes; and after the last. */
function atEach(calls: readonly string[], from?: string): Kill[] {
  const whole = calls.map((_, i) => at(i + 1, 'before', from));
  const writes = calls.flatMap((call, i) => (call.startsWith('write ') ? [i + 1] : []));
  const halved = writes.filter((_, i) => i % halvedWrites === 0).map((call) => at(call, 'half', from));
  return [...whole, ...halved, at(calls.length, 'after', from)];
}

/** The calls from the first that matches `first` to the last before one that matches `end`. */
function between(calls: readonly string[], first: RegExp, end: RegExp): string[] {
  const start = calls.findIndex((call) => first.test(call));
  const rest = calls.slice(start);
  const length = rest.findIndex((call) => end.test(call));
  if (start < 0 || length <= 0) throw new Error(`the calls of a training have no part from ${first} to ${end}`);
  return rest.slice(0, length);
}

/** What the calls of a training are: one that begins, and one that was killed after its first line of metrics. */
interface Calls {
  readonly first: readonly string[];
  readonly resumed: readonly string[];
}

/** Its kills leave a run with a checkpoint and a line of metrics. */
const intoSecondEpoch = at(1, 'before', 'metrics.csv');

function phasesOf({ first, resumed }: Calls, drawn: readonly Kill[]): Phase[] {
  const save = [...between(first, /^open .*last/, /^sync checkpoints$/), 'sync checkpoints'];
  const epochEnd = between(first, /^open .*best/, /^open .*last/);
  const beginning = between(first, /./, /^open .*last/).map((_, i) => at(i + 1, 'before'));
  const resuming = atEach(between(resumed, /./, /^open .*last/));
  const ending = between(first, /^open .*predictions/, /^remove .*claim/);
  return [
    { what: 'each call of a checkpoint', run: (c) => c.inTurn(atEach(save, 'last.safetensors')) },
    { what: 'each call of the end of an epoch', run: (c) => c.inTurn(atEach(epochEnd, 'best.safetensors')) },
    { what: 'each call of a first start, without `--resume`', run: (c) => c.atFirstStart(beginning, false) },
    { what: 'each call of a resumed start', run: (c) => c.inTurn([intoSecondEpoch, ...resuming]) },
    { what: 'each call of the last evaluation', run: (c) => c.inTurn(atEach(ending, 'predictions.safetensors')) },
    { what: 'drawn times, teacher and student', command: 'train', run: (c) => c.inTurn(drawn) },
  ];
}

interface Unkilled {
  readonly calls: string[];
  readonly ms: number;
}

/** Runs `command` to its end in `out`, or on from where it is. */
async function unkilled(job: string, command: string, out: string): Promise<Unkilled> {
  const log = `${out}-calls`;
  const began = performance.now();
  const { status, stderr } = await startJob({ job, command, out }, { at: { call: 0, when: 'before', log } });
  if (status !== 0) throw new Error(`an unkilled training failed: ${stderr}`);
  return { calls: loggedCalls(log), ms: performance.now() - began };
}

async function callsOf(job: string, whole: string): Promise<Calls> {
  const { calls: first } = await unkilled(job, 'vit', whole);
  const out = path.join(job, 'resumed');
  await startJob({ job, command: 'vit', out }, intoSecondEpoch);
  return { first, resumed: (await unkilled(job, 'vit', out)).calls };
}

const columns = ['kills', 'missed', 'compared', 'lost', 'wrong', 'stackTraces'] as const;
const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;

/** Prints the table as it grows. Gives whether everything held. */
async function kill(job: string): Promise<boolean> {
  await writeTinyJob(job);
  const whole = (command: string): string => path.join(job, `whole-${command}`);
  const calls = await callsOf(job, whole('vit'));
  const { ms } = await unkilled(job, 'train', whole('train'));
  const random = stream(Number(options.seed), 'draw');
  const drawn = Array.from({ length: Number(options.timed) }, () => ({ afterMs: random.random() * ms }));
  console.log(row(['killed at', 'kills', 'places not reached', 'runs compared', 'lost', 'wrong', 'stack traces']));
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  const all: Tally[] = [];
  for (const [i, { what, command = 'vit', run }] of phasesOf(calls, drawn).entries()) {
    const campaign = new KillCampaign({ job, command, reference: whole(command), name: `killed-${i}` });
    await run(campaign);
    all.push(campaign.tally);
    console.log(row([what, ...columns.map((name) => campaign.tally[name])]));
  }
  console.log(row(['all', ...columns.map((name) => all.reduce((sum, tally) => sum + tally[name], 0))]));
  const problems = all.flatMap((tally) => tally.problems);
  for (const problem of problems) console.error(problem);
  return problems.length === 0;
}

const began = performance.now();
const held = await withScratch('deit-lt-kills', kill);
const minutes = ((performance.now() - began) / 60_000).toFixed(1);
console.log(
  `\n${os.cpus()[0]?.model}, ${os.availableParallelism()} cores, load ${os.loadavg()[0]!.toFixed(1)}, Node ${process.version}: ${minutes} minutes`,
);
process.exitCode = held ? 0 : 1;
