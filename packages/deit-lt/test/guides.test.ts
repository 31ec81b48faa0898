/** The programs of the guides print what their comments say. `readme.test.ts` has the server, which needs a trained model. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { codeBlocks, readPage } from './helpers/pages.js';
import { programFolders, resultOf, startProgram } from './helpers/programs.js';

const folders = programFolders();

/** The texts that the comments behind `console.log(…);` promise. */
function promisedOutput(code: string): string[] {
  return [...code.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm)].map(([, text = '']) => text);
}

for (const [page, programs] of [
  ['docs/guides/tensors.md', 5],
  ['docs/guides/own-task.md', 1],
] as const)
  suite(`the programs of ${page}`, () => {
    const blocks = codeBlocks(readPage(page), 'js');
    test('are there', () => assert.ok(blocks.length >= programs));
    for (const code of blocks) {
      const [, name = ''] = /^\/\/ (\S+\.mjs)/.exec(code) ?? [];
      test(`${name} prints what its comments say`, async () => {
        const { status, stdout, stderr } = await resultOf(startProgram(name, code, folders));
        assert.equal(status, 0, stderr);
        assert.deepEqual(stdout.trimEnd().split('\n'), promisedOutput(code));
      });
    }
  });
