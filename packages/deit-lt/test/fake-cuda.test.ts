/**
 * Everything that runs on a CUDA device, on a fake one (packages/torch/test/fake-cuda): no operator gets tensors of two
 * devices or lacks a kernel, and each training step costs two copies and no wait. Nothing
 * here shows speed, or what CUDA's own kernels compute. Needs libtorch 1.13 without CUDA, as CI's other run has it.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { readRunConfig } from '../src/runs/run-folder.js';
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

/** The kinds of trainings whose steps are counted. */
const counted = ['ldam', 'paco', 'glmc', 'student', 'multi-crop', 'transmix', 'files', 'vit', 'deit3'] as const;

/** Their networks are CNNs, whose weights are channels last on a card. */
const teachers: ReadonlySet<string> = new Set(['ldam', 'paco', 'glmc', 'files']);

suite('on a fake CUDA device', { skip: 'reason' in built && built.reason }, () => {
  const reportOf = new Map<JobName, Report>();
  for (const job of counted)
    test(`${job} trains; a step has two copies to the device and waits for nothing`, async () => {
      const report = await train(job);
      const { device, step, evaluation, losses, convolutions } = report;
      reportOf.set(job, report);
      assert.equal(device, 'cuda');
      assert.ok(losses.length === 2 && losses.every(Number.isFinite), `losses ${losses}`);
      assert.ok(step.kernels > 100 && step.toDevice <= 2 && step.waits === 0, JSON.stringify(step));
      assert.ok(step.waitingSteps <= step.steps / 3, `${step.waitingSteps} of ${step.steps} steps wait`); // short epochs
      if (teachers.has(job))
        assert.ok(convolutions.channelsLast > 100 && convolutions.others === 0, JSON.stringify(convolutions));
      assert.ok(evaluation.toDevice <= 1 && evaluation.waits === 0, JSON.stringify(evaluation));
    });

  for (const [job, kernelByKernel, perStep] of [
    ['ldam, captured', 'ldam', 2], // SAM has two passes
    ['student, captured', 'student', 1],
    ['multi-crop, captured', 'multi-crop', 1],
    ['deit3, captured', 'deit3', 1],
    ['shards, captured', 'shards', 4],
  ] as const)
    test(`${job}: passes that are replayed have the same losses, and copy and read nothing`, async () => {
      const { losses, captures, replays, step, notes } = await train(job);
      const expected = reportOf.get(kernelByKernel) ?? (await train(kernelByKernel));
      assert.deepEqual(losses, expected.losses);
      assert.ok(captures >= perStep && replays >= captures, `${captures} captures, ${replays} replays`);
      assert.deepEqual([step.toDevice, step.waits], [expected.step.toDevice, expected.step.waits]);
      assert.deepEqual(
        notes.filter((note) => note.includes('cudaGraphs')),
        [],
      );
    });

  test('a task whose passes have no fixed kernels trains without graphs, and says why', async () => {
    const { losses, captures, notes } = await train('paco, captured');
    assert.deepEqual([losses, captures], [reportOf.get('paco')!.losses, 0]);
    assert.deepEqual(
      notes.filter((note) => note.includes('cudaGraphs')),
      [
        'cudaGraphs: the passes of the teacher run kernel by kernel: the kernels of its passes are not the same from batch to batch',
      ],
    );
  });

  for (const job of ['cpu-then-cuda', 'cuda-then-cpu'] as const)
    test(`a training resumes on the other device: ${job}`, async () => {
      const { device, losses } = await train(job);
      assert.equal(device, job === 'cpu-then-cuda' ? 'cuda' : 'cpu');
      assert.ok(losses.length === 2 && losses.every(Number.isFinite), `losses ${losses}`);
    });

  test('a training that stops between two reads of its losses resumes bit-exactly', async () => {
    const { losses } = await train('cuda-then-cuda');
    assert.deepEqual(losses, reportOf.get('ldam')!.losses);
  });

  const training = ['teacher', '--data', 'shapes', '--recipe', 'cifar10-lt-cpu', '--budget', 'small'];
  const settings = ['--set', 'device=cuda', 'data.imbalance=10', 'teacher.batchSize=64', 'teacher.epochs=1'];
  const inMemory = async (bytes: number, ...words: string[]): Promise<CliResult> => {
    process.env.FAKE_CUDA_MEMORY = String(bytes);
    try {
      return await run(bin, ...training, ...words, ...settings);
    } finally {
      delete process.env.FAKE_CUDA_MEMORY;
    }
  };

  test('too little memory is an error with values that keep an update as it is', async () => {
    const { status, stderr } = await inMemory(12e6, '--out', 'large');
    assert.equal(status, 1, stderr);
    assert.match(stderr, /out of memory: .*CUDA out of memory/);
    assert.match(stderr, /trains on cuda with batches of 64 images of 16 × 16 pixels/);
    assert.match(stderr, /--set teacher\.batchSize=32 teacher\.shards=2 \(an update still has 64 images\)/);
  });

  test('--fit-memory halves batches until they fit, and a resumed run keeps them', async () => {
    const { status, stderr } = await inMemory(12e6, '--out', 'fitted', '--fit-memory');
    assert.equal(status, 0, stderr);
    assert.match(stderr, /batches of 64 images do not fit into the memory of cuda in training: teacher\.batchSize=32/);
    const { teacher } = readRunConfig(path.join(folder, 'fitted')).recipe;
    assert.ok(teacher.batchSize < 64 && teacher.batchSize * teacher.shards === 64, JSON.stringify(teacher));
    const again = await inMemory(12e6, '--out', 'fitted', '--fit-memory', '--resume');
    assert.equal(again.status, 0, again.stderr);
    const hopeless = await inMemory(1e5, '--out', 'hopeless', '--fit-memory');
    assert.equal(hopeless.status, 1);
    assert.match(hopeless.stderr, /out of memory/);
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
