/** The real command in several processes, as torchrun or Slurm would start them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import { freePort } from '../../src/cli/free-port.js';
import { bin } from '../cli-helpers.js';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** Starts a program with variables beside those of the tests. */
export function start(program: string, words: readonly string[], env: NodeJS.ProcessEnv): Started {
  const child = spawn(program, words, {
    env: { ...process.env, OMP_NUM_THREADS: '1', FORCE_COLOR: undefined, npm_command: undefined, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, ...texts })));
  return { child, ended };
}

/** The variables of torchrun for the process `rank` of `count` on this machine. */
export function rankVariables(rank: number, count: number, port: number): NodeJS.ProcessEnv {
  return {
    RANK: String(rank),
    LOCAL_RANK: String(rank),
    WORLD_SIZE: String(count),
    MASTER_ADDR: '127.0.0.1',
    MASTER_PORT: String(port),
    GLOO_SOCKET_IFNAME: 'lo',
  };
}

/** Starts the command in as many processes as there are `words`, each with its own. */
export async function startRanks(
  words: readonly (readonly string[])[],
  env: (rank: number, port: number) => NodeJS.ProcessEnv = (rank, port) => rankVariables(rank, words.length, port),
): Promise<Started[]> {
  const port = await freePort();
  return words.map((own, rank) => start(process.execPath, [bin, ...own], env(rank, port)));
}

/** The words of a training of the job that `writeTinyJob` wrote, in two shards. */
export function tinyTraining(job: string, out: string, epochs: number): string[] {
  const settings = ['student.shards=2', 'student.batchSize=2', 'student.accumulation=1', `student.epochs=${epochs}`];
  const data = ['--data', path.join(job, 'data'), '--recipe', path.join(job, 'tiny.yaml')];
  return ['vit', ...data, '--set', ...settings, '--save-every', '0', '--out', out];
}

/** Resolves when `condition` is true; throws after `seconds`. */
export async function until(condition: () => boolean, seconds = 120): Promise<void> {
  const end = performance.now() + 1000 * seconds;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`after ${seconds} s it is not so: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * The torchrun of the reference Python, or the reason why there is none. That of Debian's PyTorch 1.13 fails in its own error handler
 * where its program is not Python.
 */
export function findTorchrun(): { readonly file: string } | { readonly reason: string } {
  const file = path.join(path.dirname(process.env.PYTHON_TORCH ?? '/usr/bin/python3'), 'torchrun');
  const { version } = torch.diagnose().libtorch;
  if (Number.parseInt(version, 10) < 2) return { reason: `the torchrun of PyTorch ${version} starts Python alone` };
  return existsSync(file) ? { file } : { reason: `no ${file}` };
}
