/**
 * `deitLt()` for test files of many commands: one process runs them all, one after the other, so that Node and libtorch are loaded
 * once. Commands whose subject is the process (its end, its signals, its environment) need one each: `cli-helpers.ts`.
 */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type CliResult, deitLt as inOwnProcess } from '../cli-helpers.js';

/** What the process receives, a line of JSON; it answers with a line that is a CliResult. */
export interface CommandRequest {
  readonly words: readonly string[];
  readonly cwd: string;
}

interface Pipes {
  readonly requests: number;
  readonly results: number;
}

let pipes: Pipes | undefined;

/** `deit-lt` with `words` in the one process of this test file, without a terminal and without colours. */
export function deitLt(words: readonly string[], { cwd = process.cwd() }: { cwd?: string } = {}): CliResult {
  if (process.platform === 'win32') return inOwnProcess(words, { cwd }); // it has no named pipes among files
  pipes ??= startProcess();
  const request: CommandRequest = { words, cwd };
  writeSync(pipes.requests, `${JSON.stringify(request)}\n`);
  const line = readLine(pipes.results);
  if (line === undefined) throw new Error(`the process of the commands ended in: deit-lt ${words.join(' ')}`);
  return JSON.parse(line) as CliResult;
}

/** A process that ends with this one: then its pipe of requests has no writer. */
function startProcess(): Pipes {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-standing-'));
  const [requests, results] = [path.join(folder, 'requests'), path.join(folder, 'results')];
  execFileSync('mkfifo', [requests, results]);
  // Opening one end waits for the other, unless a descriptor has both; each end is then kept by one process alone.
  const both = [openSync(requests, 'r+'), openSync(results, 'r+')];
  const own: Pipes = { requests: openSync(requests, 'w'), results: openSync(results, 'r') };
  const its = [openSync(requests, 'r'), openSync(results, 'w')] as const;
  rmSync(folder, { recursive: true });
  const script = path.join(import.meta.dirname, 'standing-process-child.js');
  const env = { ...process.env, OMP_NUM_THREADS: '1', FORCE_COLOR: undefined, npm_command: undefined };
  spawn(process.execPath, [script], { env, stdio: ['ignore', 'ignore', 'inherit', ...its] }).unref();
  for (const descriptor of [...both, ...its]) closeSync(descriptor);
  return own;
}

/** The next line of a pipe, however long it takes; undefined when nobody has its other end any more. */
export function readLine(descriptor: number): string | undefined {
  const pieces: Buffer[] = [];
  const piece = Buffer.alloc(65_536);
  for (;;) {
    const count = readSync(descriptor, piece);
    if (count === 0) return undefined;
    pieces.push(Buffer.from(piece.subarray(0, count)));
    if (piece[count - 1] === 10) return Buffer.concat(pieces).toString('utf8');
  }
}
