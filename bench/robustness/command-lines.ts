/**
 * Command lines drawn by seed, each run as a process: options, values, paths and recipe values that are right, wrong or odd, in
 * circumstances such as a closed pipe, a full disk, no permission, or a signal. Each must end with an exit code of the documentation,
 * without a stack trace, and leave no half-written file.
 *
 *   npm run robustness:commands -- [--seed 0] [--count 400] [--jobs 2] [--show]
 *
 * `--show` prints each command and its messages. Files are in a temporary folder; the data limit of each process is 8 GB. Exits
 * with 1 on a finding, which names the seed: `--seed SEED --count 1 --show` repeats it.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { shellLine } from '#deit-lt/shell-line.js';
import { visible } from '#deit-lt/text/visible.js';
import { type Ended, faultsOf, runCommand, withoutRights } from '#deit-lt-test/helpers/command-process.js';
import { type DrawnCommand, drawCommand } from '#deit-lt-test/helpers/drawn-commands.js';
import { makeWorkplace, tidyWorkplace, withSmallDisk } from '#deit-lt-test/helpers/workplace.js';
import { parseOptions } from '../options.js';
import { withScratch } from '../scratch.js';

const { values: options } = parseOptions({
  options: {
    seed: { type: 'string', default: '0' },
    count: { type: 'string', default: '400' },
    jobs: { type: 'string', default: '2' },
    show: { type: 'boolean', default: false },
  },
});
const first = Number(options.seed);
const count = Number(options.count);

const codes = new Map<string, number>();
let findings = 0;
let slowestMs = 0;

function report(command: DrawnCommand, ended: Ended, faults: readonly string[]): void {
  const code = ended.code === null ? String(ended.signal) : String(ended.code);
  codes.set(code, (codes.get(code) ?? 0) + 1);
  slowestMs = Math.max(slowestMs, ended.ms);
  findings += faults.length > 0 ? 1 : 0;
  if (faults.length === 0 && !options.show) return;
  const line = shellLine([
    'deit-lt',
    ...command.words.map((word) => (word.length > 400 ? `${word.slice(0, 400)}…` : word)),
  ]);
  console.log(`seed ${command.seed}: ${faults.join('; ') || 'as documented'}`);
  console.log(`  ${visible(line)}  [${command.circumstance}; ${code} after ${(ended.ms / 1000).toFixed(1)} s]`);
  for (const text of ended.stderr.split('\n').slice(-25)) console.log(`  | ${visible(text.slice(0, 600))}`);
}

/** Takes the next seed until there is none. */
async function work(folder: string, original: string, next: () => number | undefined): Promise<void> {
  await withSmallDisk(path.join(folder, 'full'), async () => {
    const unprivileged = withoutRights();
    for (let seed = next(); seed !== undefined; seed = next()) {
      const command = drawCommand(seed);
      const ended = await runCommand(command, folder, unprivileged);
      report(command, ended, faultsOf(command, ended, folder));
      tidyWorkplace(folder, original);
    }
  });
}

await withScratch('deit-lt-commands', async (scratch) => {
  const original = path.join(scratch, 'original');
  mkdirSync(original);
  await makeWorkplace(original);
  let seed = first;
  const next = (): number | undefined => (seed < first + count ? seed++ : undefined);
  const began = performance.now();
  const jobs = Array.from({ length: Number(options.jobs) }, async (_, job) => {
    const folder = path.join(scratch, `job-${job}`, 'work');
    mkdirSync(path.dirname(folder));
    execFileSync('cp', ['-a', original, folder]);
    await work(folder, original, next);
  });
  await Promise.all(jobs);
  const minutes = (performance.now() - began) / 60_000;
  const ends = [...codes].sort().map(([code, times]) => `${code}: ${times}`);
  console.log(`\n${count} commands from seed ${first} on, ${findings} with findings; exit codes ${ends.join(', ')}`);
  console.log(
    `${minutes.toFixed(1)} minutes, slowest ${(slowestMs / 1000).toFixed(1)} s; Node ${process.version}, ${os.cpus()[0]?.model}`,
  );
});
if (findings > 0) process.exitCode = 1;
