/** Damaged run folders and event streams: the right result or a clear error. `npm run robustness:runs` tries more. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { runSubjects } from './helpers/mutated-runs.js';
import { temporaryFolder } from './helpers/temporary-folder.js';

/** Other seeds than those of the campaign. */
const firstSeed = 1_000_000;
const attempts = 7;

suite('mutated runs', { timeout: 120_000 }, () => {
  for (const [name, prepare] of Object.entries(runSubjects))
    test(name, async (t) => {
      const subject = await prepare(temporaryFolder(t));
      for (let seed = firstSeed; seed < firstSeed + attempts; seed++) {
        const { outcome, what, message } = await subject.attempt(seed);
        const said = `seed ${seed}: ${outcome}: ${what}: ${message.slice(0, 2000)}`;
        assert.ok(outcome === 'read' || outcome === 'refused', said);
      }
    });
});
