import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { solid } from '../../../test/helpers/images.js';
import { temporaryFolder, write } from '../../../test/helpers/temporary-folder.js';
import { DecodePool } from '../decode/decode-pool.js';
import { packPaths } from '../file-paths.js';
import { checkSplit } from './check-split.js';

suite('checkSplit()', () => {
  test('what decoding found to be bad stays bad for a look at headers, until it is repaired', async (t) => {
    const folder = temporaryFolder(t);
    const [good, damaged] = [path.join(folder, '0.jpg'), path.join(folder, '1.jpg')];
    const whole = await solid([1, 2, 3]).jpeg().toBuffer();
    const image = Buffer.from(whole);
    image.fill(0xff, image.indexOf(Buffer.from([0xff, 0xc4])) + 5).set([0xff, 0xd9], image.length - 2); // its Huffman tables
    for (const [file, content] of [
      [good, whole],
      [damaged, image],
    ] as const)
      write(file, content);
    const listed = { paths: packPaths([good, damaged]), labels: new Int32Array(2) };
    await using pool = new DecodePool();
    const options = { pool, decode: false, what: 'checking' };

    const byHeaders = await checkSplit(listed, undefined, options);
    assert.deepEqual([...byHeaders.split.bad], []);
    const decoded = await checkSplit(listed, byHeaders.split, { ...options, decode: true });
    assert.deepEqual([...decoded.split.bad.keys()], [1]);
    const reversed = { paths: packPaths([damaged, good]), labels: new Int32Array(2) };
    const again = await checkSplit(reversed, decoded.split, options);
    assert.deepEqual([...again.split.bad.values()], [...decoded.split.bad.values()]);
    assert.deepEqual([...again.split.bad.keys()], [0]);

    const stop = new AbortController();
    const onProgress = (): void => stop.abort(new Error('enough'));
    const stopped = await checkSplit(reversed, again.split, { ...options, onProgress, signal: stop.signal });
    assert.match(String(stopped.stopped?.reason), /enough/);
    assert.deepEqual([...stopped.split.bad.keys()], [0]);

    fs.writeFileSync(damaged, whole);
    const mended = await checkSplit(reversed, stopped.split, options);
    assert.deepEqual([...mended.split.bad], []);
  });
});
