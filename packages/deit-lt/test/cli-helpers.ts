/** Runs the real command in a process of its own. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';

export const bin = path.resolve(import.meta.dirname, '../../bin/deit-lt.mjs');

export interface CliResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `deit-lt` with `words`, without a terminal and without colours. */
export function deitLt(words: readonly string[], { cwd }: { cwd?: string } = {}): CliResult {
  const env = { ...process.env, OMP_NUM_THREADS: '1', FORCE_COLOR: undefined, npm_command: undefined };
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...words], { encoding: 'utf8', env, cwd });
  return { status, stdout, stderr };
}
