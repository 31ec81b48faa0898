/** The built pages in a headless Chromium: `CHROMIUM` names it, and `npm test` finds it. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Browser, Page } from 'playwright-core';

/** What a suite's `skip` is: false, or why. */
export const skipBrowser =
  process.env.CHROMIUM === undefined && 'no Chromium: run the tests by npm test, which finds or installs one';

/** Started once a file: close it in `after`. */
export async function openBrowser(): Promise<Browser> {
  const { chromium } = await import('playwright-core');
  return chromium.launch({
    executablePath: process.env.CHROMIUM!,
    // Chromium has no sandbox for root, and little shared memory in a container.
    chromiumSandbox: process.getuid?.() !== 0,
    args: ['--disable-dev-shm-usage', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  });
}

export interface PageOptions {
  /** CSS pixels. Default 1400. */
  readonly width?: number;
  /** Default `light`. */
  readonly theme?: 'light' | 'dark';
  /** What the page's console may complain about. Default nothing. */
  readonly expected?: RegExp;
  /** Runs before the scripts of the page. */
  readonly script?: string;
}

/** Loads `url` in a page of its own. At the end of the test it is closed, and must not have complained or asked another host. */
export async function openPage(
  t: TestContext,
  browser: Browser,
  url: string,
  options: PageOptions = {},
): Promise<Page> {
  const { width = 1400, theme = 'light', expected, script } = options;
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: theme });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== new URL(url).origin)
      complaints.push(`asked ${request.url()}`);
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(
      complaints.filter((each) => !expected?.test(each)),
      [],
    );
  });
  if (script !== undefined) await page.addInitScript(script);
  await page.goto(url);
  return page;
}

/** Nothing is wider than the window: a phone must not scroll sideways. */
export async function assertFits(page: Page): Promise<void> {
  const [wide, window] = await page.evaluate<[number, number]>(
    '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
  );
  assert.ok(wide <= window, `the page is ${wide} pixels wide in a window of ${window}`);
}
