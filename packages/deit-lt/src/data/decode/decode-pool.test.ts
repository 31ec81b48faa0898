import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import sharp from 'sharp';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-decode-pool-'));
after(() => rmSync(folder, { recursive: true }));

/** Ends a pool, and the answer to its first task comes as soon as its thread is being ended: what chance does, done each time. */
const script = (image: string): string => `
  import { Worker } from 'node:worker_threads';
  import { DecodePool } from '${new URL('./decode-pool.js', import.meta.url)}';
  const { terminate } = Worker.prototype;
  Worker.prototype.terminate = function () {
    const ended = terminate.call(this);
    this.emit('message', { id: 0, result: new Int32Array([8, 8]) });
    return ended;
  };
  const pool = new DecodePool({ threads: 1 });
  const asked = pool.measure(['${image}']).catch(() => {});
  await pool[Symbol.asyncDispose]();
  await asked;
  console.log('ended');`;

test('a process waits for threads that are being ended: it does not stop with its work undone', async () => {
  const image = path.join(folder, 'image.jpg');
  await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } }).toFile(image);
  const file = path.join(folder, 'script.mjs'); // not by --eval, which keeps a process alive
  writeFileSync(file, script(image));
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8' });
  assert.deepEqual([status, stdout], [0, 'ended\n'], stderr);
});
