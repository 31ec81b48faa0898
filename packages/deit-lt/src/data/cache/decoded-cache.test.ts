import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { movedClock } from '../../../test/helpers/moved-clock.js';
import { temporaryFolder, write } from '../../../test/helpers/temporary-folder.js';
import { packPaths } from '../file-paths.js';
import { DecodedCache } from './decoded-cache.js';

/** A thousand paths of ten files of one length and one time, each with a content of its own, and the way to their entry. */
function thousandPaths(t: TestContext) {
  const [folder, cacheDir] = [path.join(temporaryFolder(t), 'images'), temporaryFolder(t)];
  const files = Array.from({ length: 10 }, (_, i) => path.join(folder, `${i}.png`));
  const paths = packPaths(Array.from({ length: 1000 }, (_, i) => files[i % 10]!));
  for (const [i, file] of files.entries()) write(file, String(1000 + i));
  setTimes(files);
  const clock = movedClock(t);
  clock.pass(60_000);
  const entry = (): Promise<DecodedCache | undefined> => DecodedCache.for(paths, { cacheDir, maxBytes: 1000 });
  return { folder, files, entry, clock };
}

const setTimes = (files: readonly string[]): void => files.forEach((file) => void fs.utimesSync(file, 1000, 1000));

function swapNames(a: string, b: string): void {
  fs.renameSync(a, `${a}.moved`);
  fs.renameSync(b, a);
  fs.renameSync(`${a}.moved`, b);
}

suite('DecodedCache', () => {
  const changes: [string, (folder: string) => void][] = [
    ['two files swapped their names', (folder) => swapNames(path.join(folder, '1.png'), path.join(folder, '2.png'))],
    ['a file was written over', (folder) => fs.writeFileSync(path.join(folder, '7.png'), 'abcd')],
    [
      'another folder took the place of theirs',
      (folder) => {
        fs.cpSync(folder, `${folder}.new`, { recursive: true, preserveTimestamps: true });
        swapNames(folder, `${folder}.new`);
      },
    ],
    [
      'a link to their folder leads to another',
      (folder) => {
        fs.renameSync(folder, `${folder}.1`);
        fs.cpSync(`${folder}.1`, `${folder}.2`, { recursive: true, preserveTimestamps: true });
        fs.symlinkSync(`${folder}.2`, folder);
      },
    ],
  ];
  for (const [what, change] of changes)
    test(`an entry is not found again when ${what}, with all lengths and times as they were`, async (t) => {
      const { folder, files, entry } = thousandPaths(t);
      const first = (await entry())!.file;
      assert.equal((await entry())!.file, first);
      change(folder);
      setTimes(files);
      for (const file of files) assert.deepEqual([fs.statSync(file).size, fs.statSync(file).mtimeMs], [4, 1_000_000]);
      assert.notEqual((await entry())!.file, first);
    });

  test('files that were changed in the last two seconds have none', async (t) => {
    const { files, entry, clock } = thousandPaths(t);
    clock.pass(-60_000);
    assert.equal(await entry(), undefined);
    clock.pass(60_000);
    assert.ok((await entry()) !== undefined);
    fs.utimesSync(files[3]!, 4e9, 4e9); // a time in the future is not a recent change
    assert.ok((await entry()) !== undefined);
  });

  test('is not read when it is damaged anywhere', async (t) => {
    const cache = (await thousandPaths(t).entry())!;
    const block = { width: 4, height: 3, pixels: Uint8Array.from({ length: 12_000 * 3 }, (_, i) => i) };
    const bad = new Map([[5, { path: '/nowhere/5.png', reason: 'is empty' }]]);
    await cache.write({ bad, block });
    assert.deepEqual(await cache.read(), { bad, block });
    const whole = fs.readFileSync(cache.file);
    const places = [0, whole.indexOf('"width":4') + 8, whole.indexOf('[[5,') + 2, whole.length - 1];
    for (const at of places) {
      const content = Buffer.from(whole);
      content[at]! ^= 1;
      fs.writeFileSync(cache.file, content);
      assert.equal(await cache.read(), undefined);
    }
    for (const content of [whole.subarray(0, -1), Buffer.concat([whole, Buffer.of(0)]), Buffer.alloc(0)]) {
      fs.writeFileSync(cache.file, content);
      assert.equal(await cache.read(), undefined);
    }
  });
});
