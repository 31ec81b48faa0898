/** Damaged lists, annotations, archives and caches: read or refused, never a crash. `npm run robustness:data` tries more. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parsers } from './helpers/mutated-data.js';
import { mutated } from './helpers/mutations.js';
import { temporaryFolder } from './helpers/temporary-folder.js';

/** Other seeds than those of the campaign. */
const firstSeed = 1_000_000;
const attempts = 40;

suite('mutated data files', { timeout: 120_000 }, () => {
  for (const [name, prepare] of Object.entries(parsers))
    test(name, async (t) => {
      const subject = await prepare(temporaryFolder(t));
      for (let seed = firstSeed; seed < firstSeed + attempts; seed++) {
        const { outcome, what, message } = await subject.attempt(seed);
        assert.ok(
          outcome === 'read' || outcome === 'refused',
          `seed ${seed}: ${outcome}: ${what}: ${message.slice(0, 2000)}`,
        );
      }
    });

  test('are damaged the same way by the same seed, and differ by it', () => {
    const bytes = Buffer.from('images/0.png 0\n'.repeat(30));
    const made = Array.from({ length: 300 }, (_, seed) => mutated(bytes, seed));
    assert.deepEqual(made[7], mutated(bytes, 7));
    assert.ok(new Set(made.map(({ bytes }) => bytes.toString('base64'))).size > 250);
    assert.ok(made.filter((each) => !each.bytes.equals(bytes)).length > 280);
  });
});
