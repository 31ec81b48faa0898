import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';

const cases = process.env.FUZZ_CASES ?? '6000';
const seed = process.env.FUZZ_SEED ?? '1';

suite('operators on random tensors and arguments', () => {
  test(`give a result or a TorchError in ${cases} calls (FUZZ_SEED=${seed}), and never end the process`, () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'torch-fuzz-'));
    const log = path.join(folder, 'call.json');
    const child = spawnSync(
      process.execPath,
      [path.join(import.meta.dirname, 'helpers/fuzz-calls.js'), cases, seed, log],
      { encoding: 'utf8' },
    );
    const last = readFileSync(log, 'utf8').trim();
    rmSync(folder, { recursive: true });
    assert.equal(child.status, 0, `${child.signal ?? ''} in ${last}\n${child.stderr.slice(-3000)}`);
    const { operators, succeeded, live } = JSON.parse(child.stdout) as {
      operators: number;
      succeeded: number;
      live: number;
    };
    assert.ok(operators >= 80);
    assert.ok(succeeded > Number(cases) * 0.05, `${succeeded} of ${cases} succeeded`);
    assert.ok(live < 20, `${live} tensors are left`);
  });
});
