/** Numbers from PyTorch itself, for tests that compare; a machine without it skips them. */
import { spawnSync } from 'node:child_process';

const python = process.env.PYTHON_TORCH ?? '/usr/bin/python3';

/** What a suite's `skip` is: false, or why. */
export const skipPython =
  spawnSync(python, ['-c', 'import torch']).status !== 0 && `no torch in ${python} (PYTHON_TORCH names another)`;

/** What `code` leaves in `out`, with `input` as `given`; `torch` and `math` are there. Throws with Python's message. */
export function fromPython<T>(code: string, input: unknown): T {
  const program = `import json, math, sys, torch\ngiven = json.load(sys.stdin)\n${code}\nprint(json.dumps(out))`;
  const env = { ...process.env, OMP_NUM_THREADS: '1' };
  const { status, stdout, stderr } = spawnSync(python, ['-c', program], {
    input: JSON.stringify(input),
    encoding: 'utf8',
    env,
  });
  if (status !== 0) throw new Error(`Python failed:\n${stderr}`);
  return JSON.parse(stdout) as T;
}
