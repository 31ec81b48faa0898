/**
 * Everything that runs on a CUDA device, on a fake one (packages/torch/test/fake-cuda): no operator gets tensors of two
 * devices or lacks a kernel, and each training step costs as few copies and reads as it did when this was written. Nothing
 * here shows speed, or what CUDA's own kernels compute. Needs libtorch 1.13 without CUDA, as CI's other run has it.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { bin, type CliResult } from './cli-helpers.js';
import type { JobName, Report } from './helpers/fake-cuda-child.js';
import { resultOf, startNode } from './helpers/programs.js';

const fakeFolder = path.resolve(import.meta.dirname, '../../../torch/test/fake-cuda');
const { buildFakeCuda } = (await import(pathToFileURL(path.join(fakeFolder, 'build.mjs')).href)) as {
  buildFakeCuda: () => Promise<{ file: string } | { reason: string }>;
};
const built = await buildFakeCuda();
if ('file' in built) process.env.FAKE_CUDA = built.file;

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-fake-cuda-'));
after(() => rmSync(folder, { recursive: true }));

/** Runs a program of ours on the fake device. */
function run(...words: string[]): Promise<CliResult> {
  const preload = pathToFileURL(path.join(fakeFolder, 'preload.mjs')).href;
  return resultOf(startNode(['--import', preload, ...words], folder));
}

async function train(job: JobName): Promise<Report> {
  const { status, stdout, stderr } = await run(
    path.join(import.meta.dirname, 'helpers/fake-cuda-child.js'),
    folder,
    job,
  );
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Report;
}

/** By kind of training: copies to the device, and waits for it (reads of a value, copies to the host), in a steady step. */
const most: Readonly<Record<string, { toDevice: number; waits: number }>> = {
  ldam: { toDevice: 4, waits: 1 },
  paco: { toDevice: 50, waits: 1 },
  glmc: { toDevice: 14, waits: 1 },
  student: { toDevice: 4, waits: 1 },
  'multi-crop': { toDevice: 8, waits: 1 },
  transmix: { toDevice: 8, waits: 1 },
  vit: { toDevice: 27, waits: 1 },
  deit3: { toDevice: 31, waits: 1 },
};

suite('on a fake CUDA device', { skip: 'reason' in built && built.reason }, () => {
  for (const [job, { toDevice, waits }] of Object.entries(most))
    test(`${job} trains; a step has at most ${toDevice} copies to the device and waits ${waits === 1 ? 'once' : `${waits} times`}`, async () => {
      const { device, step, losses } = await train(job as JobName);
      assert.equal(device, 'cuda');
      assert.ok(losses.length === 2 && losses.every(Number.isFinite), `losses ${losses}`);
      const found = { toDevice: step.toDevice, waits: step.reads + step.toHost };
      assert.ok(step.kernels > 100 && found.toDevice <= toDevice && found.waits <= waits, JSON.stringify(step));
    });

  for (const job of ['cpu-then-cuda', 'cuda-then-cpu'] as const)
    test(`a training resumes on the other device: ${job}`, async () => {
      const { device, losses } = await train(job);
      assert.equal(device, job === 'cpu-then-cuda' ? 'cuda' : 'cpu');
      assert.ok(losses.length === 2 && losses.every(Number.isFinite), `losses ${losses}`);
    });

  const data = ['--data', 'shapes'];
  const commands: Readonly<Record<string, readonly string[]>> = {
    eval: ['eval', 'student', ...data, '--set', 'device=cuda'],
    'eval in bfloat16': ['eval', 'student', ...data, '--set', 'device=cuda', 'precision=bfloat16'],
    predict: ['predict', 'student', 'photo.png', '--set', 'device=cuda'],
    analyze: ['analyze', 'student', ...data, '--set', 'device=cuda'],
    'analyze a teacher': ['analyze', 'ldam', ...data, '--set', 'device=cuda'],
    export: ['export', 'student', '--format', 'onnx', '--out', 'student.onnx', '--set', 'device=cuda'],
    tau: ['tau', 'vit', ...data, '--tau', '0.5', '--out', 'tau'], // on the device of the run's recipe
  };
  for (const [name, words] of Object.entries(commands))
    test(name, async () => {
      const pixels = { width: 40, height: 30, channels: 3, background: 'red' } as const;
      writeFileSync(path.join(folder, 'photo.png'), await sharp({ create: pixels }).png().toBuffer());
      const { status, stderr } = await run(bin, ...words);
      assert.equal(status, 0, stderr);
    });
});
