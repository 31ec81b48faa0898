import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import { deitLt } from './cli-helpers.js';

suite('deit-lt inspect', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-inspect-'));

  test('--json is the only thing on the standard output, and --svg a picture', () => {
    const svg = path.join(folder, 'classes.svg');
    const { status, stdout, stderr } = deitLt([
      'inspect',
      'shapes',
      '--imbalance',
      '100',
      '--no-speed',
      '--json',
      '--svg',
      svg,
    ]);
    assert.equal(status, 0, stderr);
    const { name, classes, imbalanceRatio, gini, testImages, duplicates, training } = JSON.parse(stdout);
    assert.deepEqual([name, imbalanceRatio, testImages, training], ['shapes', 100, 2000, null]);
    assert.deepEqual(classes[0], { name: 'disc', train: 1000, test: 200, group: 'head' });
    assert.equal(classes.length, 10);
    assert.ok(gini > 0.5 && gini < 0.7);
    assert.deepEqual(duplicates, { groups: [], testInTrain: 0, withinTrain: 0, conflicting: 0 });
    assert.match(readFileSync(svg, 'utf8'), /^<svg /);
    rmSync(folder, { recursive: true });
  });

  test('draws the classes and says what was found', () => {
    const { stdout } = deitLt(['inspect', 'shapes', '--imbalance', '100', '--no-speed']);
    assert.match(
      stdout,
      /^shapes: 2,478 training images of 10 classes, imbalance ratio 100\n\ndisc +1,000 {2}head {2}█+\n/,
    );
    assert.match(stdout, /^duplicates {2}none$/m);
    assert.ok(!stdout.includes('\u001B'), 'no colours outside a terminal');
  });
});

suite('deit-lt recipes', () => {
  test('lists names and descriptions', () => {
    const recipes = JSON.parse(deitLt(['recipes', '--json']).stdout) as { name: string; description: string }[];
    assert.ok(recipes.some(({ name, description }) => name === 'quickstart' && description !== ''));
  });

  test('shows a recipe with changed values as a file that loads', () => {
    const { stdout } = deitLt(['recipes', 'quickstart', '--set', 'student.epochs=3']);
    assert.match(stdout, /^student:\n(?: .*\n)*? {2}epochs: 3$/m);
  });
});

suite('deit-lt doctor', () => {
  test('--json names the engine, the decoder and the cache folder', () => {
    const { status, stdout, stderr } = deitLt(['doctor', '--json']);
    assert.equal(status, 0, stderr);
    const { engine, images, cacheFolder, cores } = JSON.parse(stdout);
    assert.match(engine.libtorch.version, /^\d+\./);
    assert.match(images.libvips, /^\d+\./);
    assert.ok(path.isAbsolute(cacheFolder) && cores >= 1);
  });
});

suite('deit-lt … | head', () => {
  test('ends quietly when nobody reads', () => {
    const bin = path.resolve(import.meta.dirname, '../../bin/deit-lt.mjs');
    const { stderr } = spawnSync(
      'bash',
      ['-c', `"${process.execPath}" "${bin}" recipes quickstart --json | head -c 1`],
      {
        encoding: 'utf8',
      },
    );
    assert.equal(stderr, '');
  });
});
