import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-early-end-'));
after(() => rmSync(folder, { recursive: true }));

/** Returns how a process ends that runs `work`. */
function endOf(work: string): { status: number | null; stderr: string } {
  const file = path.join(folder, 'script.mjs'); // not by --eval, which keeps a process alive
  const begin = `import { tellOfEarlyEnd } from '${new URL('./early-end.js', import.meta.url)}';`;
  writeFileSync(file, `${begin}\nconst done = tellOfEarlyEnd();\n${work}\n`);
  const { status, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8' });
  return { status, stderr };
}

suite('a process that ends', () => {
  test('fails with a message while it waits for an event that never comes', () => {
    const { status, stderr } = endOf('await new Promise(() => {}); done();');
    assert.match(stderr, /^deit-lt: ended before its work was done/m);
    assert.equal(status, 1);
  });

  test('prints nothing when its work is done, or when it ends by choice', () => {
    assert.deepEqual(endOf('done();'), { status: 0, stderr: '' });
    assert.deepEqual(endOf('process.exit(0);'), { status: 0, stderr: '' });
    assert.deepEqual(endOf('process.exit(130);'), { status: 130, stderr: '' });
  });
});
