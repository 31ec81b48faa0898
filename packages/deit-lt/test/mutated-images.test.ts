/** The reduced form of `npm run robustness:images`: damaged files are read or refused, and nothing else. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import { judge, mutation, type ParserName, parsers, seedsOf } from './helpers/mutated-images.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-mutated-'));
after(() => rmSync(folder, { recursive: true }));
const count = 60;

suite('mutated images', () => {
  for (const parser of Object.keys(parsers) as ParserName[])
    test(`${parser}: ${count} files`, async () => {
      const seeds = await seedsOf(parser);
      const file = path.join(folder, 'image');
      for (const seed of seeds) assert.equal(await judge(seed, file), 'read');
      const verdicts = { read: 0, refused: 0 };
      for (let i = 0; i < count; i++) {
        const verdict = await judge(mutation(seeds, i), file).catch((error: Error) => {
          throw new Error(`mutation ${i}: ${error.message}`, { cause: error });
        });
        verdicts[verdict]++;
      }
      assert.ok(verdicts.refused > 5, `${verdicts.refused} refused: the damage should matter`);
    });
});
