import { after, before, suite, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { createApp } from '../src/serve/app.js';
import { type LocalServer, listen } from '../src/serve/listen.js';
import { pageFolder } from '../src/serve/page-folder.js';
import { assertFits, openBrowser, openPage, skipBrowser } from './helpers/browser.js';

suite('the demo page', { skip: skipBrowser }, () => {
  let browser: Browser;
  let server: LocalServer;
  before(async () => {
    browser = await openBrowser();
    server = await listen(createApp({ folders: [pageFolder('demo')] }));
  });
  after(async () => {
    await browser.close();
    await server.close();
  });

  test('fits a phone', async (t) => {
    const page = await openPage(t, browser, server.url, { width: 400 });
    await page.getByRole('heading', { level: 1 }).waitFor();
    await assertFits(page);
  });
});
