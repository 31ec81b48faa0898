/** The Python of the server that is compared with. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const packages = ['fastapi', 'uvicorn[standard]', 'onnxruntime', 'pillow'];

/**
 * Returns the Python of the virtual environment in `folder`. When there is none yet, it is made there: with fastapi, uvicorn and
 * onnxruntime from PyPI, and with the torch and torchvision of the Python that `PYTHON_TORCH` names.
 */
export function serverPython(folder: string): string {
  const python = path.join(folder, 'bin', 'python3');
  if (existsSync(python)) return python;
  const base = process.env.PYTHON_TORCH ?? 'python3';
  const ask = (code: string): string => execFileSync(base, ['-c', code], { encoding: 'utf8' }).trim();
  const torchPackages = ask('import os, torch, torchvision; print(os.path.dirname(os.path.dirname(torch.__file__)))');
  mkdirSync(folder, { recursive: true });
  const run = (command: string, args: readonly string[]): void =>
    void execFileSync(command, args, { stdio: ['ignore', 2, 2] });
  run(base, ['-m', 'venv', folder]);
  run(python, ['-m', 'pip', 'install', '--quiet', ...packages]);
  const purelib = execFileSync(python, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'], {
    encoding: 'utf8',
  }).trim();
  writeFileSync(path.join(purelib, 'torch-of-another-python.pth'), `${torchPackages}\n`);
  return python;
}
