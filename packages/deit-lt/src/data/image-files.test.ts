import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { truncatedJpeg, writeImage } from '../../test/helpers/images.js';
import { movedClock } from '../../test/helpers/moved-clock.js';
import { temporaryFolder, write } from '../../test/helpers/temporary-folder.js';
import { checkFiles } from './check-files.js';
import { fileSplit } from './file-split.js';
import { materialize } from './image-files.js';
import type { Progress } from './open-options.js';

async function fiveImages(t: TestContext): Promise<string[]> {
  const folder = temporaryFolder(t);
  const files = Array.from({ length: 5 }, (_, i) => path.join(folder, `${i}.png`));
  for (const [i, file] of files.entries()) await writeImage(file, [40 * i, 0, 0], 4, 4);
  return files;
}

/** Gives all files one length and one time. */
function alike(files: readonly string[]): void {
  for (const file of files) {
    fs.appendFileSync(file, Buffer.alloc(200 - fs.statSync(file).size));
    fs.utimesSync(file, 1000, 1000);
  }
}

function swapContents(a: string, b: string): void {
  const [first, second] = [fs.readFileSync(a), fs.readFileSync(b)];
  fs.writeFileSync(a, second);
  fs.writeFileSync(b, first);
}

suite('materialize()', () => {
  test('images of one size come into memory, in order', async (t) => {
    const files = await fiveImages(t);
    const progress: Progress[] = [];
    const { images, labels } = await materialize(fileSplit(files, [0, 1, 0, 1, 2]), {
      onProgress: (p) => progress.push(p),
    });
    assert.equal(images.kind, 'memory');
    assert.deepEqual([images.length, images.nameOf(3)], [5, files[3]]);
    if (images.kind === 'memory') {
      assert.deepEqual([images.width, images.height], [4, 4]);
      assert.deepEqual(
        files.map((_, i) => images.pixels[i * 48]),
        [0, 40, 80, 120, 160],
      );
    }
    assert.deepEqual([...labels], [0, 1, 0, 1, 2]);
    assert.deepEqual(progress.at(-1), { what: 'reading images', done: 5, total: 5 });
  });

  test('images of several sizes, or too many bytes, stay files', async (t) => {
    const files = await fiveImages(t);
    assert.equal((await materialize(fileSplit(files, [0, 0, 0, 1, 1]), { maxBytes: 5 * 48 - 1 })).images.kind, 'files');
    assert.equal((await materialize(fileSplit(files, [0, 0, 0, 1, 1]), { maxBytes: 5 * 48 })).images.kind, 'memory');
    await writeImage(files[4]!, [0, 0, 0], 5, 4);
    assert.equal((await materialize(fileSplit(files, [0, 0, 0, 1, 1]))).images.kind, 'files');
  });

  test('names every file that cannot be read', async (t) => {
    const files = await fiveImages(t);
    write(files[1]!, '');
    write(files[3]!, await truncatedJpeg());
    await assert.rejects(materialize(fileSplit(files, [0, 1, 0, 1, 2])), (error: Error) => {
      assert.match(error.message, /^2 images of 5 cannot be read:\n {2}.*1\.png is empty\n {2}.*3\.png is cut off/);
      assert.match(error.message, /--skip-bad/);
      return true;
    });
    const bad = await checkFiles({ name: 'x', classNames: ['a'], train: fileSplit(files, [0, 0, 0, 0, 0]) });
    assert.deepEqual(
      bad.map(({ path }) => path),
      [files[1], files[3]],
    );
  });

  test('skipBad leaves out bad files, with their labels, and lists them', async (t) => {
    const files = await fiveImages(t);
    write(files[1]!, 'text');
    const lines: string[] = [];
    const seen: string[] = [];
    const { images, labels } = await materialize(fileSplit(files, [0, 1, 2, 3, 4]), {
      skipBad: true,
      log: (line) => lines.push(line),
      onBad: ({ path }) => seen.push(path),
    });
    assert.deepEqual([...labels], [0, 2, 3, 4]);
    assert.equal(images.nameOf(1), files[2]);
    if (images.kind !== 'memory') assert.fail('the images should be in memory');
    assert.deepEqual([images.pixels.length, images.pixels[48]], [4 * 48, 80]);
    assert.deepEqual(seen, [files[1]]);
    assert.match(lines.join('\n'), /left out 1 of 5.*\n.*1\.png is not an image/);
  });

  test('lists at most 20 names', async (t) => {
    const folder = temporaryFolder(t);
    const files = Array.from({ length: 25 }, (_, i) => path.join(folder, `${i}.png`));
    const error: Error = await materialize(
      fileSplit(
        files,
        files.map(() => 0),
      ),
    ).then(
      () => assert.fail('must throw'),
      (error) => error,
    );
    assert.equal(error.message.match(/does not exist/g)?.length, 20);
    assert.match(error.message, /25 images of 25 .*… and 5 more/s);
  });

  test('stops with the reason of the signal', async (t) => {
    const files = await fiveImages(t);
    const stop = AbortSignal.abort(new Error('enough'));
    await assert.rejects(materialize(fileSplit(files, [0, 0, 0, 0, 0]), { signal: stop }), /enough/);
  });
});

suite('decoded cache', () => {
  /** 1000 paths of five files: enough for the cache. */
  const many = (files: readonly string[]): ReturnType<typeof fileSplit> => {
    const paths = Array.from({ length: 1000 }, (_, i) => files[i % 5]!);
    return fileSplit(
      paths,
      paths.map((_, i) => i % 5),
    );
  };

  /** Loads the files as often as asked; what was decoded each time, in all. */
  function loader(t: TestContext, files: readonly string[]) {
    const cacheDir = temporaryFolder(t);
    const counts: number[] = [];
    const load = async (): Promise<Uint8Array> => {
      let done = 0;
      const split = await materialize(many(files), { cacheDir, onProgress: (p) => (done = p.done) });
      counts.push(done);
      if (split.images.kind !== 'memory') assert.fail('the images should be in memory');
      return split.images.pixels;
    };
    return { load, counts };
  }

  test('a second start decodes nothing, a changed file makes it decode again', async (t) => {
    const files = await fiveImages(t);
    const { load, counts } = loader(t, files);
    movedClock(t).pass(60_000);
    const first = await load();
    assert.deepEqual(await load(), first);
    await writeImage(files[2]!, [7, 7, 7], 4, 4);
    fs.utimesSync(files[2]!, 1, 1);
    assert.equal((await load())[2 * 48], 7);
    assert.deepEqual(counts, [1000, 0, 1000]);
  });

  test('contents that two files swapped are seen, though all lengths and times are as they were', async (t) => {
    const files = await fiveImages(t);
    alike(files);
    const { load, counts } = loader(t, files);
    movedClock(t).pass(60_000);
    const reds = async (): Promise<number[]> => {
      const pixels = await load();
      return files.map((_, i) => pixels[i * 48]!);
    };
    assert.deepEqual(await reds(), [0, 40, 80, 120, 160]);
    swapContents(files[1]!, files[3]!);
    alike(files);
    assert.deepEqual(await reds(), [0, 120, 80, 40, 160]);
    assert.deepEqual(counts, [1000, 1000]);
  });

  test('bad files are remembered', async (t) => {
    const files = await fiveImages(t);
    const cacheDir = temporaryFolder(t);
    write(files[0]!, '');
    movedClock(t).pass(60_000);
    const decoded: number[] = [];
    for (let start = 0; start < 2; start++) {
      let done = 0;
      const load = materialize(many(files), { cacheDir, onProgress: (p) => (done = p.done) });
      await assert.rejects(load, /200 images of 1000 cannot be read/);
      decoded.push(done);
    }
    assert.deepEqual(decoded, [1000, 0]);
  });

  test('a bad file that was repaired is read, also with the size and time that it had', async (t) => {
    const files = await fiveImages(t);
    const cacheDir = temporaryFolder(t);
    const whole = fs.readFileSync(files[0]!);
    const writeAt = (content: Uint8Array): void => {
      write(files[0]!, content);
      fs.utimesSync(files[0]!, 1, 1);
    };
    writeAt(new Uint8Array(whole.length));
    movedClock(t).pass(60_000);
    await assert.rejects(materialize(many(files), { cacheDir }), /200 images of 1000 cannot be read/);
    writeAt(whole);
    assert.equal((await materialize(many(files), { cacheDir })).images.length, 1000);
  });

  test('a folder that cannot be written costs one line', async (t) => {
    const files = await fiveImages(t);
    const notFolder = path.join(temporaryFolder(t), 'file');
    write(notFolder, '');
    movedClock(t).pass(60_000);
    const lines: string[] = [];
    await materialize(many(files), { cacheDir: notFolder, log: (line) => lines.push(line) });
    assert.match(lines.join(), /are not cached/);
  });
});
