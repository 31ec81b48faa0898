/**
 * Loaded before a program (`node --import`): kills the process by SIGKILL right before or right after the n-th of its
 * file-system calls that change something. `KILL_AT` is n (from 1), `KILL_SIDE` is `before` or `after`.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const changing = [
  'openSync',
  'writeSync',
  'writeFileSync',
  'fsyncSync',
  'closeSync',
  'renameSync',
  'mkdirSync',
  'rmSync',
  'unlinkSync',
  'appendFileSync',
] as const;

type Call = (...args: unknown[]) => unknown;

const killAt = Number(process.env.KILL_AT);
const after = process.env.KILL_SIDE === 'after';
let calls = 0;
let depth = 0;

for (const name of changing) {
  const original = fs[name] as Call;
  const counted: Call = (...args) => {
    // writeFileSync calls others of the list: the outer call counts.
    if (depth > 0) return original(...args);
    calls++;
    if (calls === killAt && !after) process.kill(process.pid, 'SIGKILL');
    depth++;
    try {
      return original(...args);
    } finally {
      depth--;
      if (calls === killAt && after) process.kill(process.pid, 'SIGKILL');
    }
  };
  Object.assign(fs, { [name]: counted });
}
syncBuiltinESMExports();
