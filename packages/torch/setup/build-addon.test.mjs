import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';

import { readSources } from './addon-sources.mjs';
import { buildAddon, failureMessage } from './build-addon.mjs';
import { libtorchFiles, pretendedBuild, temporaryTree } from './temporary-tree.mjs';

/** A libtorch, a folder and a compiler that only writes its output file. @param {import('node:test').TestContext} t */
function pretended(t) {
  const root = temporaryTree(t, libtorchFiles('libtorch/'));
  return pretendedBuild(root);
}

suite('buildAddon()', () => {
  test('compiles every file once, links, and leaves no temporary file', async (t) => {
    const { libtorch, commands, options } = pretended(t);
    const { addon, compiled } = await buildAddon(libtorch, options);
    const { sources } = readSources();
    assert.equal(compiled, sources.length);
    assert.equal(commands.length, 3);
    const objects = path.join(options.buildDir, 'objects/2.4.1');
    const groups = readdirSync(objects).filter((name) => name.endsWith('.cc'));
    const included = groups.flatMap((name) =>
      [...readFileSync(path.join(objects, name), 'utf8').matchAll(/([\w-]+\.cc)"/g)].map((match) => String(match[1])),
    );
    assert.deepEqual(included.sort(), sources.map(({ name }) => name).sort());
    assert.deepEqual(readdirSync(options.buildDir).sort(), ['objects', addon].sort());
  });

  test('does nothing the second time', async (t) => {
    const { libtorch, commands, options } = pretended(t);
    const first = await buildAddon(libtorch, options);
    const second = await buildAddon(libtorch, options);
    assert.deepEqual(second, { ...first, compiled: 0 });
    assert.equal(commands.length, 3);
  });

  test('keeps the addons of other versions and removes older ones of the same', async (t) => {
    const { libtorch, options } = pretended(t);
    const other = await buildAddon({ ...libtorch, version: '1.13.0' }, options);
    const older = await buildAddon(libtorch, { ...options, compiler: 'clang++' });
    const newer = await buildAddon(libtorch, options);
    const names = readdirSync(options.buildDir);
    assert.ok(names.includes(other.addon) && names.includes(newer.addon) && !names.includes(older.addon));
    assert.equal(
      readdirSync(path.join(options.buildDir, 'objects/2.4.1')).filter((name) => name.endsWith('.o')).length,
      2,
    );
  });

  test('reports the file that does not compile, and leaves no addon', async (t) => {
    const { libtorch, options } = pretended(t);
    /** @type {import('./run-command.mjs').RunCommand} */
    const run = async (_, args) =>
      args.includes('-fsyntax-only')
        ? { code: 1, stdout: '', output: `${args.at(-1)}:7:1: error: expected ';'\n` }
        : { code: 1, stdout: '', output: 'other.h:1:1: error: confusing\n' };
    await assert.rejects(buildAddon(libtorch, { ...options, run }), {
      code: 'COMPILE',
      message: /native\/addon\.cc:7:1: error: expected ';'/,
    });
    assert.deepEqual(readdirSync(options.buildDir), ['objects']);
  });
});

test('failureMessage() shows the first errors and a command that can be pasted', () => {
  const output =
    'a.cc: In function f:\na.cc:1:2: error: no\n   1 | x\na.cc:2:2: warning: hm\nb.cc:3:4: fatal error: x.h: No such file\n';
  assert.equal(
    failureMessage(output, ['g++', '-c', '/a folder/a.cc']),
    "The addon does not compile:\na.cc:1:2: error: no\nb.cc:3:4: fatal error: x.h: No such file\n\nThe command was:\ng++ -c '/a folder/a.cc'",
  );
});
