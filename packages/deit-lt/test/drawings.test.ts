/** The folders of drawings that docs/results.md is measured on. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';

const script = path.resolve(import.meta.dirname, '../../../../scripts/drawings.mjs');
const folder = mkdtempSync(path.join(os.tmpdir(), 'drawings-'));
after(() => rmSync(folder, { recursive: true }));

function run(...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...words], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** The header of a PNG file of this size, and a byte that tells it from others. */
function png(width: number, height: number, id: number): Buffer {
  const bytes = Buffer.alloc(40);
  bytes.write('\x89PNG\r\n\x1a\n', 'latin1');
  bytes.write('IHDR', 12, 'latin1');
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  bytes.writeUInt8(id, 39);
  return bytes;
}

function files(name: string, contents: Readonly<Record<string, Buffer | string>>): string {
  for (const [file, bytes] of Object.entries(contents)) {
    const target = path.join(folder, name, file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, bytes);
  }
  return path.join(folder, name);
}

suite('scripts/drawings.mjs', () => {
  test('takes the first folder as class, each file once, and neither posters, symbols nor tiny classes', () => {
    const top = 'usr/share/openclipart/png';
    const source = files('clip', {
      [`${top}/food/a.png`]: png(10, 10, 1),
      [`${top}/food/fruit/a.png`]: png(10, 10, 2),
      [`${top}/food/fruit/again.png`]: png(10, 10, 1),
      [`${top}/food/b.png`]: png(10, 10, 3),
      [`${top}/food/poster.png`]: png(3000, 3000, 4),
      [`${top}/food/broken.png`]: 'no image',
      [`${top}/science/a.png`]: png(10, 10, 5),
      [`${top}/shapes/a.png`]: png(10, 10, 6),
      [`${top}/shapes/b.png`]: png(10, 10, 7),
      [`${top}/shapes/c.png`]: png(10, 10, 8),
    });
    const out = path.join(folder, 'clip-classes');
    const { status, stdout } = run('clipart', source, out);
    assert.equal(status, 0);
    assert.match(stdout, /3 images in 1 classes\nfood 3\n/);
    assert.deepEqual(readdirSync(out), ['food']);
    assert.equal(readdirSync(path.join(out, 'food')).length, 3);
  });

  test('takes the category of an emoji as its class', () => {
    const rows = [1, 2, 3, 4].map((id) => ({
      category: id < 4 ? 'Food & Drink' : 'Flags',
      image: `${id}.png`,
      has_img_twitter: true,
    }));
    const images = rows.map(({ image }, i) => [`img/twitter/64/${image}`, png(64, 64, i)] as const);
    const source = files('emoji', { 'emoji.json': JSON.stringify(rows), ...Object.fromEntries(images) });
    const out = path.join(folder, 'emoji-classes');
    assert.equal(run('emoji', source, out).status, 0);
    assert.deepEqual(readdirSync(out), ['food-drink']);
  });

  test('downloads nothing: says how to fetch the package, and refuses a wrong one with exit code 2', () => {
    const help = run('stamps');
    assert.equal(help.status, 2);
    assert.match(help.stderr, /apt-get download tuxpaint-stamps-default/);
    const wrong = run('stamps', folder, path.join(folder, 'none'));
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /tuxpaint\/stamps does not exist; PACKAGE must be the unpacked package/);
    assert.match(run('stamps', folder, folder).stderr, /exists; name a folder that does not/);
  });
});
