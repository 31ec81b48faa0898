/** Names and values that would steer a terminal, through the real command line: everything that it prints is safe to show. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import sharp from 'sharp';
import { type RunConfig, RunFolder } from '../src/runs/run-folder.js';
import { visibleLines } from '../src/text/visible.js';
import type { CliResult } from './cli-helpers.js';
import { addAnalysis, makeRun } from './helpers/made-runs.js';
import { deitLt } from './helpers/standing-process.js';
import { write } from './helpers/temporary-folder.js';

const root = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-foreign-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** No colour of ours is in a pipe, so nothing that steers a terminal may be. */
function assertSafe({ stdout, stderr }: CliResult): void {
  for (const text of [stdout, stderr]) assert.equal(text, visibleLines(text));
}

const evil = 'evil\x1b[31m\x9b1m\u202Ecba\u202C\ndeit-lt: forged\tx';
const shown = 'evil\\x1b[31m\\x9b1m\\u202ecba\\u202c\\ndeit-lt: forged\\tx';

suite('mistakes that quote foreign text', () => {
  const lines: Readonly<Record<string, readonly string[]>> = {
    'an unknown command': [evil],
    'an unknown option': ['train', `--${evil}`],
    'a number that is none': ['train', '--imbalance', evil],
    'a setting': ['recipes', 'quickstart', '--set', `student.epochs=${evil}`],
    'a setting that is bad YAML': ['recipes', 'quickstart', '--set', `student.epochs="\x1b[31m`],
    'data that are not there': ['inspect', evil],
    'an image that is not there': ['predict', 'x', evil],
    'a run that is not there': ['report', evil],
  };
  for (const [what, words] of Object.entries(lines))
    test(what, () => {
      const result = deitLt(words, { cwd: root });
      assert.ok(result.status === 1 || result.status === 2, result.stderr);
      assertSafe(result);
      assert.doesNotMatch(result.stderr, /^deit-lt: forged/m);
      assert.doesNotMatch(result.stderr, / at .*:\d+:\d+|this is a bug|internal:/);
    });
});

/** A run whose classes, data and folder have such names. */
function evilRun(): string {
  const folder = makeRun(path.join(root, `run ${evil.replaceAll('/', '')}`), { kind: 'student', classes: 6 });
  addAnalysis(folder);
  const { configFile } = new RunFolder(folder);
  const config = JSON.parse(readFileSync(configFile, 'utf8')) as RunConfig;
  const classNames = config.data.classNames.map((name, c) => (c < 2 ? `${evil} ${c}` : c === 2 ? '猫' : name));
  const data = { ...config.data, name: evil, classNames };
  writeFileSync(configFile, JSON.stringify({ ...config, data, command: ['deit-lt', 'train', '--data', evil] }));
  return folder;
}

suite('a run with foreign names', () => {
  const run = evilRun();

  test('report writes them out, in HTML and in figures', () => {
    const result = deitLt(['report', run, '--figures', path.join(root, 'figures')]);
    assert.equal(result.status, 0, result.stderr);
    assertSafe(result);
    assert.equal(result.stdout.split('\n').length, 2);
    const html = readFileSync(path.join(run, 'report.html'), 'utf8');
    assert.equal(html, visibleLines(html));
    assert.ok(html.includes(`${shown} 1`));
    const svg = readFileSync(path.join(root, 'figures/classes-0.svg'), 'utf8');
    assert.equal(svg, visibleLines(svg));
    assert.ok(svg.includes(shown));
  });

  for (const format of ['table', 'markdown', 'latex'])
    test(`compare --format ${format} writes them out`, () => {
      const result = deitLt(['compare', run, '--format', format]);
      assert.equal(result.status, 0, result.stderr);
      assertSafe(result);
      assert.doesNotMatch(result.stdout, /^deit-lt: forged/m);
    });

  test('programs get them as they are', () => {
    const parent = path.join(root, 'two');
    for (const name of ['a\x1b\n,"', 'b']) makeRun(path.join(parent, name), { kind: 'teacher', classes: 3 });
    const csv = deitLt(['compare', parent, '--format', 'csv']).stdout;
    assert.ok(csv.includes('\n"a\x1b\n,"""'), csv);
    const json = deitLt(['compare', parent, '--json']);
    assertSafe(json);
    const { rows } = JSON.parse(json.stdout) as { rows: { name: string }[] };
    assert.deepEqual(
      rows.map(({ name }) => name),
      ['a\x1b\n,"', 'b'],
    );
  });
});

test('inspect shows classes and duplicates on a line each, in columns', async () => {
  const data = path.join(root, 'images');
  for (const [c, name] of [evil, '猫の写真', 'cat'].entries())
    for (let i = 0; i < 2 + c; i++) {
      const background = { r: 40 * c, g: i === 1 ? 0 : 20 * i, b: 0 };
      const file = path.join(data, name.replaceAll('/', ''), `${i}\x1b]0;x\x07.png`);
      write(
        file,
        await sharp({ create: { width: 8, height: 8, channels: 3, background } })
          .png()
          .toBuffer(),
      );
    }
  const result = deitLt(['inspect', data, '--no-speed', '--split', '0.5', '--svg', path.join(root, 'classes.svg')]);
  assert.equal(result.status, 0, result.stderr);
  assertSafe(result);
  assert.match(result.stdout, /^evil\\x1b\[31m\\x9b1m\\u202…/m);
  assert.doesNotMatch(result.stdout, /^deit-lt: forged/m);
  assert.match(result.stdout, /duplicates .*\\x1b\]0;x\\x07\.png/);
  const svg = readFileSync(path.join(root, 'classes.svg'), 'utf8');
  assert.equal(svg, visibleLines(svg));
});
