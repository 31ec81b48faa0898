/**
 * `--procs N`: starts the command N times with the variables that torchrun sets, and ends all when one fails. The first
 * process has the terminal; failures come to this one, which prints the first.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import os from 'node:os';
import { UserError } from '../errors.js';
import { freePort } from './free-port.js';
import { launchedVariable, type ReportedFailure } from './processes.js';

interface Ended {
  readonly rank: number;
  readonly code: number;
  readonly signal: NodeJS.Signals | null;
  /** It did not end by itself after the failure of another, and was killed here. */
  readonly isKilled: boolean;
  readonly failure: ReportedFailure | undefined;
}

export interface LaunchOptions {
  /** The program that each process runs with the words. Default: this one. */
  readonly program?: string;
  /** How long the others get to end by themselves after a failure (they ask each other who is left), and then after SIGTERM. Default 10,000. */
  readonly graceMs?: number;
}

/** Runs `words` in `count` processes; resolves to the exit code of the first that failed, or 0. */
export async function launch(
  words: readonly string[],
  count: number,
  say: (message: string) => void,
  { program = process.argv[1]!, graceMs = 10_000 }: LaunchOptions = {},
): Promise<number> {
  requireCores(count);
  const port = await freePort();
  const children = Array.from({ length: count }, (_, rank) =>
    start([program, ...words], environmentOf(rank, count, port), rank),
  );
  const stopForwarding = forwardSignals(children);
  try {
    const ended: Ended[] = [];
    const killed = new Set<ChildProcess>();
    const all = children.map(async (child, rank) => {
      const end = await endOf(child, rank);
      ended.push({ ...end, isKilled: killed.has(child) });
      if (end.code !== 0) endSoon(children, graceMs, killed);
    });
    await Promise.all(all);
    return report(ended, say);
  } finally {
    stopForwarding();
  }
}

/** Throws UserError USAGE for so many processes that the machine could not even start them. */
function requireCores(count: number): void {
  const cores = os.availableParallelism();
  const most = Math.max(16, 4 * cores);
  if (count > most)
    throw new UserError(
      'USAGE',
      `--procs ${count}: this machine has ${cores} ${cores === 1 ? 'core' : 'cores'}; expected at most ${most} processes. On several machines, start them with torchrun.`,
    );
}

/** Returns the exit code, and says why the training failed: the cause first, once. */
function report(ended: readonly Ended[], say: (message: string) => void): number {
  const failed = ended.filter(({ code }) => code !== 0).sort((a, b) => a.rank - b.rank); // what all find, the first one says
  const cause =
    failed.find(({ failure }) => failure !== undefined && !failure.follows) ??
    failed.find(({ failure, signal, isKilled }) => failure === undefined && signal !== 'SIGTERM' && !isKilled) ??
    failed.find(({ failure }) => failure !== undefined) ?? // before those that were ended here
    failed[0];
  if (cause === undefined) return 0;
  const { rank, failure, code, signal } = cause;
  if (failure !== undefined)
    say(
      rank === 0 || failure.follows
        ? failure.message
        : `process ${rank} of ${ended.length} (from 0): ${failure.message}`,
    );
  else
    say(
      `process ${rank} of ${ended.length} (from 0) ended with ${signal ?? `exit code ${code}`}. If a checkpoint was saved, the same command with --resume continues from it`,
    );
  return code;
}

function environmentOf(rank: number, count: number, port: number): NodeJS.ProcessEnv {
  const cores = Math.max(1, Math.floor(os.availableParallelism() / count));
  return {
    OMP_NUM_THREADS: String(cores),
    ...(process.platform === 'linux' && { GLOO_SOCKET_IFNAME: 'lo' }),
    // PyTorch logs each attempt to connect; the error has what matters.
    TORCH_CPP_LOG_LEVEL: 'FATAL',
    ...process.env,
    RANK: String(rank),
    LOCAL_RANK: String(rank),
    WORLD_SIZE: String(count),
    MASTER_ADDR: '127.0.0.1',
    MASTER_PORT: String(port),
    TORCHELASTIC_USE_AGENT_STORE: 'False',
    [launchedVariable]: '1',
  };
}

function start(words: readonly string[], env: NodeJS.ProcessEnv, rank: number): ChildProcess {
  const io = rank === 0 ? 'inherit' : 'ignore';
  return spawn(process.execPath, [...process.execArgv, ...words], {
    env,
    stdio: [io, io, 'inherit', 'ipc'],
  });
}

function endOf(child: ChildProcess, rank: number): Promise<Omit<Ended, 'isKilled'>> {
  let failure: ReportedFailure | undefined;
  child.on('message', (message) => {
    failure ??= message as ReportedFailure;
  });
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ rank, code: code ?? 1, signal, failure }));
    child.once('error', (error) =>
      resolve({ rank, code: 1, signal: null, failure: { message: error.message, follows: false } }),
    );
  });
}

/** Ends those that do not end by themselves. */
function endSoon(children: readonly ChildProcess[], graceMs: number, killed: Set<ChildProcess>): void {
  for (const [i, signal] of (['SIGTERM', 'SIGKILL'] as const).entries())
    setTimeout(
      () => {
        for (const child of children) {
          if (child.exitCode !== null || child.signalCode !== null) continue;
          if (signal === 'SIGKILL') killed.add(child);
          child.kill(signal);
        }
      },
      graceMs * (i + 1),
    ).unref();
}

/** A terminal sends Ctrl-C to all processes, `kill` only to this one: each takes what comes twice as one. */
function forwardSignals(children: readonly ChildProcess[]): () => void {
  const handlers = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((name) => {
    const handler = (): void => {
      for (const child of children) if (child.exitCode === null) child.kill(name);
    };
    process.on(name, handler);
    return { name, handler };
  });
  return () => {
    for (const { name, handler } of handlers) process.off(name, handler);
  };
}
