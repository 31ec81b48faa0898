/** docs/api.md: made by a script of the doc comments, and complete. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import * as library from 'deit-lt';
import * as browser from 'deit-lt/browser';
import * as browserStudio from 'deit-lt/browser-studio';

const packageFolder = path.resolve(import.meta.dirname, '../..');
const page = readFileSync(path.resolve(packageFolder, '../../docs/api.md'), 'utf8');

/** Exports that stand in no code span, alone or after `new`, `class` or `abstract class`. */
function missing(exports: object, text: string): string[] {
  const isDescribed = (name: string): boolean =>
    new RegExp(`^- \`(new |(abstract )?class )?${name}(?![\\w.])`, 'm').test(text);
  return Object.keys(exports).filter((name) => !isDescribed(name));
}

suite('docs/api.md', () => {
  test('is what the doc comments give', () => {
    const script = path.join(packageFolder, 'scripts/api-page.mjs');
    const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  });

  test('has every export of each entry', () => {
    const [main = '', ofBrowser = '', ofStudio = ''] = page.split(/^## deit-lt\/.*$/m);
    assert.ok(Object.keys(library).length > 50);
    const { torch, z, ...own } = library; // of other packages
    assert.match(main, /`torch` and `z` \(zod\) are exported too/);
    assert.ok(torch && z);
    assert.deepEqual(missing(own, main), []);
    assert.deepEqual(missing(browser, ofBrowser), []);
    assert.deepEqual(missing(browserStudio, ofStudio), []);
    assert.deepEqual(missing({ nothingOfThisName: 0 }, main), ['nothingOfThisName']);
  });

  test('explains that load() makes an object of DeitLT, not a constructor', () => {
    assert.match(page, /^- `class DeitLT` — /m);
    assert.match(page, /^ {2}- `DeitLT\.load\(path: string, /m);
    assert.doesNotMatch(page, /`new DeitLT\(/);
  });

  test('has the names in quotes, and values of constants', () => {
    assert.match(page, /`PresetName = .*'paco-query'/);
    assert.match(page, /`columnsExplained: "balanced: /);
  });
});
