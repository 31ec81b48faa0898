/** A libtorch that does not load is no damage of the run's files: nobody must remove them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { trainTeacher } from '../src/training/train.js';
import { bin } from './cli-helpers.js';
import { write } from './helpers/temporary-folder.js';
import { reporting, tinyDataset, tinyRecipe } from './training-tiny.js';

/** Makes the addon of `@deit-lt/torch` fail to load, as when its libtorch was removed. */
const preload = `const { dlopen } = process;
process.dlopen = (module, file, ...rest) => {
  if (/torch-[^/]*\\.node$/.test(file)) throw new Error('libtorch.so: cannot open shared object file');
  return dlopen.call(process, module, file, ...rest);
};
`;

suite('without a libtorch that loads', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-missing-'));
  after(() => rmSync(folder, { recursive: true }));
  const run = path.join(folder, 'run');
  const script = path.join(folder, 'preload.mjs');
  before(async () => {
    write(script, preload);
    const recipe = tinyRecipe('teacher.epochs=1', 'teacher.drw.epoch=null', 'teacher.model.width=4');
    await trainTeacher({ dataset: tinyDataset(), recipe, folder: run, reporter: reporting({}) });
  });

  for (const [what, words] of [
    ['predictions', () => ['compare', run]],
    ['a checkpoint', () => ['predict', run, script]],
  ] as const)
    test(`the command that reads ${what} says how to build the addon again`, () => {
      const options = { encoding: 'utf8', env: { ...process.env, OMP_NUM_THREADS: '1' } } as const;
      const { status, stderr } = spawnSync(process.execPath, ['--import', script, bin, ...words()], options);
      assert.equal(status, 1, stderr);
      assert.match(
        stderr,
        /^deit-lt: the native bridge .* does not load: libtorch\.so: cannot open shared object file\n/m,
      );
      assert.match(stderr, /build again: npx deit-torch-setup\n$/);
      assert.doesNotMatch(stderr, /cannot be used|Remove it|train again/);
    });
});
