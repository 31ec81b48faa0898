import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { suite, test } from 'node:test';
import { processLimits, spaceAdvice, tooLow } from './process-limits.js';

const bin = path.resolve(import.meta.dirname, '../../../bin/deit-lt.mjs');

suite('processLimits()', () => {
  test('reads the limits of Linux, and treats all other text as no limit', () => {
    const text = `Limit                     Soft Limit           Hard Limit           Units
Max open files            64                   64                   files
Max address space         unlimited            unlimited            bytes
`;
    const none = Number.POSITIVE_INFINITY;
    assert.deepEqual(processLimits(text), { openFiles: 64, addressSpace: none });
    assert.deepEqual(processLimits(''), { openFiles: none, addressSpace: none });
    assert.equal(tooLow(processLimits('')), undefined);
    assert.equal(spaceAdvice(processLimits('')), undefined);
  });

  for (const [limit, message] of [
    ['-n 64', /^deit-lt: this process may have only 64 files open at once.*ulimit -n 4096\n$/],
    ['-n 500', /^deit-lt: this process may have only 500 files open at once.*ulimit -n 4096\n$/],
    ['-v 1000000', /^deit-lt: this process may use only 1\.0 GB of address space.*ulimit -v unlimited.*\n$/],
  ] as const)
    test(`ulimit ${limit} ends with advice`, { skip: process.platform !== 'linux' && 'no such limits' }, () => {
      const { status, stderr } = spawnSync('bash', ['-c', `ulimit ${limit}; "${process.execPath}" "${bin}" recipes`], {
        encoding: 'utf8',
      });
      assert.match(stderr, message);
      assert.equal(status, 1);
    });

  test('512 files are enough for the command with the most modules', {
    skip: process.platform !== 'linux' && 'no such limits',
  }, () => {
    const words = `study ood --data nothing-there --recipe quickstart --out nowhere --offline`;
    const { stderr } = spawnSync('bash', ['-c', `ulimit -n 512; "${process.execPath}" "${bin}" ${words}`], {
      encoding: 'utf8',
    });
    assert.match(stderr, /^deit-lt: the data set "nothing-there" does not exist/);
  });

  test('a machine without such limits gives no message', () =>
    assert.equal(execFileSync(process.execPath, [bin, '--version'], { encoding: 'utf8' }).trim().length > 0, true));
});
