/** Lists of paths on the standard input, as other programs write them. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { Readable } from 'node:stream';
import { suite, test } from 'node:test';
import { findImages, openImages } from '../src/cli/predict-files.js';
import { temporaryFolder, write } from './helpers/temporary-folder.js';

/** `bytes` in pieces of `size`, as a pipe may give them. */
function* pieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const read = (bytes: Buffer, size: number): Promise<string[]> =>
  findImages(['-'], Readable.from(pieces(bytes, size), { objectMode: false }));

suite('files that do not exist', () => {
  test('are kept among others, to be reported like those of a list', async (t) => {
    const folder = temporaryFolder(t);
    const there = path.join(folder, 'there.jpg');
    write(there, 'x');
    const [gone, pattern] = [path.join(folder, 'gone.jpg'), path.join(folder, 'no*.jpg')];
    const missing: string[] = [];
    const found = await findImages([gone, there, pattern], Readable.from([]), (places) => missing.push(...places));
    assert.deepEqual(
      [found, missing],
      [
        [gone, there, pattern],
        [gone, pattern],
      ],
    );
    await using source = openImages([gone]);
    await assert.rejects(async () => source.measure!(Int32Array.of(0)), {
      code: 'DATA_BAD_FILES',
      message: /gone\.jpg does not exist/,
    });
  });

  test('alone are refused', async (t) => {
    const gone = path.join(temporaryFolder(t), 'gone.jpg');
    const refused = { code: 'DATA_NOT_FOUND', message: /gone\.jpg does not exist; expected an image/ };
    await assert.rejects(findImages([gone], Readable.from([])), refused);
    await assert.rejects(findImages([gone, `${gone}2`], Readable.from([])), refused);
    await assert.rejects(findImages([path.join(gone, '*.jpg')], Readable.from([])), {
      code: 'DATA_NOT_FOUND',
      message: /nothing matches this pattern/,
    });
  });
});

suite('a list on the standard input', () => {
  /** 240 kB; letters of one to four bytes. */
  const paths = Array.from({ length: 5000 }, (_, i) => `/Bilder/Vögel/写真 ${i}/Rotkehlchen 🐦 é${i}.jpg`);

  for (const size of [101, 4093, 65_536, 118_001])
    test(`is read whole in pieces of ${size} bytes`, async () => {
      const list = Buffer.from(`${paths.join('\n')}\n`);
      assert.ok(list.length > 200_000);
      assert.deepEqual(await read(list, size), paths);
    });

  for (const [form, bytes] of [
    ['with line ends of Windows and a mark of byte order', Buffer.from(`\uFEFF${paths.join('\r\n')}\r\n`)],
    ['in UTF-16, as PowerShell writes it', Buffer.from(`\uFEFF${paths.join('\r\n')}\r\n`, 'utf16le')],
    ['with zero bytes between, as of find -print0', Buffer.from(`${paths.join('\0')}\0`)],
    ['as texts, which a stream may give', Buffer.from(paths.join('\n'))],
  ] as const)
    test(form, async () => assert.deepEqual(await read(bytes, 4093), paths));

  test('may name files with line ends when zero bytes are between', async () => {
    assert.deepEqual(await read(Buffer.from('a\nb.jpg\0c.jpg\0'), 100), ['a\nb.jpg', 'c.jpg']);
  });

  test('that is not text is refused, with the name that is not valid', {
    skip: process.platform !== 'linux',
  }, async (t) => {
    const half = Buffer.from('\uFEFFab', 'utf16le').subarray(0, 5);
    await assert.rejects(read(half, 100), {
      code: 'DATA_LAYOUT',
      message: /the list on the standard input is truncated/,
    });
    const folder = temporaryFolder(t);
    write(path.join(folder, 'x'), '');
    const named = Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.of(0xe9), Buffer.from('.jpg')]);
    const { writeFileSync } = await import('node:fs');
    writeFileSync(named, 'x');
    const [file] = await read(Buffer.concat([named, Buffer.from('\n')]), 100);
    await using source = openImages([file!]);
    await assert.rejects(async () => source.measure!(Int32Array.of(0)), {
      code: 'DATA_BAD_FILES',
      message: /has a name that is not UTF-8, caf\\xE9\.jpg: rename it/,
    });
    await assert.rejects(findImages([file!], Readable.from([])), { message: /not UTF-8, caf\\xE9\.jpg/ });
  });
});
