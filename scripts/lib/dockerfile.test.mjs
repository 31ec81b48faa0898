import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { assignment, parseDockerfile } from './dockerfile.mjs';

const root = path.resolve(fileURLToPath(new URL('../..', import.meta.url)));
const instructions = parseDockerfile(readFileSync(path.join(root, 'Dockerfile'), 'utf8'));

/** @param {string} name */
const valuesOf = (name) => instructions.filter(({ instruction }) => instruction === name).map(({ value }) => value);

suite('Dockerfile', () => {
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const commands = valuesOf('RUN').join('\n');

  test('runs scripts of package.json, and starts a file of the repository', () => {
    const called = [...commands.matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name);
    assert.deepEqual(called, ['setup:torch', 'build']);
    for (const name of called) assert.ok(scripts[name], name);
    const [, program] = JSON.parse(String(valuesOf('ENTRYPOINT')[0]));
    assert.ok(existsSync(path.join(root, path.relative('/opt/deit-lt', program))), program);
  });

  test('refuses another TORCH before it does anything', () => {
    const { status, stderr } = spawnSync('/bin/sh', ['-c', commands], {
      env: { TORCH: 'gpu', PATH: '/none' },
      encoding: 'utf8',
    });
    assert.equal(status, 2);
    assert.equal(stderr, 'TORCH=gpu: expected debian, cpu or cuda\n');
  });

  test('calls commands that are there, in order, for each TORCH', () => {
    // Shell functions in the place of all programs, and no PATH to find others: what would be run.
    const programs = ['apt-get', 'npm', 'mkdir', 'rm'].map((name) => `${name}() { echo "${name} $*"; }`);
    /** @param {string} torch */
    const run = (torch) =>
      spawnSync('/bin/bash', ['-c', `${programs.join('\n')}\n${commands}`], {
        env: { TORCH: torch, HOME: '/none', PATH: '/none' },
        encoding: 'utf8',
      })
        .stdout.split('\n')
        .filter((line) => /^(npm|apt-get)/.test(line));
    const first = ['apt-get update', 'apt-get install --yes --no-install-recommends g++ python3 python3-venv'];
    assert.deepEqual(run('debian'), ['npm run build']);
    assert.deepEqual(run('cpu'), [...first, 'npm run setup:torch -- --cpu', 'npm run build']);
    assert.deepEqual(run('cuda'), [...first, 'npm run setup:torch --', 'npm run build']);
  });

  test('is read instruction by instruction', () => {
    assert.deepEqual(parseDockerfile('# a\nARG A=1\nRUN b \\\n  # c\n  && d\n'), [
      { instruction: 'ARG', value: 'A=1' },
      { instruction: 'RUN', value: 'b && d' },
    ]);
    assert.deepEqual(assignment('A=b=c'), ['A', 'b=c']);
    assert.throws(() => parseDockerfile('HEALTHCHECK NONE'), /is not known here/);
  });
});
