/** Pillow and torchvision of a Python on this machine, for tests that compare pixels; where they are absent, tests skip. */
import { spawnSync } from 'node:child_process';

const python = process.env.PYTHON_TORCH ?? '/usr/bin/python3';

function runPython(code: string, input: string): { ok: boolean; output: string } {
  const { status, stdout, stderr } = spawnSync(python, ['-c', code], { input, maxBuffer: 1 << 28, encoding: 'utf8' });
  return { ok: status === 0, output: status === 0 ? stdout : stderr };
}

/** What a suite's `skip` is: false, or why. */
export const skipPillow =
  !runPython('import PIL, importlib.util as u; assert u.find_spec("numpy") and u.find_spec("torchvision")', '').ok &&
  'needs python3-pil, python3-torchvision and numpy (PYTHON_TORCH names another Python)';

/**
 * Runs Python `code`, which finds `given` (JSON), `np`, `Image` and `ImageFilter`, and assigns `out`, which comes back.
 * It imports torchvision itself: that takes seconds.
 */
export function pillow<T>(code: string, given: unknown): T {
  const program = [
    'import json, sys',
    'import numpy as np',
    'from PIL import Image, ImageFilter',
    'given = json.load(sys.stdin)',
    code,
    'json.dump(out, sys.stdout)',
  ].join('\n');
  const { ok, output } = runPython(program, JSON.stringify(given));
  if (!ok) throw new Error(`the reference failed:\n${output}`);
  return JSON.parse(output) as T;
}
