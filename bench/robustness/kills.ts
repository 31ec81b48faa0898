/**
 * Kills trainings and resumes them by the same command until they end, then compares all that they leave with a training that
 * nobody killed: weights, optimizer, random numbers, metrics and figures must be equal to the bit.
 *
 *   npm run robustness:kills -- [--calls 60] [--random 80] [--seed 0]
 *
 * `--calls n`: a kill before and one after each of the first n file-system calls of a process, which cover its start, its first
 * checkpoints and its first lines of metrics. `--random n`: kills at random times.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { stream } from '#deit-lt/random/stream.js';
import { assertSameRun } from '#deit-lt-test/helpers/same-run.js';
import { withScratch } from '../scratch.js';

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '60' },
    random: { type: 'string', default: '80' },
    seed: { type: 'string', default: '0' },
  },
});

interface Kill {
  readonly name: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly afterMs?: number;
}

type Ending = 'killed' | 'finished' | 'failed';

const here = import.meta.dirname;

function start(folder: string, env: Readonly<Record<string, string>> = {}): ChildProcess {
  const preload = env.KILL_AT === undefined ? [] : ['--import', path.join(here, 'kill-at-call.js')];
  return spawn(process.execPath, [...preload, path.join(here, 'killed-training.js'), folder], {
    env: { ...process.env, OMP_NUM_THREADS: '1', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

/** Runs the training in `folder` until it ends or is killed. */
async function run(
  folder: string,
  { env, afterMs }: Omit<Kill, 'name'> = {},
): Promise<{ ending: Ending; said: string }> {
  const child = start(folder, env);
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const timer = afterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), afterMs);
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(timer);
  return { ending: signal === 'SIGKILL' ? 'killed' : code === 0 ? 'finished' : 'failed', said };
}

function kills(): Kill[] {
  const random = stream(Number(values.seed), 'draw');
  const atCalls = Array.from({ length: Number(values.calls) }, (_, i) => String(i + 1)).flatMap((KILL_AT) =>
    ['before', 'after'].map((KILL_SIDE) => ({
      name: `${KILL_SIDE} call ${KILL_AT}`,
      env: { KILL_AT, KILL_SIDE },
    })),
  );
  const atTimes = Array.from({ length: Number(values.random) }, () => {
    const afterMs = Math.floor(random.uniform(300, 3300));
    return { name: `after ${afterMs} ms`, afterMs };
  });
  return [...atCalls, ...atTimes];
}

await withScratch('deit-lt-kills', async (root) => {
  const wanted = path.join(root, 'unbroken');
  const first = await run(wanted);
  if (first.ending !== 'finished') throw new Error(`the training without a kill failed:\n${first.said}`);
  const counts = { kills: 0, runs: 0, failed: 0, wrong: 0 };
  const compare = (folder: string): void => {
    counts.runs++;
    try {
      for (const kind of ['teacher', 'student']) assertSameRun(path.join(folder, kind), path.join(wanted, kind));
    } catch (error) {
      counts.wrong++;
      console.log(`WRONG ${folder}: ${(error as Error).message.split('\n')[0]}`);
    }
  };
  let folder = path.join(root, 'run-0');
  let killed = 0;
  for (const kill of kills()) {
    const { ending, said } = await run(folder, kill);
    if (ending === 'killed') {
      counts.kills++;
      killed++;
    }
    if (ending === 'failed') {
      counts.failed++;
      console.log(`FAILED when killed ${kill.name}: ${said}`);
    }
    // A training that has ended makes room for another.
    if (ending === 'finished') {
      if (killed > 0) compare(folder);
      folder = path.join(root, `run-${counts.runs}-${counts.kills}`);
      killed = 0;
    }
  }
  if (killed > 0) {
    const { ending, said } = await run(folder);
    if (ending !== 'finished') {
      counts.failed++;
      console.log(`FAILED at the end: ${said}`);
    } else compare(folder);
  }
  console.log(
    `${counts.kills} kills, ${counts.runs} trainings compared with an unbroken one: ${counts.wrong} wrong, ${counts.failed} failed`,
  );
  if (counts.wrong + counts.failed > 0) process.exitCode = 1;
});
