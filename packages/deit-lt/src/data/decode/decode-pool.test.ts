import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import sharp from 'sharp';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-decode-pool-'));
after(() => rmSync(folder, { recursive: true }));

/** Ends pools whose answer (of a JPEG, known before libvips is loaded) comes while their thread is being ended. */
const script = (image: string): string => `
  import { DecodePool } from '${new URL('./decode-pool.js', import.meta.url)}';
  for (let busy = 40; busy <= 320; busy += 20) {
    const pool = new DecodePool({ threads: 1 });
    const asked = pool.measure(['${image}']).catch(() => {});
    for (const since = performance.now(); performance.now() - since < busy; );
    await pool[Symbol.asyncDispose]();
    await asked;
  }
  console.log('all ended');`;

test('a process waits for threads that are being ended: it does not stop with its work undone', async () => {
  const image = path.join(folder, 'image.jpg');
  await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } }).toFile(image);
  const file = path.join(folder, 'script.mjs'); // not by --eval, which keeps a process alive
  writeFileSync(file, script(image));
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8' });
  assert.deepEqual([status, stdout], [0, 'all ended\n'], stderr);
});
