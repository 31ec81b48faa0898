// The processes that benchmarks compare (bench/peer.ts): what is said of one that gives no answer.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { suite, test } from 'node:test';

const file = new URL('../bench/dist/peer.js', import.meta.url);

suite('Peer', { skip: !existsSync(file) && 'the benchmarks are not compiled' }, () => {
  const start = async (/** @type {string} */ code, /** @type {string[]} */ ...more) => {
    const { Peer } = await import(file.href);
    return new Peer(process.execPath, ['-e', code, ...more]);
  };

  test('answers questions, with and without a limit', async () => {
    const peer = await start("process.stdin.on('data', (text) => process.stdout.write(text))");
    assert.deepEqual(await peer.ask({ steps: 1 }), { steps: 1 });
    assert.deepEqual(await peer.ask({ steps: 2 }, { patience: 60 }), { steps: 2 });
    peer.end();
  });

  test('is ended when it gives no answer in time', async () => {
    const peer = await start('setInterval(() => {}, 1000)');
    await assert.rejects(peer.ask({}, { patience: 0.2 }), /^Error: \S+ -e .* gave no answer within 0\.2 s$/);
  });

  test('names the program that ended, without a configuration of pages', async () => {
    const peer = await start('0', 'x'.repeat(5000));
    await assert.rejects(peer.ask({}), /^Error: \S+ -e 0 … ended without an answer; its message stands above$/);
  });
});
