/** The report: what is in it, that it needs nothing else, and how it is laid out in a browser. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import sharp from 'sharp';
import { html } from '../src/report/html.js';
import { makeReport, type Report } from '../src/report/report.js';
import { readRuns } from '../src/report/report-run.js';
import { writeFigures } from '../src/report/write-figures.js';
import { deitLt } from './cli-helpers.js';
import { addAnalysis, makeRun } from './helpers/made-runs.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-report-'));

suite('makeReport()', () => {
  let report: Report;
  before(async () => {
    makeRun(path.join(folder, 'both/teacher'), { kind: 'teacher', classes: 10 });
    addAnalysis(makeRun(path.join(folder, 'both/student'), { kind: 'student', classes: 10 }));
    report = await makeReport(readRuns([path.join(folder, 'both')]));
  });
  after(() => rmSync(folder, { recursive: true }));

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
    assert.match(text, /teacher 70\.0 \d\d\.\d – \d\d\.\d 75\.0/);
    assert.match(text, /student DIST 40\.0/);
    assert.match(text, /Minus teacher, image by image .*student average \+0\.0/);
    assert.match(text, /deit-lt train --data 'my images'/);
    assert.match(text, /the light was bad/);
    assert.match(text, /class 2 : 33 % of 3 are right, after 333 training images\. Taken for class 1 \(2\)/);
    assert.match(text, /right, %: clean 75\.0/);
  });

  test('escapes names of classes', () => {
    assert.ok(report.html.includes('cats &amp; &lt;dogs&gt;'));
    assert.ok(!report.html.includes('<dogs>'));
    assert.equal(html`<i>${'<'}${[html`<b>&amp;</b>`, null]}</i>`.text, '<i>&lt;<b>&amp;</b></i>');
  });

  test('says in words what each figure and picture shows', () => {
    for (const { svg, alt, caption } of report.figures) {
      assert.ok(alt.length > 30 && caption.length > 20, alt);
      assert.match(svg, /^<svg [^>]*role="img"/);
      assert.match(svg, /aria-label="[^"]{30,}"/);
      assert.doesNotMatch(svg, /NaN|undefined/);
    }
    assert.match(report.html, /alt="Where CLS looks: most at row 2, column 2 of the patches"/);
    assert.match(report.html, /alt="Image of class 2, taken for class 1 63 %"/);
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
    assert.deepEqual(readdirSync(out).sort(), ['accuracy.png', 'accuracy.svg', 'loss.png', 'loss.svg']);
    assert.doesNotMatch(readFileSync(path.join(out, 'loss.svg'), 'utf8'), /var\(/);
    const { width } = await sharp(path.join(out, 'loss.png')).metadata();
    assert.equal(width, 1440);
  });

  test('of a run in training has what there is, and says what adds the rest', async () => {
    const run = makeRun(path.join(folder, 'begun'), { kind: 'vit', classes: 4, evaluated: false });
    const { html: text, figures, notes } = await makeReport(readRuns([run]));
    assert.deepEqual(
      figures.map(({ id }) => id),
      ['loss'],
    );
    assert.match(text, /Not evaluated yet/);
    assert.match(notes.join(), /deit-lt analyze .*begun --data DATA/);
  });

  test('of 8,142 classes stays below 10 MB', async () => {
    const run = makeRun(path.join(folder, 'large'), { kind: 'student', classes: 8142 });
    const { html: text } = await makeReport(readRuns([run]), { resamples: 20 });
    assert.ok(text.length < 10e6, `${text.length} bytes`);
    assert.match(text, /8,142 classes/);
    assert.equal(text.match(/aria-label="Classes of large, [\d,]+ to \d+"/g)?.length, 41, 'in parts of 200 rows');
    writeFileSync(path.join(folder, 'large.html'), text);
  });

  const chromium = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync);
  const skip = chromium === undefined && 'no chromium';
  test('fits a phone and a screen', { skip, timeout: 120_000 }, () => {
    // In frames, because a headless window is never narrower than 500 pixels.
    const frame = (width: number): string =>
      `<iframe id="w${width}" style="width: ${width}px; height: 900px; border: 0" srcdoc="${report.html.replaceAll('&', '&amp;').replaceAll('"', '&quot;')}"></iframe>`;
    const measure = `addEventListener('load', () => { document.title = JSON.stringify([400, 1400].map((w) => {
      const { document: d } = document.getElementById('w' + w).contentWindow;
      const svg = d.querySelector('#loss svg').getBoundingClientRect();
      return [d.documentElement.scrollWidth - d.documentElement.clientWidth, Math.round(svg.left), Math.round(svg.right), d.querySelectorAll('.picture img').length];
    })); });`;
    const page = path.join(folder, 'frames.html');
    writeFileSync(page, `<!doctype html><title></title>${frame(400)}${frame(1400)}<script>${measure}</script>`);
    const profile = path.join(folder, 'profile');
    mkdirSync(profile);
    const flags =
      '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync --window-size=1500,2000'.split(
        ' ',
      );
    const { stdout } = spawnSync(chromium!, [...flags, `--user-data-dir=${profile}`, '--dump-dom', `file://${page}`], {
      encoding: 'utf8',
      maxBuffer: 1e8,
    });
    const title = /<title>(.*?)<\/title>/.exec(stdout)?.[1] ?? '';
    const [phone, screen] = JSON.parse(title) as [number[], number[]];
    assert.equal(phone![0], 0, 'nothing is wider than the phone');
    assert.equal(screen![0], 0, 'nothing is wider than the screen');
    assert.ok(phone![1]! >= 0 && phone![2]! <= 400, 'the figure is on the phone');
    assert.equal(phone![3], 6);
  });
});

suite('deit-lt report', () => {
  test('of a folder without runs says so', () => {
    const { status, stderr } = deitLt(['report', os.tmpdir()]);
    assert.equal(status, 1);
    assert.match(stderr, /is no run folder/);
  });
});
