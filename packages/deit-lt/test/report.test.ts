/** The report: what is in it, that it needs nothing else, and how a browser shows it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import sharp from 'sharp';
import { html } from '../src/report/html.js';
import { makeReport, type Report } from '../src/report/report.js';
import { readRuns } from '../src/report/report-run.js';
import { writeFigures } from '../src/report/write-figures.js';
import { deitLt } from './cli-helpers.js';
import { assertFits, openBrowser, openPage, skipBrowser } from './helpers/browser.js';
import { addAnalysis, makeRun } from './helpers/made-runs.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-report-'));
after(() => rmSync(folder, { recursive: true }));

suite('makeReport()', () => {
  let report: Report;
  before(async () => {
    makeRun(path.join(folder, 'both/teacher'), { kind: 'teacher', classes: 10 });
    addAnalysis(makeRun(path.join(folder, 'both/student'), { kind: 'student', classes: 10 }));
    report = await makeReport(readRuns([path.join(folder, 'both')]));
  });

  test('suggests commands that a shell reads as they are meant', async () => {
    makeRun(path.join(folder, "Jo's run"), { kind: 'student', classes: 10 });
    const { notes } = await makeReport(readRuns([path.join(folder, "Jo's run")]));
    const quoted = `'${folder}/Jo'\\''s run'`;
    assert.ok(
      notes.some((note) => note.includes(`deit-lt analyze ${quoted} --data 'my images')`)),
      notes.join('\n'),
    );
  });

  test('needs no network and no scripts', () => {
    const addresses = [...report.html.matchAll(/(?:src|href|url)\s*[=(]\s*"?([^")\s>]+)/g)].map(
      ([, address]) => address!,
    );
    assert.ok(addresses.length > 5);
    for (const address of addresses) assert.match(address, /^(data:image\/(png|webp);base64,|#[\w-]+$)/);
    assert.doesNotMatch(report.html, /<script|@import|<link/);
  });

  test('has every part', () => {
    for (const id of [
      'accuracy',
      'curves',
      'classes',
      'paper',
      'experts',
      'confusion',
      'confused',
      'gallery',
      'settings',
    ])
      assert.ok(report.html.includes(`<section id="${id}">`), id);
    const ids = report.figures.map(({ id }) => id);
    const expected = [
      'loss',
      'loss-teachers',
      'accuracy',
      'experts-by-epoch-1',
      'classes-0',
      'classes-1',
      'paper-4a',
      'paper-4b',
      'paper-4c',
    ];
    assert.deepEqual(ids, [...expected, 'agreement-1', 'calibration-1', 'confusion-0', 'confusion-1']);
  });

  test('shows figures with intervals, and differences from the first run', () => {
    const text = report.html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
    // 27 images of 9 classes are right two times in three, those of the first class always: 21 of 30.
    assert.match(text, /teacher 70\.0 \d\d\.\d – \d\d\.\d 70\.0 \d\d\.\d – \d\d\.\d 75\.0/);
    assert.match(text, /student DIST 40\.0/);
    const warning =
      'Warning: 10 of 10 classes have fewer than 20 test images (the fewest: 3), so the accuracies are uncertain';
    // In two cards, under the table of accuracies, two curves, two charts of classes and two lists of classes.
    assert.equal(text.split(warning).length - 1, 9);
    assert.match(text, /Differences from teacher, image by image .*student average \+0\.0/);
    assert.match(text, /deit-lt train --data 'my images'/);
    assert.match(text, /the light was bad/);
    assert.match(text, /class 2 : 33 % of 3 test images are right; 333 training images\. Confused with class 1 \(2\)/);
    assert.match(text, /accuracy, %: clean 70\.0 75\.0 80\.0 70\.0 –/);
  });

  test('escapes names of classes', () => {
    assert.ok(report.html.includes('cats &amp; &lt;dogs&gt;'));
    assert.ok(!report.html.includes('<dogs>'));
    assert.equal(html`<i>${'<'}${[html`<b>&amp;</b>`, null]}</i>`.text, '<i>&lt;<b>&amp;</b></i>');
  });

  test('describes each figure and picture in words', () => {
    for (const { svg, alt, caption } of report.figures) {
      assert.ok(alt.length > 30 && caption.length > 20, alt);
      assert.match(svg, /^<svg [^>]*role="img"/);
      assert.match(svg, /aria-label="[^"]{30,}"/);
      assert.doesNotMatch(svg, /NaN|undefined/);
    }
    assert.match(report.html, /alt="Attention map of CLS: highest at row 2, column 2 of the patches"/);
    assert.match(report.html, /alt="Image of class 2, predicted as class 1 63 %"/);
  });

  test('sorts classes by their training images', () => {
    const { svg } = report.figures.find(({ id }) => id === 'classes-1')!;
    const names = [...svg.matchAll(/>(?:cats[^<]*|class \d) \(([\d,]+)\)</g)].map(([, images]) =>
      Number(images!.replace(',', '')),
    );
    assert.deepEqual(names, [1000, 500, 333, 250, 200, 167, 143, 125, 111, 100]);
  });

  test('writes each figure as SVG and PNG without the colours of the page', async () => {
    const out = path.join(folder, 'figures');
    await writeFigures(out, report.figures.slice(0, 2));
    assert.deepEqual(readdirSync(out).sort(), ['loss-teachers.png', 'loss-teachers.svg', 'loss.png', 'loss.svg']);
    assert.doesNotMatch(readFileSync(path.join(out, 'loss.svg'), 'utf8'), /var\(/);
    const { width } = await sharp(path.join(out, 'loss.png')).metadata();
    assert.equal(width, 1440);
  });

  test('of a run in training has the available parts, and explains what adds the rest', async () => {
    const run = makeRun(path.join(folder, 'begun'), { kind: 'vit', classes: 4, evaluated: false });
    const { html: text, figures, notes } = await makeReport(readRuns([run]));
    assert.deepEqual(
      figures.map(({ id }) => id),
      ['loss'],
    );
    assert.match(text, /Not evaluated yet/);
    assert.match(notes.join(), /deit-lt analyze .*begun --data 'my images'/);
  });

  test('of 8,142 classes stays below 10 MB', async () => {
    const run = makeRun(path.join(folder, 'large'), { kind: 'student', classes: 8142 });
    const { html: text } = await makeReport(readRuns([run]), { resamples: 20 });
    assert.ok(text.length < 10e6, `${text.length} bytes`);
    assert.match(text, /8,142 classes/);
    assert.equal(text.match(/aria-label="Classes of large, [\d,]+ to \d+"/g)?.length, 41, 'in parts of 200 rows');
  });
});

suite('a report in Chromium', { skip: skipBrowser }, () => {
  let browser: Browser;
  let address: string;
  before(async () => {
    browser = await openBrowser();
    const both = path.join(folder, 'seen');
    makeRun(path.join(both, 'teacher'), { kind: 'teacher', classes: 10 });
    addAnalysis(makeRun(path.join(both, 'student'), { kind: 'student', classes: 10 }));
    address = await pageOf('seen', both);
  });
  after(() => browser.close());

  async function pageOf(name: string, ...places: string[]): Promise<string> {
    const file = path.join(folder, `${name}.html`);
    writeFileSync(file, (await makeReport(readRuns(places), { resamples: 20 })).html);
    return pathToFileURL(file).href;
  }

  const backgrounds = { light: 'rgb(255, 255, 255)', dark: 'rgb(22, 24, 28)' };
  for (const width of [400, 1400])
    for (const theme of ['light', 'dark'] as const)
      test(`fits ${width} pixels, and is ${theme}`, async (t) => {
        const page = await openPage(t, browser, address, { width, theme });
        await assertFits(page);
        for (const figure of await page.locator('figure > svg').all()) {
          const box = await figure.boundingBox();
          assert.ok(box !== null && box.x >= 0 && box.x + box.width <= width && box.width >= 350 && box.height > 40);
        }
        const pictures = await page
          .locator('.picture img')
          .evaluateAll((all) => all.map((image) => image.complete && image.naturalWidth > 0));
        assert.deepEqual(
          pictures,
          pictures.map(() => true),
        );
        assert.equal(await page.evaluate('getComputedStyle(document.body).backgroundColor'), backgrounds[theme]);
      });

  test('is light on paper, with two figures side by side', async (t) => {
    const page = await openPage(t, browser, address, { width: 760, theme: 'dark' });
    await page.emulateMedia({ media: 'print' });
    assert.equal(await page.evaluate('getComputedStyle(document.body).backgroundColor'), backgrounds.light);
    assert.equal(await page.getByRole('navigation').isVisible(), false);
    const [loss, other] = await Promise.all(
      ['#loss', '#loss-teachers'].map((id) => page.locator(`figure${id}`).boundingBox()),
    );
    assert.ok(other!.x > loss!.x + loss!.width - 1 && other!.y === loss!.y);
    await assertFits(page);
  });

  test('of 8,142 classes lays out only what is seen of their list', async (t) => {
    const address = await pageOf('large', makeRun(path.join(folder, 'large-seen'), { kind: 'student', classes: 8142 }));
    const page = await openPage(t, browser, address, { width: 400 });
    const elements = await page.evaluate<number>('document.querySelectorAll("*").length');
    assert.ok(elements < 60_000, `${elements} elements`);
    await page.getByText('8,142 classes', { exact: false }).last().click();
    assert.equal(await page.getByRole('region', { name: 'Classes of large-seen, 1 to 200' }).isVisible(), true);
    const laidOut = await page
      .locator('.long > .scroll')
      .evaluateAll(
        (parts) =>
          parts.filter((part) => part.firstElementChild!.checkVisibility({ contentVisibilityAuto: true })).length,
      );
    assert.ok(laidOut >= 1 && laidOut <= 3, `${laidOut} parts`);
    await assertFits(page);
  });
});

suite('deit-lt report', () => {
  test('of a folder without runs is refused', () => {
    const empty = mkdtempSync(path.join(folder, 'empty-'));
    const { status, stderr } = deitLt(['report', empty]);
    assert.equal(status, 1);
    assert.match(stderr, /is not a run folder/);
  });
});
