import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';

const packageFolder = path.resolve(import.meta.dirname, '../..');
const helper = path.join(import.meta.dirname, 'helpers/second-copy.js');
const record = JSON.parse(readFileSync(path.join(packageFolder, 'build/current.json'), 'utf8')) as {
  addon: string;
  libtorch: { libDir: string; version: string };
};
let scratch = '';
before(() => {
  scratch = mkdtempSync(path.join(os.tmpdir(), 'torch-copy-'));
});
after(() => rmSync(scratch, { recursive: true }));

/** A copy of the built package with another file of the addon, or another name of the same one (as pnpm makes). */
function copyPackage(name: string, put: (from: string, to: string) => void, libDir = record.libtorch.libDir): string {
  const folder = path.join(scratch, name);
  mkdirSync(path.join(folder, 'build'), { recursive: true });
  cpSync(path.join(packageFolder, 'dist/src'), path.join(folder, 'dist/src'), { recursive: true });
  copyFileSync(path.join(packageFolder, 'package.json'), path.join(folder, 'package.json'));
  put(path.join(packageFolder, 'build', record.addon), path.join(folder, 'build', record.addon));
  const libtorch = { ...record.libtorch, libDir };
  writeFileSync(path.join(folder, 'build/current.json'), JSON.stringify({ ...record, libtorch }));
  return folder;
}

/** The results of the helper's tasks, in one process. */
function run(folder: string, ...tasks: string[]): unknown[] {
  return JSON.parse(execFileSync(process.execPath, [helper, folder, ...tasks], { encoding: 'utf8' })) as unknown[];
}

type Work = [numbers: number[], gradient: number[][], message: string];

function assertAllEqual(results: Work[]): void {
  assert.equal(results.length, 4);
  for (const result of results) assert.deepEqual(result, results[0]);
  assert.match(results[0]?.[2] ?? '', /a TorchError of this copy/);
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to); // the temporary folder is on another disk
  }
}

suite('two copies of the package in one process', () => {
  test('compute the same by turns, share the allocator, and refuse the tensors of each other', () => {
    const folder = copyPackage('copied', copyFileSync);
    const [both, memory, mixed] = run(folder, 'both', 'memory', 'mixed') as [Work[], number[], Record<string, string>];
    assertAllEqual(both);
    assert.ok((memory[0] ?? 0) >= 4 << 20, `${memory[0]} bytes`);
    assert.equal(memory[0], memory[1]);
    assert.equal(mixed.code, 'ARGUMENT');
    assert.match(mixed.message ?? '', /a Tensor of another copy of @deit-lt\/torch/);
  });

  test('compute the same where both have one file of the addon', () => {
    const [both] = run(copyPackage('linked', linkOrCopy), 'both') as [Work[]];
    assertAllEqual(both);
  });

  test('may be loaded first by a worker thread that ends', () => {
    const [results] = run(copyPackage('workers', copyFileSync), 'workers') as [
      [unknown[], Work, [Work[], number], Work],
    ];
    const [one, main, [both, code], last] = results;
    assert.deepEqual(one, [main, 0]);
    assertAllEqual(both);
    assert.deepEqual([both[0], code, last], [main, 0, main]);
  });

  test('refuse to load with two libtorchs, and name both', { skip: process.platform !== 'linux' }, () => {
    const other = path.join(scratch, 'another-libtorch');
    const [error] = run(copyPackage('refused', copyFileSync, other), 'refused') as [Record<string, string>];
    assert.deepEqual([error.name, error.code], ['BridgeError', 'BRIDGE_NOT_LOADED']);
    const both = `in ${other}, but this process has already loaded ${record.libtorch.libDir}/libtorch_cpu.so`;
    assert.ok(error.message?.includes(both), error.message);
    assert.match(error.message ?? '', /npm dedupe/);
  });
});
