/** `deit-lt demo`: what the page says of images in Chromium, against what the command line says of them. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import type { Browser, Page } from 'playwright-core';
import sharp, { type Sharp } from 'sharp';
import { type Adaptation, adaptationFile, adaptationFormat, writeAdaptation } from '../src/classifier/adaptation.js';
import { withAdaptation } from '../src/classifier/adapted-logits.js';
import { openClassifier } from '../src/classifier/classifier.js';
import { DeitLT } from '../src/deit-lt.js';
import type { Opinion, Ranked } from '../src/evaluation/ranking.js';
import { demoFiles, writeDemo } from '../src/export/demo.js';
import type { PageModel } from '../src/export/page-model.js';
import { createModel, type ModelOptions } from '../src/models/index.js';
import { sha256Of } from '../src/runs/files.js';
import { createApp } from '../src/serve/app.js';
import { type LocalServer, listen } from '../src/serve/listen.js';
import { pageFolder } from '../src/serve/page-folder.js';
import { assertFits, openBrowser, openPage, skipBrowser } from './helpers/browser.js';
import { sharedFile } from './helpers/golden-files.js';
import { deitLt } from './helpers/standing-process.js';

torch.setNumThreads(1);
const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-demo-'));
after(() => rmSync(folder, { recursive: true }));
const archive = 'data/cifar10-images.tar.xz';
const settings = ['precision=float32', 'device=cpu'];
const at = (name: string): string => path.join(folder, name);

/** A checkpoint of untrained weights, large enough for opinions that differ. */
function makeModel(name: string, architecture: string, options: Partial<ModelOptions> = {}): string {
  torch.manualSeed(3);
  using made = createModel(architecture, { numClasses: 7, ...options });
  torch.tidy(() => torch.noGrad(() => made.parameters().forEach((each) => void each.mul_(3))));
  torch.safetensors.save(at(name), made.stateDict());
  return at(name);
}

/** A picture with soft shapes, which every JPEG decoder reads nearly alike. */
function softPicture(width: number, height: number, channels: 3 | 4 = 3): Sharp {
  const level = (x: number, y: number, c: number): number =>
    c === 3 ? (x * 5) % 256 : 128 + 120 * Math.sin((x * (c + 1)) / 17 + (y * (3 - c)) / 11);
  const pixels = Uint8Array.from({ length: width * height * channels }, (_, i) => {
    const pixel = Math.floor(i / channels);
    return Math.round(level(pixel % width, Math.floor(pixel / width), i % channels));
  });
  return sharp(pixels, { raw: { width, height, channels } });
}

const images = {
  'photo.png': at('photo.png'),
  'upright.jpg': at('upright.jpg'),
  'clear.png': at('clear.png'),
  'odd.jpg': at('odd.jpg'),
  'inks.jpg': at('inks.jpg'),
  'clear.gif': at('clear.gif'),
};
async function writeImages(): Promise<void> {
  await softPicture(90, 61).toFile(images['photo.png']);
  await softPicture(80, 60).withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toFile(images['upright.jpg']);
  await softPicture(40, 40, 4).toFile(images['clear.png']);
  await softPicture(40, 40, 4).gif().toFile(images['clear.gif']);
  await softPicture(90, 61).toColourspace('cmyk').jpeg({ quality: 95 }).toFile(images['inks.jpg']);
  // An orientation that is none: Exif counts to 8.
  const odd = await softPicture(90, 61).withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toBuffer();
  odd[odd.indexOf(Buffer.from([0x12, 0x01, 0x03, 0x00])) + 8] = 9;
  writeFileSync(images['odd.jpg'], odd);
}

suite('deit-lt demo', () => {
  test('writes a page for any host, into an empty folder only', () => {
    const model = makeModel('cnn.safetensors', 'resnet8');
    const out = at('written');
    const words = ['demo', model, '--out', out, '--precision', 'int8', '--set', ...settings];
    const written = deitLt(words);
    assert.deepEqual([written.status, written.stdout], [0, `${out}\n`], written.stderr);
    assert.match(written.stderr, /ONNX 8 bits: run on 16 images|not checked/);
    const about = JSON.parse(readFileSync(path.join(out, 'model.json'), 'utf8')) as PageModel;
    assert.deepEqual([about.name, about.experts, about.attention], ['cnn.safetensors', false, null]);
    assert.equal(readFileSync(path.join(out, 'model.onnx')).length, about.size);
    const page = readFileSync(path.join(out, 'index.html'), 'utf8');
    assert.doesNotMatch(page, /(src|href)="\//, 'addresses are relative');
    const again = deitLt(words);
    assert.deepEqual([again.status, /is not empty/.test(again.stderr)], [1, true], again.stderr);
    assert.doesNotMatch(again.stderr, /ONNX/, 'known before the work');
  });
});

suite('the demo page', { skip: skipBrowser, timeout: 300_000 }, () => {
  let browser: Browser;
  let command: ChildProcess;
  let url: string;
  let others: LocalServer;
  let student: string;

  /** `deit-lt demo` of a student; other models are in folders of one host, as on the web. */
  before(async () => {
    await writeImages();
    student = makeModel('student.safetensors', 'deit', { embedDim: 64, depth: 2 });
    const starting = startCommand(student);
    const large = makeModel('large.safetensors', 'deit', { embedDim: 64, depth: 2, imageSize: 64, patchSize: 16 });
    await writePage(large, 'host/large');
    await writePage(makeModel('plain.safetensors', 'vit', { embedDim: 64, depth: 2 }), 'host/plain');
    await writePage(makeModel('resnet.safetensors', 'resnet8'), 'host/resnet');
    adapt(makeModel('adapted.safetensors', 'deit', { embedDim: 64, depth: 2 }));
    await writePage(at('adapted.safetensors'), 'host/adapted');
    others = await listen(createApp({ folders: [at('host'), at('.')] }));
    browser = await openBrowser();
    ({ command, url } = await starting);
  });
  after(async () => {
    command.kill('SIGKILL');
    await browser.close();
    await others.close();
  });

  test('predicts the same as deit-lt predict for a real image', {
    skip: !sharedFile(archive) && 'no CIFAR here',
  }, async (t) => {
    const image = 'test/horse/0002.jpg';
    spawnSync('tar', ['-xJf', sharedFile(archive)!, '-C', folder, '--occurrence=1', image]);
    const words = ['predict', student, at(image), '--format', 'json-lines', '--set', ...settings];
    const { stdout, stderr } = deitLt(words);
    assert.notEqual(stdout, '', stderr);
    const page = await openPage(t, browser, url);
    await give(page, 'drop', at(image));
    await assertSays(page, '0002.jpg', JSON.parse(stdout) as Opinion, 0.1);
  });

  test('predicts the same for larger images, cropped from the middle, on another host', async (t) => {
    using model = await DeitLT.load(at('large.safetensors'), { settings });
    const page = await openPage(t, browser, `${others.url}large/`);
    for (const [name, file] of Object.entries(images)) {
      await give(page, name === 'photo.png' ? 'paste' : 'choose', file);
      // JPEG decoders round in their own ways.
      await assertSays(page, name, await model.classify(file), name.endsWith('.jpg') ? 1.5 : 0.1);
    }
  });

  test('fits a phone and a screen, light and dark, with words for every picture and every failure', async (t) => {
    const page = await openPage(t, browser, url, { width: 400 });
    writeFileSync(at('notes.txt'), 'no image');
    await give(page, 'choose', images['photo.png'], images['clear.png'], at('notes.txt'));
    for (const who of ['CLS', 'DIST'])
      await page
        .getByRole('img', {
          name: new RegExp(`^Attention map of ${who}: highest at row \\d, column \\d of 8 × 8 patches$`),
        })
        .waitFor();
    await page.getByRole('img', { name: 'The image as the model sees it, 32 × 32 pixels' }).waitFor();
    const papers: string[] = [];
    for (const width of [400, 1400])
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.setViewportSize({ width, height: 900 });
        await page.emulateMedia({ colorScheme });
        await assertFits(page);
        papers.push(await page.evaluate<string>('getComputedStyle(document.body).backgroundColor'));
      }
    assert.deepEqual(papers.slice(0, 2), ['rgb(255, 255, 255)', 'rgb(22, 24, 28)']);
    await page.getByRole('button', { name: /no image/ }).click();
    await page.getByText('notes.txt is not an image that this browser can read.').waitFor();
    await assertFits(page);
  });

  test('shows one map of a plain transformer, and explains that a CNN has none', async (t) => {
    const plain = await openPage(t, browser, `${others.url}plain/`);
    await give(plain, 'choose', images['photo.png']);
    await plain.getByRole('img', { name: /^Attention map of CLS/ }).waitFor();
    assert.equal(await plain.getByRole('region', { name: 'DIST' }).count(), 0);
    const resnet = await openPage(t, browser, `${others.url}resnet/`);
    await give(resnet, 'choose', images['photo.png']);
    await resnet.getByText('a CNN, which has no attention').waitFor();
    await assertFits(resnet);
  });

  test('shows "unknown" and the set of an adapted model, as deit-lt predict decides', async (t) => {
    using model = await DeitLT.load(at('adapted.safetensors'), { settings });
    const page = await openPage(t, browser, `${others.url}adapted/`);
    await give(page, 'choose', images['photo.png']);
    const { top, unknown, set } = await model.classify(images['photo.png']);
    assert.deepEqual([unknown, set!.length > 1], [true, true]);
    await page.locator('[aria-live]').getByText(`unknown: ${top[0]!.class} `).waitFor();
    await page
      .locator('[aria-live]')
      .getByText(`Set of classes: ${set!.join(', ')}.`, { exact: true })
      .waitFor();
    await assertFits(page);
  });

  test('can be used with only the keyboard', async (t) => {
    const page = await openPage(t, browser, url);
    const chosen = page.waitForEvent('filechooser'); // before the wait below: Chromium needs a moment to hand its dialog over
    await page.keyboard.press('Tab');
    await page.locator('button:focus', { hasText: 'Choose images' }).waitFor();
    await page.keyboard.press('Space');
    await (await chosen).setFiles([images['photo.png'], images['clear.png']]);
    const second = page.getByRole('button', { name: /^clear.png/ });
    await second.focus();
    await page.keyboard.press('Enter');
    await page.locator('[aria-live]').getByText('clear.png').waitFor();
    assert.equal(await second.getAttribute('aria-pressed'), 'true');
  });

  test('opens the camera, takes a picture, and releases the camera', async (t) => {
    const page = await openPage(t, browser, url);
    await page.getByRole('button', { name: 'Use the camera' }).click();
    await page.getByRole('region', { name: 'DIST' }).waitFor();
    await page.getByRole('button', { name: 'Take this picture' }).click();
    await page.locator('[aria-live]').getByText('camera picture').waitFor();
    assert.equal(await page.getByLabel('What the camera sees').count(), 0);
  });

  test('explains why there is no camera, and that nothing was pasted', async (t) => {
    const page = await openPage(t, browser, url);
    await page.evaluate(
      'navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "NotFoundError"); }',
    );
    await page.getByRole('button', { name: 'Use the camera' }).click();
    await page.getByRole('alert').getByText('No camera was found.').waitFor();
    await page.evaluate('dispatchEvent(new ClipboardEvent("paste", { clipboardData: new DataTransfer() }))');
    await page.getByRole('alert').getByText('There is no image among what was pasted.').waitFor();
  });

  test('explains why the model does not load', async (t) => {
    const server = await listen(createApp({ folders: [pageFolder('demo')] }));
    t.after(() => server.close());
    const page = await openPage(t, browser, server.url, { expected: /404/ });
    await page.getByRole('alert').getByText('the server answered 404 for model.json').waitFor();
    await page.getByRole('button', { name: 'Try again' }).waitFor();
  });

  test('ends quietly by Ctrl-C', async () => {
    const ended = new Promise((resolve) => command.on('exit', (code) => resolve(code)));
    command.kill('SIGINT');
    assert.equal(await ended, 0);
  });
});

function startCommand(model: string): Promise<{ command: ChildProcess; url: string }> {
  const bin = path.resolve(import.meta.dirname, '../../bin/deit-lt.mjs');
  const words = [bin, 'demo', model, '--port', '0', '--set', ...settings];
  const env = { ...process.env, OMP_NUM_THREADS: '1' };
  const command = spawn(process.execPath, words, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  command.stderr.on('data', (text) => {
    said += text;
  });
  return new Promise((resolve, reject) => {
    command.on('exit', () => reject(new Error(`deit-lt demo ended: ${said}`)));
    command.stdout.once('data', (text) => resolve({ command, url: String(text).trim() }));
  });
}

/** Writes an adaptation beside a model of seven classes: no answer is accepted, and the sets have several classes. */
function adapt(file: string): void {
  const all = <T>(value: T): T[] => Array.from({ length: 7 }, () => value);
  const measures = { images: 1, accuracy: 0, balanced: 0, nll: 0, ece: 0 };
  const adaptation: Adaptation = {
    format: adaptationFormat,
    sha256: sha256Of(file),
    classNames: all('').map((_, c) => String(c)),
    outputs: ['cls', 'dist'],
    weights: [0.2, 0.1],
    bias: all(0).map((_, c) => -c / 10),
    prior: { from: 'uniform', source: null, shares: all(1 / 7) },
    unknown: { rule: 'precision', value: 0.9, thresholds: all(2), own: all(true), coverage: 0, risk: null },
    conformal: { coverage: 0.9, limits: all(0.1), always: 0, meanSize: 2 },
    adjustment: 0,
    fitted: { data: 'x', imagesPerClass: all(1), before: measures, after: measures, bins: [], curve: [] },
    test: null,
    command: [],
    made: '',
  };
  writeAdaptation(adaptationFile(file), adaptation);
}

async function writePage(model: string, name: string): Promise<void> {
  using classifier = withAdaptation(await openClassifier(model, { settings }));
  writeDemo(at(name), await demoFiles(classifier, { run: model, precision: 'fp32', version: '0.0.0' }));
}

/** As a person gives the files to the page. */
async function give(page: Page, how: 'drop' | 'paste' | 'choose', ...files: string[]): Promise<void> {
  if (how === 'choose') return page.locator('input[type=file]').setInputFiles(files);
  const parts = files.map((file) => [path.basename(file), readFileSync(file).toString('base64')]);
  const event =
    how === 'drop'
      ? 'new DragEvent("drop", { dataTransfer: data, bubbles: true })'
      : 'new ClipboardEvent("paste", { clipboardData: data, bubbles: true })';
  await page.evaluate(`{
    const data = new DataTransfer();
    for (const [name, text] of ${JSON.stringify(parts)})
      data.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name, { type: 'image/' + name.split('.').at(-1) }));
    document.querySelector('main').dispatchEvent(${event});
  }`);
}

/** The page shows the same classes in the same order, with probabilities within `tolerance` per cent. */
async function assertSays(page: Page, name: string, { top, cls, dist }: Opinion, tolerance: number): Promise<void> {
  await page.locator('[aria-live]').getByText(name).waitFor();
  const best = await page.locator('[aria-live] b').innerText();
  assert.equal(best, top[0]!.class);
  for (const [title, expected] of Object.entries({ Prediction: top, CLS: cls!, DIST: dist! })) {
    const shown = await ranksOf(page, title);
    assert.equal(shown.length, 5);
    shown.forEach(({ class: found, probability }, i) => {
      const wanted = expected.find((each) => each.class === found)!;
      assert.ok(
        Math.abs(probability - 100 * wanted.probability) <= tolerance,
        `${title} ${found}: ${probability}, ${wanted.probability}`,
      );
      // Of two that are nearly as likely either may stand first.
      assert.ok(Math.abs(wanted.probability - expected[i]!.probability) <= tolerance / 100, `${title}: rank ${i + 1}`);
    });
  }
}

/** In per cent. */
async function ranksOf(page: Page, title: string): Promise<Ranked[]> {
  const rows = page.getByRole('region', { name: title, exact: true }).locator('.ranks li');
  const texts = await rows.allInnerTexts();
  return texts.map((text) => {
    const [, name, share] = /^(\S+)[\s\S]*?([\d.]+) %$/.exec(text.trim())!;
    return { class: name!, probability: Number(share) };
  });
}
