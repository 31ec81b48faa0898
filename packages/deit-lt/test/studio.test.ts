/** The studio: what its server says, and its page in a browser while runs are written. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import type { Dataset, ImageSplit } from '../src/data/dataset.js';
import { openDataset } from '../src/data/open.js';
import { readRunConfig } from '../src/runs/run-folder.js';
import { createApp } from '../src/serve/app.js';
import { listen } from '../src/serve/listen.js';
import { pageFolder } from '../src/serve/page-folder.js';
import { eventsRoute } from '../src/studio/events-route.js';
import type { StudioEvent, StudioParts, TrainingImages } from '../src/studio/run-view.js';
import { openStudio, type StudioOptions } from '../src/studio/studio.js';
import { trainingImages } from '../src/studio/training-images.js';
import { trainStudent, trainTeacher } from '../src/training/train.js';
import { assertFits, openBrowser, openPage, skipBrowser } from './helpers/browser.js';
import { addAnalysis, makeRun } from './helpers/made-runs.js';
import { temporaryFolder, write } from './helpers/temporary-folder.js';
import { tinyRecipe } from './training-tiny.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-studio-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const runs = path.join(folder, 'runs');
const images = path.join(folder, 'images');
const student = path.join(runs, 'tiny/student');

/** Two classes of plain images whose colour says which they are, 40 and 8. */
async function writeImages(): Promise<void> {
  for (const [name, count, red] of [
    ['red', 40, 200],
    ['blue', 8, 20],
  ] as const)
    for (let i = 0; i < count; i++) {
      const background = { r: red, g: 3 * i, b: 220 - red };
      const image = sharp({ create: { width: 16, height: 16, channels: 3, background } });
      write(path.join(images, name, `${i}.png`), await image.png().toBuffer());
    }
}

/** A teacher and a student of one epoch on them. */
async function trainTiny(dataset: Dataset): Promise<void> {
  const epochs = ['teacher', 'student'].flatMap((part) => [`${part}.epochs=1`, `${part}.schedule.warmupEpochs=0`]);
  const recipe = tinyRecipe(...epochs, 'student.drw.epoch=1', 'teacher.drw.epoch=1', 'data.imbalance=null');
  const command = ['deit-lt', 'train', '--data', images, '--split=0.25'];
  const teacher = path.join(runs, 'tiny/teacher');
  await trainTeacher({ dataset, recipe, folder: teacher, command });
  await trainStudent({ dataset, recipe, folder: student, teacher, command });
}

let dataset: Dataset;
before(async () => {
  await writeImages();
  dataset = await openDataset(images, { split: 0.25 });
  await trainTiny(dataset);
});

/** What the servers threw, and how they end: after the pages, which would complain. */
const errors: unknown[] = [];
const ends: (() => Promise<void>)[] = [];
after(async () => {
  for (const end of ends) await end();
  assert.deepEqual(errors, []);
});

async function serve(root: string, options: StudioOptions = {}): Promise<{ url: string; end: () => Promise<void> }> {
  const studio = openStudio(root, options);
  const app = createApp({
    routes: studio.routes,
    folders: [pageFolder('studio')],
    onError: (error) => errors.push(error),
  });
  const server = await listen(app);
  const end = async (): Promise<void> => {
    await server.close();
    studio[Symbol.dispose]();
  };
  ends.push(end);
  return { url: server.url, end };
}

suite('trainingImages()', () => {
  test("shows an image unchanged, augmented and mixed, with its label and the teacher's predictions", async () => {
    const config = readRunConfig(student);
    const { images: shown, notes } = await trainingImages(config, dataset);
    assert.deepEqual(notes, []);
    assert.deepEqual(new Set(shown.map((image) => image.class)), new Set(['red', 'blue']));
    for (const { class: label, forms } of shown) {
      assert.deepEqual(
        forms.map(({ form }) => form),
        ['clean', 'augmented', 'mixed'],
      );
      const [clean, augmented, mixed] = forms;
      assert.deepEqual([clean!.label, augmented!.label], [[{ class: label, share: 1 }], [{ class: label, share: 1 }]]);
      assert.ok(Math.abs(mixed!.label.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9);
      assert.ok(mixed!.mixing === 'mixup' || mixed!.mixing === 'cutmix');
      for (const { teacher } of forms) {
        assert.deepEqual(new Set(teacher!.map((guess) => guess.class)), new Set(['red', 'blue']));
        assert.ok(Math.abs(teacher!.reduce((sum, { probability }) => sum + probability, 0) - 1) < 1e-5);
      }
    }
  });

  test('gives back the colours that the image has', async () => {
    const { images: shown } = await trainingImages(readRunConfig(student), dataset);
    const { name, forms } = shown[0]!;
    const picture = Buffer.from(forms[0]!.picture.replace(/^.*base64,/, ''), 'base64');
    const [seen, original] = await Promise.all(
      [picture, name].map((from) => sharp(from).removeAlpha().raw().toBuffer()),
    );
    assert.deepEqual(seen, original);
  });

  test('repeats the same draw, and draws others for another seed', async () => {
    const config = readRunConfig(student);
    const [one, again, other] = [
      await trainingImages(config, dataset),
      await trainingImages(config, dataset, { draw: 0 }),
      await trainingImages(config, dataset, { draw: 1 }),
    ];
    assert.deepEqual(again, one);
    assert.notDeepEqual(other.images, one.images);
  });

  test('names the difference when the data have other classes', async () => {
    const other = { ...dataset, classNames: ['red', 'green'] };
    await assert.rejects(trainingImages(readRunConfig(student), other), { code: 'DATA_CLASSES' });
  });

  test('finds the classes of data in another order by their names', async () => {
    const turned = ({ images, labels }: ImageSplit): ImageSplit => ({ images, labels: labels.map((c) => 1 - c) });
    const permuted = { ...dataset, train: turned(dataset.train), classNames: dataset.classNames.toReversed() };
    const { images: shown } = await trainingImages(readRunConfig(student), permuted);
    assert.deepEqual(new Set(shown.map((image) => image.class)), new Set(['red', 'blue']));
    for (const image of shown) assert.equal(path.basename(path.dirname(image.name)), image.class);
  });
});

suite('the server of the studio', () => {
  test('sends events, and parts of reports', async () => {
    const { url } = await serve(runs);
    const stop = new AbortController();
    const { body, headers } = await fetch(`${url}events`, { signal: stop.signal });
    assert.match(headers.get('content-type')!, /^text\/event-stream/);
    let text = '';
    for await (const bytes of body!) {
      text += new TextDecoder().decode(bytes);
      if (text.includes('"ready"')) break;
    }
    const events = text
      .split('\n\n')
      .filter((event) => event.startsWith('data: '))
      .map((event) => JSON.parse(event.slice(6)) as StudioEvent);
    assert.deepEqual(
      events.map((event) => (event.type === 'run' ? event.run.id : event.type)),
      ['tiny/student', 'tiny/teacher', 'ready'],
    );
    const parts = (await (await fetch(`${url}parts?run=tiny/teacher&run=tiny/student`)).json()) as StudioParts;
    assert.deepEqual(
      parts.parts.slice(0, 3).map(({ id }) => id),
      ['accuracy', 'curves', 'classes'],
    );
  });

  test('opens nothing but its runs', async () => {
    const { url } = await serve(path.join(runs, 'tiny'));
    for (const address of [
      'parts?run=..',
      'parts?run=student&run=../..',
      'parts',
      'images?run=/etc',
      'images?run=student&draw=-1',
    ])
      assert.equal((await fetch(url + address)).status, 404, address);
  });

  test('names the file of a damaged run, and serves the others as before', async (t) => {
    const root = temporaryFolder(t);
    const [good, figures, stream, config] = ['good', 'figures', 'stream', 'config'].map((name) =>
      makeRun(path.join(root, name), { kind: 'vit', classes: 4 }),
    );
    write(path.join(figures!, 'evaluation.json'), '{"avg": {"overall": 50}, "groups": [{}]}');
    rmSync(path.join(stream!, 'metrics.jsonl'));
    execFileSync('mkfifo', [path.join(stream!, 'metrics.jsonl')]); // opening it would wait for a writer
    write(path.join(config!, 'config.json'), '{"format": "deit-lt run 1"');
    const { url } = await serve(root);
    const answer = async (query: string): Promise<[number, string]> => {
      const response = await fetch(`${url}parts?${query}`);
      return [response.status, await response.text()];
    };
    const [status, text] = await answer('run=good&run=figures');
    assert.deepEqual(
      [status, text.includes(`${path.join(figures!, 'evaluation.json')} cannot be used: `)],
      [409, true],
      text,
    );
    assert.equal((await answer('run=stream'))[0], 200);
    assert.deepEqual(await answer('run=config'), [404, 'There is no such run.\n']);
    assert.equal((await answer(`run=${path.basename(good!)}`))[0], 200);
  });

  test('disconnects a page that does not read, and continues with the others', async (t) => {
    const root = temporaryFolder(t);
    const run = makeRun(path.join(root, 'a'), { kind: 'vit', classes: 4 });
    const studio = openStudio(root, { notify: false });
    t.after(() => studio[Symbol.dispose]());
    const server = await listen(createApp({ routes: [eventsRoute(studio.watcher, 1000)] }));
    t.after(() => server.close());
    const closed = new Promise((resolve) => {
      server.server.once('request', (_, response: ServerResponse) => response.on('close', () => resolve('closed')));
    });
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1').pause();
    t.after(() => socket.destroy());
    socket.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const metrics = path.join(run, 'metrics.jsonl');
    const [line] = readFileSync(metrics, 'utf8').split('\n');
    const timer = setInterval(() => {
      writeFileSync(metrics, `${line}\n`.repeat(20_000)); // more than the system keeps for a reader
      studio.watcher.look();
    }, 20);
    t.after(() => clearInterval(timer));
    assert.equal(await closed, 'closed');
    clearInterval(timer);
    assert.equal((await fetch(`${server.url}events`)).status, 200);
  });

  test('finds the images by the command of the run, and says when it cannot', async (t) => {
    const { url } = await serve(runs);
    const found = (await (await fetch(`${url}images?run=tiny/student`)).json()) as TrainingImages;
    assert.ok(found.images.length > 4);
    const root = temporaryFolder(t);
    makeRun(path.join(root, 'a'), { kind: 'vit', classes: 4 });
    const other = await serve(root);
    const answer = await fetch(`${other.url}images?run=a`);
    assert.equal(answer.status, 409);
    assert.match(await answer.text(), /data set "my images" does not exist/);
  });

  test('refuses a path that is not a folder', () => {
    assert.throws(() => openStudio(path.join(folder, 'nothing')), { code: 'RUN_FOLDER', message: /is not a folder/ });
  });
});

suite('the page of the studio', { skip: skipBrowser }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  const line = (epoch: number): string => {
    const figures = { balanced: 70 + epoch, overall: 60 + epoch, head: 80, mid: 60, tail: 40 };
    const evaluation = { avg: figures, cls: { ...figures, tail: 20 }, dist: { ...figures, head: 50 } };
    return `${JSON.stringify({ epoch, lr: 0.1, loss: 2, parts: {}, seconds: 10, imagesPerSecond: 1, drw: false, evaluation })}\n`;
  };
  const card = (page: Page, name: string) => page.locator('.run').filter({ hasText: name });

  for (const width of [400, 1400])
    test(`follows runs, ${width} pixels wide`, async (t) => {
      const root = temporaryFolder(t);
      const run = makeRun(path.join(root, 'now'), { kind: 'student', classes: 4, evaluated: false });
      const { url } = await serve(root, { lookMs: 200, findMs: 200 });
      const page = await openPage(t, browser, url, { width });
      await page.getByText('live').waitFor();
      await card(page, 'now').getByText('epoch 2 of 2').waitFor();
      await page.getByRole('img', { name: /^Training loss by epoch/ }).waitFor();
      appendFileSync(path.join(run, 'metrics.jsonl'), line(2) + line(3).slice(0, 30));
      await page.getByRole('row', { name: 'now DIST 3 72.0 62.0 50.0 60.0 40.0' }).waitFor();
      await assertFits(page);
      appendFileSync(path.join(run, 'metrics.jsonl'), line(3).slice(30));
      await page.getByRole('row', { name: 'now CLS 4 73.0 63.0 80.0 60.0 20.0' }).waitFor();
      await page
        .getByRole('img', { name: /^Balanced, overall, head, mid and tail accuracy by epoch of now/ })
        .waitFor();
      makeRun(path.join(root, 'later'), { kind: 'vit', classes: 4 });
      await card(page, 'later').getByRole('checkbox').check();
      await page
        .getByRole('row', {
          name: /^later 2 75\.0 \[.*\] 75\.0 \[.*\] 83\.3 \[.*\] 66\.7 \[.*\] 66\.7 \[20\.8, 93\.9\]$/,
        })
        .waitFor();
      rmSync(run, { recursive: true });
      await card(page, 'now').waitFor({ state: 'detached' });
      await assertFits(page);
    });

  for (const [width, theme] of [
    [400, 'light'],
    [1400, 'dark'],
  ] as const)
    test(`shows what is in runs, ${width} pixels wide and ${theme}`, async (t) => {
      const root = temporaryFolder(t);
      makeRun(path.join(root, 'a/teacher'), { kind: 'teacher', classes: 10 });
      addAnalysis(makeRun(path.join(root, 'a/student'), { kind: 'student', classes: 10 }));
      const { url } = await serve(root);
      const page = await openPage(t, browser, url, { width, theme });
      await card(page, 'teacher').waitFor();
      for (const [tab, text] of [
        ['Accuracy', 'Differences from teacher, image by image'],
        ['Classes', 'Accuracy of each class: teacher'],
        ['Experts', 'Which classifier is right: student'],
        ['Confusion', 'Confused with class 1 (2)'],
        ['Attention', 'prediction: class 1'],
        ['Settings', "deit-lt train --data 'my images'"],
      ] as const) {
        await page.getByRole('button', { name: tab }).click();
        await page.getByText(text).first().waitFor();
        await assertFits(page);
        const box = await page.getByRole('button', { name: tab }).boundingBox();
        assert.ok(box!.x >= 0 && box!.x + box!.width <= width, `${tab} is in sight`);
      }
      await page.reload();
      await page.getByText("deit-lt train --data 'my images'").first().waitFor();
      await card(page, 'student').getByRole('checkbox').uncheck();
      await card(page, 'teacher').getByRole('checkbox').uncheck();
      await page.getByText('Choose one or more runs.').waitFor();
    });

  test("shows training images with their labels and the teacher's predictions", async (t) => {
    const { url } = await serve(runs);
    const page = await openPage(t, browser, `${url}#tab=images`, { width: 400 });
    await page.getByText('CLS is trained on the label').waitFor();
    await page.locator('.shown').first().waitFor();
    const first = page.locator('.shown').first();
    assert.match(await first.innerText(), /clean\s+label\s+(red|blue)\s+teacher\s+[✓✗] (red|blue) \d+ %/);
    const before = await first.getByAltText(/augmented$/).getAttribute('src');
    await page.getByRole('button', { name: 'Draw others' }).click();
    await page.locator(`.shown:first-child img[alt$="augmented"]:not([src="${before}"])`).waitFor();
    await assertFits(page);
  });

  test('says where there are no runs, and that the server is gone', async (t) => {
    const { url, end } = await serve(temporaryFolder(t));
    const page = await openPage(t, browser, url, { width: 400, expected: /ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY/ });
    await page.getByText('A run that starts there appears here by itself').waitFor();
    await end();
    await page.getByText('the server is gone').waitFor();
  });
});

test('deit-lt studio serves until Ctrl-C', { timeout: 180_000 }, async (t) => {
  const bin = path.resolve(import.meta.dirname, '../../bin/deit-lt.mjs');
  const child = spawn(process.execPath, [bin, 'studio', runs, '--port', '0'], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  const [url] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/\n$/);
  assert.match(await (await fetch(url.trim())).text(), /<title>DeiT-LT studio<\/title>/);
  child.kill('SIGINT');
  const [code] = (await once(child, 'exit')) as [number];
  assert.equal(code, 0);
});
