import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import { launch } from './launch.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-launch-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Runs `code` in two processes, with `rank` and `wait()` for ever; the exit code and what was said. `graceMs` is long enough for a busy machine
 * where processes end by themselves.
 */
async function launched(code: string, graceMs = 20_000): Promise<{ code: number; said: string[] }> {
  const program = path.join(folder, 'program.cjs');
  const begin = 'const rank = Number(process.env.RANK); const wait = () => setInterval(() => {}, 1000);';
  writeFileSync(program, `${begin}\n${code}`);
  const said: string[] = [];
  return { code: await launch(['--flag'], 2, (message) => said.push(message), { program, graceMs }), said };
}

suite('launch()', () => {
  test('refuses more processes than the machine can start', async () => {
    const refused = {
      code: 'USAGE',
      message: /^--procs 999: this machine has \d+ cores?; expected at most \d+ processes/,
    };
    await assert.rejects(
      launch([], 999, () => {}),
      refused,
    );
  });

  test('gives each process the variables of torchrun and the words', async () => {
    const file = path.join(folder, 'rank-');
    const names = '["RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "DEIT_LT_LAUNCHED"]';
    const write = `require('node:fs').writeFileSync(${JSON.stringify(file)} + rank, JSON.stringify([process.argv[2], ...${names}.map((n) => process.env[n])]))`;
    assert.deepEqual(await launched(write), { code: 0, said: [] });
    const [first, second] = [0, 1].map((rank) => JSON.parse(readFileSync(file + rank, 'utf8')) as string[]);
    const port = first![5]!;
    assert.ok(Number(port) > 0);
    assert.deepEqual(first, ['--flag', '0', '0', '2', '127.0.0.1', port, '1']);
    assert.deepEqual(second, ['--flag', '1', '1', '2', '127.0.0.1', port, '1']);
  });

  test('prints the cause once, with its process, and keeps its exit code', async () => {
    const fail = '(message, follows, code) => process.send({ message, follows }, () => process.exit(code))';
    const ready = JSON.stringify(path.join(folder, 'ready')); // on a busy machine the second one may start after the first one's grace
    const first = `const timer = setInterval(() => fs.existsSync(${ready}) && (clearInterval(timer), fail('another has left', true, 1)), 5)`;
    const second = `fs.writeFileSync(${ready}, ''); setTimeout(fail, 100, 'no such image', false, 3)`;
    const code = `const fs = require('node:fs'); const fail = ${fail}; if (rank === 0) { ${first} } else { ${second} }`;
    assert.deepEqual(await launched(code), { code: 3, said: ['process 1 of 2 (from 0): no such image'] });
  });

  test('prints what all processes find as the first one says it', async () => {
    const code = "process.send({ message: 'no data', follows: false }, () => process.exit(2))";
    assert.deepEqual(await launched(code), { code: 2, said: ['no data'] });
  });

  test('names what a process found before one that hung and was killed here', async () => {
    const follow =
      "process.send({ message: 'process 0 of 2 (from 0) does not answer', follows: true }, () => process.exit(1))";
    const hang = "process.on('SIGTERM', () => {}), setInterval(() => {}, 1000)";
    const { code, said } = await launched(`rank === 1 ? setTimeout(() => ${follow}, 300) : (${hang})`, 300);
    assert.deepEqual({ code, said }, { code: 1, said: ['process 0 of 2 (from 0) does not answer'] });
  });

  test('ends the others when a process is killed', async () => {
    const start = performance.now();
    const { code, said } = await launched("rank === 1 ? process.kill(process.pid, 'SIGKILL') : wait()", 300);
    assert.equal(code, 1);
    assert.deepEqual(said, [
      'process 1 of 2 (from 0) ended with SIGKILL. If a checkpoint was saved, the same command with --resume continues from it',
    ]);
    assert.ok(performance.now() - start < 30_000);
  });
});
