import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, test } from 'node:test';
import { temporaryFolder, write } from '../../test/helpers/temporary-folder.js';
import { shellLine } from '../shell-line.js';
import { programWords } from '../suggested-command.js';
import { commandWords, dataWords } from './command-words.js';
import type { Options } from './option-table.js';
import { parseWords, UsageError } from './program.js';

const silent = { writeOut: () => {}, writeErr: () => {} };
const parse = (line: string): Options | undefined => parseWords(line.split(' '), silent)?.options;

suite('parseWords()', () => {
  test('turns words into options of their types', () => {
    assert.deepEqual(parse('train --data x --imbalance 100 --split 0.1 --skip-bad --set a=1 b=2 --set c=3'), {
      data: 'x',
      imbalance: 100,
      split: 0.1,
      skipBad: true,
      set: ['a=1', 'b=2', 'c=3'],
    });
  });

  test('leaves measuring on unless it is turned off', () => {
    assert.equal(parse('inspect x')?.speed, true);
    assert.equal(parse('inspect x --no-speed')?.speed, false);
  });

  for (const [line, message] of [
    ['train --imbalance 0.5', /--imbalance: expected a number of at least 1, got "0.5"/],
    ['train --imbalance 1e', /expected a number of at least 1, got "1e"/],
    ['train --split 1', /--split: expected a number above 0 and below 1, got "1"/],
    ['predict run a.jpg --top 1.5', /--top: expected a whole number of at least 1/],
    ['eval run --which first', /--which: expected one of best, last, got "first"/],
    ['train --dta x', /unknown option '--dta'; did you mean --data\?/],
    ['trian', /unknown command 'trian'; did you mean train\?/],
    ['train x', /too many arguments/],
    ['eval', /missing required argument 'run'$/],
    ['serve --allow-url runs/a', /missing required argument 'run'; --allow-url takes all words .* before it/],
    ['eval --set a=b runs/a', /missing required argument 'run'; --set takes all words after it/],
  ] as const)
    test(`refuses "${line}"`, () =>
      assert.throws(
        () => parse(line),
        (error) => error instanceof UsageError && message.test(error.message),
      ));
});

suite('dataWords()', () => {
  test('name all options that decide which images are tested', () => {
    const line = 'train --data a.txt --split 0.1 --test-split val --root photos --check headers --skip-bad --offline';
    const words = dataWords({ ...parse(`${line} --out x --imbalance 3`) });
    assert.equal(words.join(' '), line.slice('train '.length));
  });

  test('are a placeholder without data', () => assert.deepEqual(dataWords({}), ['--data', 'DATA']));
});

suite('commandWords()', () => {
  test('start the same command again', () => {
    const options: Options = {
      data: 'cifar10',
      set: ['student.epochs=90', 'teacher.epochs=2'],
      out: '/tmp/run',
      imbalance: 100,
      skipBad: true,
    };
    const words = commandWords('train', options);
    assert.deepEqual(parseWords(words.slice(words.indexOf('deit-lt') + 1), silent)?.options, options);
  });

  test('name the run folder in full and leave out --resume', () => {
    const words = commandWords('train', { data: 'x', out: 'runs/x', resume: true });
    assert.ok(words.includes(`${process.cwd()}/runs/x`) && !words.includes('--resume'));
  });

  test('name files in full, also two lists, but no data set or recipe that has a name', (t) => {
    const folder = temporaryFolder(t);
    for (const name of ['a.txt', 'b.txt', 'my.yaml', 'shapes', 'cifar10', 'default'])
      write(path.join(folder, name), '');
    const before = process.cwd();
    process.chdir(folder);
    t.after(() => process.chdir(before));
    const wordOf = (options: Options): string | undefined => commandWords('train', options).at(-1);
    const full = (name: string): string => path.join(folder, name);
    assert.equal(wordOf({ data: 'a.txt' }), full('a.txt'));
    assert.equal(wordOf({ data: 'a.txt, b.txt' }), `${full('a.txt')},${full('b.txt')}`);
    assert.equal(wordOf({ data: 'a.txt,c.txt' }), 'a.txt,c.txt');
    assert.equal(wordOf({ data: 'shapes' }), 'shapes');
    assert.equal(wordOf({ data: 'cifar10' }), 'cifar10');
    assert.equal(wordOf({ data: './cifar10' }), full('cifar10'));
    assert.equal(wordOf({ recipe: 'default' }), 'default');
    assert.equal(wordOf({ recipe: 'my.yaml' }), full('my.yaml'));
  });

  test('begin with npx where npm started the program', () => {
    assert.deepEqual(programWords({ npm_command: 'exec' }), ['npx', 'deit-lt']);
    assert.deepEqual(programWords({}), ['deit-lt']);
  });

  test('are quoted for a shell', () => assert.equal(shellLine(['a b', "it's", 'x=1']), `'a b' 'it'\\''s' x=1`));
});
