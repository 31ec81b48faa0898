/**
 * Runs a fuzz of operators in child processes, one after another, and names each call that ended or stopped one.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export interface CampaignOptions {
  calls: number;
  seed: number;
  /** Calls per process. */
  batch?: number;
  /** Seconds without a new call after which a process counts as hanging. */
  patience?: number;
  /** GiB of data that a process may have, so that a huge allocation fails instead of taking the machine's memory. */
  memory?: number;
  /** What the calls do in place of an operator's call, to try this campaign itself. */
  probe?: 'end' | 'hang';
  /** Variables of the processes that make the calls. */
  environment?: NodeJS.ProcessEnv;
  /** Receives each failure as soon as it is known. */
  onFailure?: (failure: Failure) => void;
}

/** A call that ended its process, or never came back. */
export interface Failure {
  how: string;
  call: string;
  errors: string;
}

export interface CampaignResult {
  calls: number;
  succeeded: number;
  refused: number;
  processes: number;
  /** Ways to call operators: full names, functions and methods. */
  operators: number;
  /** Most tensors that one process had left. */
  live: number;
  failures: Failure[];
}

interface Summary {
  operators: number;
  succeeded: number;
  refused: number;
  live: number;
}

interface Ended {
  how: string | null;
  stdout: string;
  stderr: string;
}

interface Surroundings {
  memory: number;
  cwd: string;
  environment: NodeJS.ProcessEnv;
}

/** Seconds that a process may take to its first call, while it loads libtorch. */
const startPatience = 60;

const childFile = path.join(import.meta.dirname, 'fuzz-calls.js');

/**
 * Starts the child in a folder of its own, as operators write files, under a limit of its data; of its address space none,
 * as V8 and the arena reserve much and use little.
 */
function start(args: readonly string[], { memory, cwd, environment }: Surroundings): ChildProcess {
  const limit = `ulimit -c 0; ulimit -d ${Math.round(memory * 2 ** 20)} && exec "$0" "$@"`;
  return spawn('sh', ['-c', limit, process.execPath, childFile, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { OMP_NUM_THREADS: '1', ...process.env, ...environment },
  });
}

/** Waits until the child ends by itself, or kills it when its log has not changed for `patience` seconds. */
function watch(child: ChildProcess, log: string, patience: number): Promise<Ended> {
  return new Promise((resolve) => {
    let stdout = '';
    let stderr = '';
    let last = '';
    let still = 0;
    let hangs = false;
    child.stdout?.on('data', (text) => (stdout += text));
    child.stderr?.on('data', (text) => (stderr = (stderr + text).slice(-4000)));
    const timer = setInterval(() => {
      const now = readFileSync(log, 'utf8');
      still = now === last ? still + 1 : 0;
      last = now;
      if (still < (now === '' ? startPatience : patience)) return;
      hangs = true;
      child.kill('SIGKILL');
    }, 1000);
    child.on('close', (status, signal) => {
      clearInterval(timer);
      const how = hangs
        ? `no end after ${last === '' ? startPatience : patience} s`
        : (signal ?? (status === 0 ? null : `exit code ${status}`));
      resolve({ how, stdout, stderr });
    });
  });
}

/** Runs `calls` random calls and returns what became of them. A failed call is left behind; the next process begins after it. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { calls, seed, batch = 1000, patience = 20, memory = 2, environment = {}, probe, onFailure } = options;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'torch-fuzz-'));
  const log = path.join(folder, 'call.json');
  const surroundings = { memory, environment, cwd: folder };
  const result: CampaignResult = {
    calls,
    succeeded: 0,
    refused: 0,
    processes: 0,
    operators: 0,
    live: 0,
    failures: [],
  };
  try {
    for (let at = 0; at < calls; ) {
      const end = Math.min(at + batch, calls);
      closeSync(openSync(log, 'w'));
      result.processes++;
      const { how, stdout, stderr } = await watch(
        start([at, end, seed, log, probe ?? ''].map(String), surroundings),
        log,
        patience,
      );
      if (how === null) {
        add(result, JSON.parse(stdout.split('\n').at(-1) ?? '') as Summary);
        at = end;
        continue;
      }
      const call = readFileSync(log, 'utf8').trim();
      const failure = { how, call, errors: stderr };
      result.failures.push(failure);
      onFailure?.(failure);
      if (call === '') throw new Error(`the process ended before its first call: ${how}\n${stderr}`);
      at = Number(/^\[(\d+)/.exec(call)?.[1]) + 1;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return result;
}

function add(result: CampaignResult, summary: Summary): void {
  result.succeeded += summary.succeeded;
  result.refused += summary.refused;
  result.operators = summary.operators;
  result.live = Math.max(result.live, summary.live);
}
