import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { subjectFault } from './commit-subject.mjs';

const root = path.resolve(fileURLToPath(new URL('../..', import.meta.url)));

suite('subjectFault()', () => {
  test('takes imperatives', () => {
    for (const subject of [
      'Refuse lists that are cut off',
      'Pass signals on to the child',
      'Seed each worker by its number',
      'Bring back the order of classes',
      'Docs: Explain the cache',
      'Test: Wait for events',
      'Re-export types of the engine',
      `Add ${'x'.repeat(68)}`,
    ])
      assert.equal(subjectFault(subject), null, subject);
  });

  test('refuses other forms, and says what to write', () => {
    /** @type {[string, RegExp][]} */
    const cases = [
      ['Added a check', /imperative/],
      ['Adding a check', /imperative/],
      ['Adds a check', /imperative/],
      ['Docs: how long it takes', /begin with a verb/],
      ['The check of commits', /begin with a verb/],
      ['fp16 models', /begin with a verb/],
      ['add a check', /capital/],
      ['Add a check.', /ends with "\."/],
      [`Add ${'x'.repeat(69)}`, /has 73 characters; at most 72/],
      ['', /empty/],
    ];
    for (const [subject, fault] of cases) assert.match(String(subjectFault(subject)), fault, subject);
  });

  test('counts characters, not bytes', () => {
    assert.equal(subjectFault(`Add ${'é'.repeat(68)}`), null);
  });
});

/** Runs git or node in a folder. @param {string} cwd @param {string} command @param {string[]} args */
function run(cwd, command, ...args) {
  const env = {
    ...process.env,
    GIT_CONFIG_GLOBAL: os.devNull,
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@example.org',
  };
  return spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...env, GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@example.org' },
  });
}

/** @param {string} folder @param {string} subject */
function commit(folder, subject) {
  writeFileSync(path.join(folder, 'file'), subject);
  run(folder, 'git', 'add', '--all');
  assert.equal(run(folder, 'git', 'commit', '--quiet', '--message', subject).status, 0);
}

suite('commit-messages', () => {
  test('checks what was committed on top of it, and no merge or older branch', (t) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'commits '));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const check = () => run(folder, process.execPath, 'scripts/commit-messages.mjs');
    run(folder, 'git', 'init', '--quiet', '--initial-branch=main');
    commit(folder, 'older, of another form');
    run(folder, 'git', 'branch', 'older');
    mkdirSync(path.join(folder, 'packages/torch'), { recursive: true });
    for (const part of ['scripts', 'packages/torch/setup'])
      cpSync(path.join(root, part), path.join(folder, part), { recursive: true });
    commit(folder, 'brought the check');
    assert.equal(check().status, 0, check().stderr);

    run(folder, 'git', 'switch', '--quiet', 'older');
    writeFileSync(path.join(folder, 'other'), '');
    run(folder, 'git', 'add', '--all');
    run(folder, 'git', 'commit', '--quiet', '--message', 'begun before the check');
    run(folder, 'git', 'switch', '--quiet', 'main');
    assert.equal(run(folder, 'git', 'merge', '--quiet', '--no-ff', '--message', 'older: merged', 'older').status, 0);
    commit(folder, 'Add a file');
    assert.equal(check().status, 0, check().stderr);

    commit(folder, 'Added another file');
    const { status, stderr } = check();
    assert.equal(status, 1);
    assert.match(stderr, /^ {2}\w+ "Added another file" begins with "Added"; write the imperative/m);
    assert.doesNotMatch(stderr, /older|brought|begun/);
  });
});
