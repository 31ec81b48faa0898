/**
 * A training by the real command in a process of its own that is killed, and started again by the same command, until it
 * ends; what it leaves after each kill is examined.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import * as torch from '@deit-lt/torch';
import sharp from 'sharp';
import type { KillAtCall } from './kill-at-call.js';

const bin = path.resolve(import.meta.dirname, '../../../bin/deit-lt.mjs');
const preload = pathToFileURL(path.join(import.meta.dirname, 'kill-at-call.js')).href;

/** Trainings of a second, with all that draws random numbers, accumulation, averages and SAM. */
const recipe = `
precision: float32
device: cpu
data: { imbalance: null, validation: 0 }
evaluation: { select: test, batchSize: 6 }
teacher:
  imageSize: 16
  epochs: 2
  batchSize: 6
  model: { name: resnet20 }
  sam: { rho: 0.1 }
  drw: { epoch: 1 }
  schedule: { warmupEpochs: 1, milestones: [1], factors: [0.1] }
student:
  imageSize: 16
  epochs: 2
  batchSize: 4
  accumulation: 2
  ema: 0.9
  model: { name: deit, patchSize: 8, embedDim: 16, numHeads: 2, depth: 1, dropPathRate: 0.2 }
  optimizer: { lr: 0.02, lrPer: null, clipGradNorm: 5 }
  schedule: { warmupEpochs: 1 }
  drw: { epoch: 1 }
`;

/** Writes `data/` (three classes of small images) and `tiny.yaml` into `folder`. */
export async function writeTinyJob(folder: string): Promise<void> {
  writeFileSync(path.join(folder, 'tiny.yaml'), recipe);
  for (const [split, perClass] of [
    ['train', 6],
    ['test', 2],
  ] as const)
    for (const [c, name] of ['ant', 'bee', 'cat'].entries()) {
      const into = path.join(folder, 'data', split, name);
      mkdirSync(into, { recursive: true });
      for (let i = 0; i < perClass; i++) {
        const pixels = Uint8Array.from({ length: 16 * 16 * 3 }, (_, at) => (at * (c + 2) + 37 * i) % 251);
        await sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } })
          .png()
          .toFile(path.join(into, `${i}.png`));
      }
    }
}

export interface JobStart {
  /** What is trained: `vit` or `train`. */
  readonly command: string;
  /** Where `writeTinyJob` wrote. */
  readonly job: string;
  readonly out: string;
  /** Whether `--resume` is given. Default true. */
  readonly resume?: boolean;
  readonly more?: readonly string[];
}

export type Kill =
  | { readonly at: Omit<KillAtCall, 'under'> }
  | { readonly afterMs: number }
  | { readonly atLine: RegExp; readonly afterMs: number };

export interface JobEnd {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** Starts the command, kills it where `kill` says, and waits for its end. */
export async function startJob(
  { command, job, out, resume = true, more = [] }: JobStart,
  kill?: Kill,
): Promise<JobEnd> {
  const words = [command, '--data', path.join(job, 'data'), '--recipe', path.join(job, 'tiny.yaml'), '--out', out];
  const at = kill !== undefined && 'at' in kill ? JSON.stringify({ ...kill.at, under: out }) : undefined;
  const env = {
    ...process.env,
    OMP_NUM_THREADS: '1',
    FORCE_COLOR: undefined,
    npm_command: undefined,
    DEIT_LT_CACHE: path.join(job, 'cache'),
    ...(at !== undefined && { KILL_AT_CALL: at, NODE_OPTIONS: `--import=${preload}` }),
  };
  const child = spawn(
    process.execPath,
    [bin, ...words, '--save-every', '0', ...(resume ? ['--resume'] : []), ...more],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env,
    },
  );
  let timer: NodeJS.Timeout | undefined;
  const killLater = (ms: number): void => {
    timer ??= setTimeout(() => child.kill('SIGKILL'), ms);
  };
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (kill !== undefined && 'atLine' in kill && kill.atLine.test(stderr)) killLater(kill.afterMs);
  });
  if (kill !== undefined && 'afterMs' in kill && !('atLine' in kill)) killLater(kill.afterMs);
  const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
    child.on('close', (...end) => resolve(end)),
  );
  clearTimeout(timer);
  return { status, signal, stderr };
}

/** Fails for a message that looks like a bug of ours. */
export function assertNoStackTrace({ stderr }: JobEnd): void {
  assert.doesNotMatch(stderr, /^\s+at .*:\d+|this is a bug|internal:|Error:/m);
}

/** The run folders in `out`: its own, or those of the models. */
export function runFoldersIn(out: string): string[] {
  const homes = existsSync(out) ? [out, ...readdirSync(out).map((name) => path.join(out, name))] : [];
  return homes.filter((home) => existsSync(path.join(home, 'config.json')));
}

/** How far the checkpoints `last` in `out` are, all models together: a number that grows. Fails for a file that is not whole. */
export function progressIn(out: string): number {
  const files = runFoldersIn(out).map((home) => path.join(home, 'checkpoints', 'last.safetensors'));
  return files.reduce((sum, file) => {
    if (!existsSync(file)) return sum;
    using opened = torch.safetensors.open(file);
    const { epoch, batch } = JSON.parse(opened.metadata.progress!) as { epoch: number; batch: number };
    return sum + epoch * 1000 + batch;
  }, 0);
}

/** The calls that the log of a `KillAtCall` names. */
export function loggedCalls(log: string): string[] {
  return existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : [];
}
