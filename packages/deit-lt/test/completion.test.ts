/** `deit-lt completion`: the scripts in real shells, where they are installed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { commandTable } from '../src/cli/command-table.js';
import { completionScript, shells } from '../src/cli/completion-scripts.js';
import { flagsOf } from '../src/cli/option-table.js';
import { deitLt } from './cli-helpers.js';
import { temporaryFolder, write } from './helpers/temporary-folder.js';

const known = { data: ['shapes', 'cifar10'], recipes: ['quickstart'], keys: ['student.epochs', 'seed'] };
const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

/** The completions of bash for a line whose words are given, with the cursor at the end of the last one. */
function inBash(cwd: string, words: readonly string[]): string[] {
  const lines = [
    completionScript('bash', commandTable, known),
    `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own
    '_deit_lt 2>&1; printf "%s\\n" "${COMPREPLY[@]}"',
  ];
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', lines.join('\n')], { cwd, encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, '']);
  return stdout.split('\n').filter((line) => line !== '');
}

suite('completion in bash', { skip: !has('bash') && 'no bash' }, () => {
  const folder = (t: TestContext): string => {
    const place = temporaryFolder(t);
    write(path.join(place, 'my data.txt'), '');
    mkdirSync(path.join(place, 'runs'));
    return place;
  };

  test('offers commands, then the options of the command', (t) => {
    const cwd = folder(t);
    assert.deepEqual(inBash(cwd, ['deit-lt', 'st']), ['student', 'studio', 'study']);
    assert.deepEqual(inBash(cwd, ['deit-lt', 'predict', 'run', '--so']), ['--sort-into']);
    for (const { name, options } of commandTable) {
      const flags = inBash(cwd, ['deit-lt', name, '--']);
      assert.deepEqual(flags, [...options.map((option) => flagsOf(option).split(' ')[0]!), '--help'], name);
    }
    assert.deepEqual(inBash(cwd, ['deit-lt', 'help', 'comp']), ['compare', 'completion']);
  });

  test('offers the values of an option, and files where it takes files', (t) => {
    const cwd = folder(t);
    assert.deepEqual(inBash(cwd, ['deit-lt', 'eval', 'run', '--precision', 'b']), ['bfloat16']);
    assert.deepEqual(inBash(cwd, ['deit-lt', 'export', 'run', '--precision', 'f']), ['fp32', 'fp16']);
    assert.deepEqual(inBash(cwd, ['deit-lt', 'eval', 'run', '--precision', '=', 'b']), ['bfloat16']);
    assert.deepEqual(inBash(cwd, ['deit-lt', 'train', '--data', 'm']), ['my data.txt']);
    assert.deepEqual(inBash(cwd, ['deit-lt', 'train', '--data', 'c']), ['cifar10']);
    assert.deepEqual(inBash(cwd, ['deit-lt', 'train', '--set', 'stu']), ['student.epochs=']);
    assert.deepEqual(inBash(cwd, ['deit-lt', 'predict', 'ru']), ['runs']);
    assert.deepEqual(inBash(cwd, ['deit-lt', 'completion', '']).slice(0, 3), [...shells]);
    assert.deepEqual(inBash(cwd, ['deit-lt', 'train', '--imbalance', '']), []);
  });
});

for (const shell of ['zsh', 'fish'] as const)
  test(`the script for ${shell} has no errors of syntax`, { skip: !has(shell) && `no ${shell}` }, (t) => {
    const file = path.join(temporaryFolder(t), 'script');
    write(file, completionScript(shell, commandTable, known));
    const { status, stderr } = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, '']);
  });

test('deit-lt completion prints a script of this program, and refuses other shells', () => {
  const { status, stdout, stderr } = deitLt(['completion', 'bash']);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /student\.distillation\.\w+=/);
  assert.match(stdout, /complete -F _deit_lt deit-lt\n$/);
  const other = deitLt(['completion', 'csh']);
  assert.deepEqual([other.status, other.stderr.includes('expected one of bash, zsh, fish')], [2, true]);
});
