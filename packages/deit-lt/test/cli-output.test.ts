import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { suite, test } from 'node:test';
import { deitLt } from './cli-helpers.js';
import { writeTree } from './helpers/images.js';

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

  test('draws the classes and lists the findings', () => {
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

  test('show NAME is the same as NAME', () => {
    const [short, long] = [
      ['recipes', 'quickstart'],
      ['recipes', 'show', 'quickstart'],
    ].map((words) => deitLt(words));
    assert.equal(long!.status, 0, long!.stderr);
    assert.equal(long!.stdout, short!.stdout);
  });

  test('--diff shows the keys that differ, side by side or as JSON', () => {
    const words = ['recipes', 'show', 'cifar10-lt-50', '--diff', 'cifar10-lt-100'];
    const { stdout } = deitLt([...words, '--set', 'student.augment.flip=false', '--set', 'student.optimizer.eps=0.5']);
    assert.match(stdout, /^key +cifar10-lt-50 with --set +cifar10-lt-100\n/);
    assert.match(stdout, /^data\.imbalance +50 +100$/m);
    assert.match(stdout, /^student\.optimizer\.eps +0\.5 +1e-8$/m);
    assert.match(stdout, /^student\.augment\.flip +false +\{ probability: 0\.5.*\}$/m);
    assert.equal(stdout.trimEnd().split('\n').length, 4);
    assert.deepEqual(JSON.parse(deitLt([...words, '--json']).stdout), {
      recipe: 'cifar10-lt-50',
      other: 'cifar10-lt-100',
      differences: [{ key: 'data.imbalance', value: 50, other: 100 }],
    });
  });

  test('--diff says when nothing differs', () => {
    const { status, stdout, stderr } = deitLt(['recipes', 'show', 'default', '--diff', 'default']);
    assert.deepEqual([status, stdout], [0, '']);
    assert.match(stderr, /default and default do not differ/);
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

suite('an output that cannot be written to', () => {
  const bin = path.resolve(import.meta.dirname, '../../bin/deit-lt.mjs');
  const full = { skip: !existsSync('/dev/full') && 'no /dev/full' };
  const inShell = (line: string) =>
    spawnSync('bash', ['-c', `"${process.execPath}" "${bin}" ${line}`], { encoding: 'utf8' });

  test('ends quietly when nobody reads', () => {
    assert.equal(inShell('recipes quickstart --json | head -c 1').stderr, '');
  });

  test('is an error that says so when it has the results', full, () => {
    const { status, stderr } = inShell('recipes quickstart --json >/dev/full');
    assert.equal(stderr, 'deit-lt: cannot write to the standard output: the disk is full; free some space.\n');
    assert.equal(status, 1);
  });

  test('loses no results when it has the messages', full, () => {
    const { status, stdout } = inShell('recipes 2>/dev/full');
    assert.equal(status, 0);
    assert.match(stdout, /^recipe .*\nquickstart /s);
  });

  test('ends no work when it has the messages and nobody reads them', async (t) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-unread-'));
    t.after(() => rmSync(folder, { recursive: true }));
    await writeTree(folder, { images: { a: 1, b: 1 } }); // reading them is said before there are results
    const child = spawn(process.execPath, [bin, 'inspect', path.join(folder, 'images'), '--no-speed', '--json']);
    child.stderr.destroy();
    const [stdout, [status]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    assert.equal(status, 0);
    assert.equal(JSON.parse(stdout).classes.length, 2);
  });
});
