/** README, CONTRIBUTING and docs: their commands are commands, their figures are measured ones, their pictures are there. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { commandTable } from '../src/cli/command-table.js';
import { parseWords } from '../src/cli/program.js';
import { commandsIn, pageNames, readPage, repository } from './helpers/pages.js';

const readme = readPage('README.md');
const silent = { writeOut: () => {}, writeErr: () => {} };

suite('commands of the documentation', () => {
  test('are commands: words and options are right on every page', () => {
    const commands = pageNames().flatMap((name) => commandsIn(readPage(name)).map((words) => ({ name, words })));
    assert.ok(commands.length > 80, `${commands.length} commands`);
    for (const { name, words } of commands)
      assert.doesNotThrow(() => parseWords(words, silent), `${name}: deit-lt ${words.join(' ')}`);
  });

  test('that are wrong would be found', () => {
    const [words = []] = commandsIn('```sh\nnpx deit-lt train --data x --no-such   # a comment\n```\n');
    assert.deepEqual(words, ['train', '--data', 'x', '--no-such']);
    assert.throws(() => parseWords(words, silent));
  });

  test('in the help are commands', () => {
    for (const example of commandTable.flatMap(({ examples }) => examples))
      for (const words of commandsIn(`\`\`\`sh\n${example}\n\`\`\`\n`)) parseWords(words, silent);
  });

  test('of npm are scripts of this repository', () => {
    const { scripts } = JSON.parse(readPage('package.json')) as { scripts: Record<string, string> };
    const named = pageNames().flatMap((name) => [...readPage(name).matchAll(/npm run ([\w:-]+)/g)].map(([, it]) => it));
    assert.ok(named.length > 10);
    for (const script of named) assert.ok(script! in scripts, `npm run ${script}`);
  });
});

suite('figures of the README', () => {
  const measured = ['results', 'benchmarks', 'shapes'].map((name) => readPage(`docs/${name}.md`));
  const heading = (title: string): string => {
    const start = readme.indexOf(`## ${title}`);
    assert.notEqual(start, -1, title);
    return readme.slice(start, readme.indexOf('\n## ', start));
  };

  test('stand in the pages of measurements', () => {
    const text = heading('What to expect') + heading('Results');
    const figures = [...text.matchAll(/(?<![\d.])\d+\.\d(?![\d.])|\d+ h \d+ min|\d+ min \d+ s/g)].map(([it]) => it);
    assert.ok(figures.length > 25);
    for (const figure of figures)
      assert.ok(
        measured.some((page) => page.includes(figure)),
        figure,
      );
  });

  test('of the table are those of docs/results.md', () => {
    const cells = (row: string): string =>
      row
        .split('|')
        .slice(2)
        .map((cell) => cell.trim())
        .join(' ');
    const rows = heading('Results')
      .split('\n')
      .filter((line) => /^\| (teacher|plain ViT|student)/.test(line));
    assert.equal(rows.length, 5);
    const theirs = measured[0]!
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map(cells);
    for (const row of rows)
      assert.ok(
        theirs.some((line) => line.endsWith(cells(row))),
        row,
      );
  });
});

suite('pictures of the documentation', () => {
  test('are there', () => {
    for (const name of pageNames())
      for (const [, target = ''] of readPage(name).matchAll(/!\[[^\]]*\]\(([^)]+)\)/g))
        assert.ok(existsSync(path.resolve(repository, path.dirname(name), target)), `${name}: ${target}`);
  });
});
