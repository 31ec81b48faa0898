/** A folder with everything that a command may be given, and what is wrong after a command has run in it. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import { deitLt } from '../cli-helpers.js';
import { writeTinyJob } from './killed-training.js';

/** Makes data, lists, recipes, a finished run of three models, exported models, and things that are none of these. */
export async function makeWorkplace(folder: string): Promise<void> {
  await writeTinyJob(folder);
  const at = (name: string): string => path.join(folder, name);
  const words = ['train', '--data', 'data', '--recipe', 'tiny.yaml', '--out', 'run', '--vit'];
  must(deitLt([...words, '--set', 'student.epochs=1', 'teacher.epochs=1'], { cwd: folder }));
  for (const format of ['onnx', 'torch'])
    must(
      deitLt(['export', 'run/student', '--format', format, '--out', format === 'onnx' ? 'model.onnx' : 'model.pth'], {
        cwd: folder,
      }),
    );
  for (const split of ['train', 'test']) {
    const files = ['ant', 'bee', 'cat'].flatMap((name, c) =>
      [0, 1].map((i) => `data/${split}/${name}/${i}.png ${c}\n`),
    );
    writeFileSync(at(`list_${split}.txt`), files.join(''));
  }
  copyFileSync(at('data/test/ant/0.png'), at('name with space.png'));
  writeFileSync(at('wrong.yaml'), 'student:\n  epochs: many\n  nothing: 3\n');
  writeFileSync(at('endless.yaml'), 'extends: endless.yaml\n');
  writeFileSync(at('notes.txt'), 'to do\n');
  for (const name of ['empty', 'locked', 'readonly', 'out', 'full']) mkdirSync(at(name));
  cpSync(at('run/student'), at('damaged-run'), { recursive: true });
  writeFileSync(at('damaged-run/config.json'), readFileSync(at('run/student/config.json')).subarray(0, 500));
  symlinkSync('loop', at('loop'));
  execFileSync('mkfifo', [at('pipe')]);
  chmodSync(at('locked'), 0o000);
  chmodSync(at('readonly'), 0o555);
}

function must({ status, stderr }: { status: number | null; stderr: string }): void {
  if (status !== 0) throw new Error(stderr);
}

/** Removes what commands wrote into `out`, and makes the run again from `original` when it was changed. */
export function tidyWorkplace(folder: string, original: string): void {
  for (const name of ['out', 'runs']) rmSync(path.join(folder, name), { recursive: true, force: true });
  mkdirSync(path.join(folder, 'out'));
  for (const name of ['run', 'damaged-run']) {
    if (printOf(path.join(folder, name)) === printOf(path.join(original, name))) continue;
    rmSync(path.join(folder, name), { recursive: true, force: true });
    cpSync(path.join(original, name), path.join(folder, name), { recursive: true, preserveTimestamps: true });
  }
  const known = new Set(readdirSync(original));
  for (const name of readdirSync(folder))
    if (!known.has(name)) rmSync(path.join(folder, name), { recursive: true, force: true });
}

/** Names, sizes and times of all files below `folder`. */
export function printOf(folder: string): string {
  return filesIn(folder)
    .map((file) => {
      const { size, mtimeMs } = statSync(file);
      return `${path.relative(folder, file)} ${size} ${Math.round(mtimeMs)}`;
    })
    .sort()
    .join('\n');
}

/** Regular files below `folder`. */
export function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/** Files below `folder` that are not whole: temporary ones, and those that their own format does not end. */
export function halfWritten(folder: string): string[] {
  return filesIn(folder).filter((file) => isTemporary(file) || !isWhole(file));
}

const isTemporary = (file: string): boolean => /\.tmp(-\d+)?$|\.part$|(^|\/)probe$/.test(file);

function isWhole(file: string): boolean {
  const text = (): string => readFileSync(file, 'utf8');
  const ends = (end: string): boolean => text().trimEnd().endsWith(end);
  try {
    if (file.endsWith('.json')) JSON.parse(text());
    else if (file.endsWith('.jsonl')) for (const line of text().trimEnd().split('\n')) JSON.parse(line);
    else if (file.endsWith('.safetensors')) torch.safetensors.open(file)[Symbol.dispose]();
    else if (file.endsWith('.html')) return ends('</html>');
    else if (file.endsWith('.svg')) return ends('</svg>');
    else if (/\.(pth|png)$/.test(file)) return endsAs(file);
    return statSync(file).size > 0 || path.basename(file) === 'out';
  } catch {
    return false;
  }
}

/** A zip ends with its directory, a PNG with the chunk IEND. */
function endsAs(file: string): boolean {
  const bytes = readFileSync(file);
  return file.endsWith('.pth')
    ? bytes.subarray(-22).readUInt32LE(0) === 0x06054b50
    : bytes.subarray(-8, -4).toString() === 'IEND';
}

/** `work` with a small file system mounted at `folder`, where that is allowed: a disk that is full soon. */
export async function withSmallDisk<T>(folder: string, work: () => Promise<T>): Promise<T> {
  if (!mountSmall(folder)) return work(); // without the right to mount it is a folder like any other
  const unmount = (): void => void execFileSync('umount', ['-l', folder]);
  process.prependOnceListener('SIGINT', unmount); // before the folder around it is removed
  try {
    return await work();
  } finally {
    process.off('SIGINT', unmount);
    unmount();
  }
}

function mountSmall(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
