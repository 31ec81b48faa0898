import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import sharp from 'sharp';
import { deitLt } from './helpers/standing-process.js';

const bin = path.resolve(import.meta.dirname, '../../bin/deit-lt.mjs');

/** Runs the command, sends `signal` once when its messages match `when`, and resolves when it ends. */
function interrupted(
  words: readonly string[],
  when: RegExp,
  signal: NodeJS.Signals = 'SIGINT',
): Promise<{ status: number | null; stderr: string }> {
  const env = { ...process.env, OMP_NUM_THREADS: '1', npm_command: undefined };
  const child = spawn(process.execPath, [bin, ...words], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  let sent = false;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (!sent && when.test(stderr)) sent = child.kill(signal);
  });
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, stderr })));
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-run-'));
const out = path.join(folder, 'run');
const small = [
  'student.epochs=500',
  'student.model.depth=1',
  'student.model.embedDim=32',
  'student.model.numHeads=2',
  'data.imbalanceType=exp',
];

suite('Ctrl-C in a training', { timeout: 120_000 }, () => {
  after(() => rmSync(folder, { recursive: true }));

  test('saves and explains how to resume', async () => {
    const words = ['vit', '--data', 'shapes', '--out', out, '--set', ...small];
    const { status, stderr } = await interrupted(words, /epoch +1\/500/);
    assert.equal(status, 130, stderr);
    assert.match(
      stderr,
      /deit-lt: stopped in epoch \d+ of 500 .*Resume with: deit-lt vit --data shapes .* --resume\n$/,
    );
    assert.ok(existsSync(path.join(out, 'checkpoints/last.safetensors')));
  });

  test('leaves a run that eval measures', () => {
    const { status, stdout, stderr } = deitLt(['eval', out, '--data', 'shapes', '--which', 'last', '--json']);
    assert.equal(status, 0, stderr);
    const { kind, images, classes, avg } = JSON.parse(stdout);
    assert.deepEqual([kind, images, classes.length, avg.perClass.length], ['vit', 2000, 10, 10]);
    for (const figure of ['overall', 'head', 'mid', 'tail', 'top5']) assert.ok(avg[figure] >= 0 && avg[figure] <= 100);
  });

  test('leaves a run that eval measures in the precision that is requested', () => {
    const measure = (...words: string[]) =>
      deitLt(['eval', out, '--data', 'shapes', '--which', 'last', '--json', ...words]);
    const asked = [
      ['float32', '--precision', 'float32'],
      ['bfloat16', '--precision', 'bfloat16'],
      ['bfloat16', '--set', 'precision=bfloat16', 'device=cpu'],
    ] as const;
    const results = asked.map(([expected, ...words]) => {
      const { status, stdout, stderr } = measure(...words);
      assert.equal(status, 0, stderr);
      assert.equal(JSON.parse(stdout).precision, expected);
      return JSON.parse(stdout);
    });
    assert.deepEqual(results[2], results[1]);
    const other = measure('--set', 'student.imageSize=16');
    assert.deepEqual([other.status, /only device and precision can be set/.test(other.stderr)], [2, true]);
    const half = measure('--set', 'precision=half');
    assert.deepEqual([half.status, /precision: expected one of auto, float32, bfloat16/.test(half.stderr)], [2, true]);
  });

  test('leaves a run that predicts, and names the files that cannot be read', async () => {
    const photos = path.join(folder, 'photos');
    mkdirSync(photos);
    await sharp({ create: { width: 50, height: 40, channels: 3, background: 'teal' } }).toFile(
      path.join(photos, 'a.png'),
    );
    writeFileSync(path.join(photos, 'b.jpg'), 'no image');
    const { status, stdout, stderr } = deitLt(['predict', out, photos, '--top', '3', '--json']);
    assert.equal(status, 1);
    assert.match(stderr, /1 of 2 images could not be read:\n.*b\.jpg: is not an image/);
    const [prediction, ...others] = JSON.parse(stdout);
    assert.equal(others.length, 0);
    assert.equal(prediction.file, path.join(photos, 'a.png'));
    assert.deepEqual(Object.keys(prediction.top[0]), ['class', 'probability']);
    assert.equal(prediction.top.length, 3);
  });

  test('leaves a run that resumes there, and saves when its terminal is closed', async () => {
    const { status, stderr } = await interrupted(['vit', '--resume', '--out', out], /resumes at epoch/, 'SIGHUP');
    assert.match(stderr, /resumes at epoch ([2-9]|\d\d)/);
    assert.match(stderr, /a checkpoint is saved/);
    assert.equal(status, 129, stderr);
  });

  test('leaves a run that another command does not take for its own', () => {
    const { status, stderr } = deitLt(['train', '--resume', '--out', out]);
    assert.equal(status, 1);
    assert.match(stderr, /was made by "deit-lt vit": resume it with that command/);
  });
});
