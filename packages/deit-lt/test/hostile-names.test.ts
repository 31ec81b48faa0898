/** Names of classes, runs and files that are markup: every page shows them as text, and runs nothing. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import * as torch from '@deit-lt/torch';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { openClassifier } from '../src/classifier/classifier.js';
import { demoFiles } from '../src/export/demo.js';
import type { PageModel } from '../src/export/page-model.js';
import { createModel } from '../src/models/index.js';
import { makeReport } from '../src/report/report.js';
import { readRuns } from '../src/report/report-run.js';
import { type RunConfig, RunFolder } from '../src/runs/run-folder.js';
import { createApp, type Route } from '../src/serve/app.js';
import { listen } from '../src/serve/listen.js';
import { memoryFiles } from '../src/serve/memory-files.js';
import { pageFolder } from '../src/serve/page-folder.js';
import { openStudio } from '../src/studio/studio.js';
import { visible } from '../src/text/visible.js';
import { openBrowser, openPage, skipBrowser } from './helpers/browser.js';
import { hostileFileNames, hostileNames } from './helpers/hostile-names.js';
import { addAnalysis, makeRun } from './helpers/made-runs.js';

torch.setNumThreads(1);
const root = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-hostile-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** A run whose folder, classes, data set and command have such names. */
function hostileRun(name: string): string {
  const folder = makeRun(path.join(root, 'runs', name), { kind: 'student', classes: hostileNames.length });
  addAnalysis(folder);
  const { configFile } = new RunFolder(folder);
  const config = JSON.parse(readFileSync(configFile, 'utf8')) as RunConfig;
  const data = { ...config.data, name: hostileNames[0]!, classNames: hostileNames };
  writeFileSync(configFile, JSON.stringify({ ...config, data, command: ['deit-lt', 'vit', ...hostileNames] }));
  return folder;
}

const runs = [0, 1, 4].map((i) => hostileRun(hostileFileNames[i]!));
const markup = hostileNames.filter((name) => name.includes('<'));

/** None of the names became an element or an attribute, and nothing of them ran. */
async function assertTextOnly(page: Page): Promise<void> {
  const elements = 'img[src="x"], [onload], [onerror], [onmouseover], a[href^="javascript:"], textarea';
  assert.equal(await page.locator(elements).count(), 0);
  assert.equal(await page.evaluate<boolean>('"ran" in globalThis'), false);
}

suite('a report with hostile names', () => {
  test('shows none of them as markup', async () => {
    const { html } = await makeReport(readRuns(runs));
    for (const name of markup) assert.ok(!html.includes(name), name);
    assert.ok(html.includes('&lt;script&gt;alert(1)'));
  });
});

suite('pages with hostile names', { skip: skipBrowser, timeout: 180_000 }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  /** What the servers threw, and how they end: after the pages, which would complain. */
  const errors: unknown[] = [];
  const ends: (() => void | Promise<void>)[] = [];
  after(async () => {
    for (const end of ends) await end();
    assert.deepEqual(errors, []);
  });

  /** Loads `url`, where `alert()` would be noticed. */
  const open = (t: TestContext, url: string): Promise<Page> =>
    openPage(t, browser, url, { script: 'globalThis.alert = () => { globalThis.ran = true; }' });

  async function serve(name: string, routes: readonly Route[]): Promise<string> {
    const app = createApp({ routes, folders: [pageFolder(name)], onError: (error) => errors.push(error) });
    const server = await listen(app);
    ends.push(() => server.close());
    return server.url;
  }

  test('a report shows them as text', async (t) => {
    const file = path.join(root, 'report.html');
    writeFileSync(file, (await makeReport(readRuns(runs))).html);
    const page = await open(t, String(pathToFileURL(file)));
    await page.getByText(hostileNames[0]!).first().waitFor({ state: 'attached' });
    await assertTextOnly(page);
  });

  test('the studio shows them as text', async (t) => {
    const studio = openStudio(path.join(root, 'runs'));
    ends.push(() => studio[Symbol.dispose]());
    const page = await open(t, await serve('studio', studio.routes));
    await page.locator('.run').filter({ hasText: hostileFileNames[0]! }).waitFor();
    for (const [tab, text] of [
      ['Accuracy', 'Differences from'],
      ['Classes', 'Accuracy of each class'],
      ['Experts', 'Which classifier is right'],
      ['Confusion', 'Confused with'],
      ['Attention', 'prediction:'],
      ['Settings', 'deit-lt vit'],
    ] as const) {
      await page.getByRole('button', { name: tab }).click();
      await page.getByText(text).first().waitFor();
      await assertTextOnly(page);
    }
  });

  test('the demo shows them as text', async (t) => {
    torch.manualSeed(3);
    using made = createModel('resnet8', { numClasses: hostileNames.length });
    const checkpoint = path.join(root, 'cnn.safetensors');
    torch.safetensors.save(checkpoint, made.stateDict());
    using classifier = await openClassifier(checkpoint, { settings: ['precision=float32', 'device=cpu'] });
    const { files } = await demoFiles(classifier, { run: hostileNames[0]!, precision: 'fp32', version: '0' });
    const about = JSON.parse(Buffer.from(files.get('model.json')!).toString()) as PageModel;
    const named = Buffer.from(
      JSON.stringify({ ...about, classes: hostileNames.map((name) => ({ name })), name: hostileNames[1] }),
    );
    const routes = [memoryFiles(new Map([...files, ['model.json', named]]))];
    const page = await open(t, await serve('demo', routes));
    const pixels = sharp({ create: { width: 32, height: 32, channels: 3, background: '#487' } });
    const buffer = await pixels.png().toBuffer();
    const names = hostileFileNames.slice(0, 5);
    await page
      .locator('input[type=file]')
      .setInputFiles(names.map((name) => ({ name: `${name}.png`, mimeType: 'image/png', buffer })));
    await page.locator('.ranks li').first().waitFor();
    await page.getByText(visible(names[0]!)).first().waitFor();
    await assertTextOnly(page);
    const shown = await page.locator('.ranks li').allInnerTexts();
    assert.ok(
      shown.every((text) => hostileNames.some((name) => text.includes(visible(name).slice(0, 6).trim()))),
      shown.join('\n'),
    );
  });
});
