/** Command lines drawn by seed end as documented. `npm run robustness:commands` tries more. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { faultsOf, runCommand, withoutRights } from './helpers/command-process.js';
import { drawCommand } from './helpers/drawn-commands.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { makeWorkplace } from './helpers/workplace.js';

/** Other seeds than those of the campaign. */
const firstSeed = 1_000_000;
const commands = 4;

suite('drawn commands', { timeout: 180_000 }, () => {
  test('end with an exit code of the documentation, and leave nothing half-written', {
    skip: process.platform !== 'linux' && 'needs the limits and devices of Linux',
  }, async (t) => {
    const folder = temporaryFolder(t);
    await makeWorkplace(folder);
    for (let seed = firstSeed; seed < firstSeed + commands; seed++) {
      const command = drawCommand(seed);
      const ended = await runCommand(command, folder, withoutRights());
      assert.deepEqual(
        faultsOf(command, ended, folder),
        [],
        `seed ${seed}: ${command.words.join(' ')}: ${ended.stderr}`,
      );
    }
  });

  test('are the same for the same seed, and of many kinds', () => {
    const drawn = Array.from({ length: 400 }, (_, seed) => drawCommand(seed));
    assert.deepEqual(drawCommand(7), drawn[7]);
    assert.ok(new Set(drawn.map(({ words }) => words[0])).size > 15);
    assert.ok(new Set(drawn.map(({ circumstance }) => circumstance)).size > 12);
    assert.ok(new Set(drawn.map(({ words }) => words.join(' '))).size > 350);
  });

  test('with faults are distinguished from those without', () => {
    const command = { ...drawCommand(7), words: ['recipes', '--json'], circumstance: 'none' } as const;
    const ended = { code: 0, signal: null, stdout: '[]', stderr: '', ms: 1, asked: undefined, hung: false } as const;
    const of = (change: object): string[] => faultsOf(command, { ...ended, ...change }, '/nowhere');
    assert.deepEqual(of({}), []);
    assert.match(of({ code: 3, stderr: 'x' })[0]!, /exit code 3/);
    assert.match(of({ code: null, signal: 'SIGSEGV' })[0]!, /SIGSEGV/);
    assert.match(of({ code: 1 })[0]!, /without a message/);
    assert.match(of({ code: 1, stderr: 'TypeError: x\n    at y (z.js:1:2)' })[0]!, /looks like a bug/);
    assert.match(of({ stdout: 'done' })[0]!, /no JSON/);
    assert.deepEqual(of({ hung: true }), ['hangs']);
  });
});
