/** What a person should look at in a run: wrong predictions, probable label errors and near duplicates, by the studio's server and page. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import * as torch from '@deit-lt/torch';
import type { Browser } from 'playwright-core';
import sharp from 'sharp';
import { findMistakes } from '../src/analysis/mistakes.js';
import { openClassifier } from '../src/classifier/classifier.js';
import { Loader } from '../src/data/loader.js';
import { makeLongTail } from '../src/data/long-tail.js';
import { openDataset } from '../src/data/open.js';
import { prepareData } from '../src/data/prepare-data.js';
import { readPredictions } from '../src/runs/predictions.js';
import { RunFolder, readRunConfig } from '../src/runs/run-folder.js';
import { createApp } from '../src/serve/app.js';
import { listen } from '../src/serve/listen.js';
import { pageFolder } from '../src/serve/page-folder.js';
import type { Review } from '../src/studio/review-view.js';
import { dataOfRun } from '../src/studio/run-data.js';
import { openStudio } from '../src/studio/studio.js';
import { trainStudent, trainTeacher } from '../src/training/train.js';
import { assertFits, openBrowser, openPage, skipBrowser } from './helpers/browser.js';
import { write } from './helpers/temporary-folder.js';
import { tinyRecipe } from './training-tiny.js';

type Ready = Extract<Review, { state: 'ready' }>;

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-review-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const [images, runs] = [path.join(folder, 'images'), path.join(folder, 'runs')];
const [teacher, student, tailed] = ['teacher', 'student', 'tailed'].map((name) => path.join(runs, name)) as [
  string,
  string,
  string,
];
const names = ['red', 'green', 'blue'];

/** A random picture of few large areas, which no other resembles, in the colour of its class more or less. */
async function picture(label: number, i: number): Promise<Buffer> {
  using noise = torch.rand([8, 8, 3], { generator: new torch.Generator().manualSeed(100 * label + i) });
  const levels = noise.toTypedArray<'float32'>();
  const pixels = Buffer.from(Array.from(levels, (x, at) => Math.round(255 * (at % 3 === label ? 0.3 + 0.7 * x : x))));
  const raw = { width: 8, height: 8, channels: 3 } as const;
  return sharp(pixels, { raw }).resize(48, 48).png().toBuffer();
}

async function writeImages(): Promise<void> {
  for (const [label, name] of names.entries()) {
    for (let i = 0; i < 12; i++) write(path.join(images, 'train', name, `${i}.png`), await picture(label, i));
    for (let i = 0; i < 14; i++) write(path.join(images, 'test', name, `${i}.png`), await picture(label, 50 + i));
  }
  // The same picture, smaller and compressed, once with another label.
  const copy = async (from: Buffer): Promise<Buffer> => sharp(from).resize(36, 36).jpeg({ quality: 80 }).toBuffer();
  write(path.join(images, 'test/red/copy.jpg'), await copy(await picture(0, 3)));
  write(path.join(images, 'test/green/copy.jpg'), await copy(await picture(2, 5)));
}

const errors: unknown[] = [];
const ends: (() => Promise<void>)[] = [];
let url: string;

before(async () => {
  await writeImages();
  const dataset = await openDataset(images);
  const epochs = ['teacher', 'student'].flatMap((part) => [`${part}.epochs=2`, `${part}.schedule.warmupEpochs=0`]);
  const recipe = tinyRecipe(...epochs, 'student.drw.epoch=1', 'teacher.drw.epoch=1', 'data.imbalance=null');
  const command = ['deit-lt', 'train', '--data', images];
  await trainTeacher({ dataset, recipe, folder: teacher, command });
  await trainStudent({ dataset, recipe, folder: student, teacher, command });
  // The same run as if its recipe had made a long tail.
  cpSync(student, tailed, { recursive: true });
  const config = JSON.parse(readFileSync(path.join(tailed, 'config.json'), 'utf8'));
  config.recipe.data.imbalance = 3;
  writeFileSync(path.join(tailed, 'config.json'), JSON.stringify(config));
  const studio = openStudio(runs);
  const app = createApp({
    routes: studio.routes,
    folders: [pageFolder('studio')],
    onError: (error) => errors.push(error),
  });
  const server = await listen(app);
  url = server.url;
  ends.push(async () => {
    await server.close();
    studio[Symbol.dispose]();
  });
});
after(async () => {
  for (const end of ends) await end();
  assert.deepEqual(errors, []);
});

const asked = (words: Record<string, string>, method = 'GET'): Promise<Response> =>
  fetch(`${url}review?${new URLSearchParams(words)}`, { method });

/** Starts a search and waits for its end. */
async function found(run: string, kind: string): Promise<Ready> {
  let response = await asked({ run, kind, do: 'start' }, 'POST');
  for (;;) {
    assert.equal(response.status, 200);
    const review = (await response.json()) as Review;
    if (review.state === 'ready') return review;
    assert.equal(review.state, 'working');
    await wait(50);
    response = await asked({ run, kind });
  }
}

suite('the wrong predictions of a run', () => {
  test('say that they are without its adaptation, which "predict" applies', async (t) => {
    const file = path.join(teacher, 'adaptation.json');
    const told = async (): Promise<boolean> =>
      (await found('teacher', 'mistakes')).facts.some((fact) => /The run has an adaptation/.test(fact));
    assert.equal(await told(), false);
    write(file, '{}');
    t.after(() => rmSync(file));
    assert.equal(await told(), true);
  });
});

suite('findMistakes()', () => {
  test('finds the images that the evaluation counted as wrong, with what each output predicts', async () => {
    const data = prepareData(await openDataset(images), readRunConfig(student).recipe);
    using classifier = await openClassifier(student);
    const { mistakes, classes, images: total, hasExperts } = await findMistakes(classifier, data.test!);
    assert.equal(total, 44);
    assert.equal(hasExperts, true);
    const { labels, outputs } = readPredictions(new RunFolder(student).predictionsFile, 3)!;
    const firstOf = ({ classes: best, perImage }: typeof outputs.avg, i: number): string =>
      classifier.classNames[best[i * perImage]!]!;
    const wrong = [...labels.keys()].filter((i) => firstOf(outputs.avg, i) !== classifier.classNames[labels[i]!]);
    assert.ok(wrong.length > 3, 'the tiny model is wrong now and then');
    assert.deepEqual(
      mistakes.map(({ index }) => index).toSorted((a, b) => a - b),
      wrong,
    );
    for (const { index, label, predictions } of mistakes) {
      assert.equal(label, classifier.classNames[labels[index]!]);
      const classesOf = [predictions.avg, predictions.cls!, predictions.dist!].map((guess) => guess.class);
      assert.deepEqual(
        classesOf,
        [outputs.avg, outputs.cls!, outputs.dist!].map((output) => firstOf(output, index)),
      );
    }
    const counted = classes.map(({ name, images: of, wrong: number }) => [name, of, number]);
    const wrongOf = (name: string) => wrong.filter((i) => classifier.classNames[labels[i]!] === name).length;
    assert.deepEqual(
      counted,
      classifier.classNames.map((name) => [name, name === 'blue' ? 14 : 15, wrongOf(name)]),
    );
  });

  test('orders them by the total variation distance of CLS and DIST', async () => {
    const data = prepareData(await openDataset(images), readRunConfig(student).recipe);
    using classifier = await openClassifier(student);
    const { mistakes } = await findMistakes(classifier, data.test!);
    const distances = mistakes.map(({ disagreement }) => disagreement!);
    assert.deepEqual(
      distances,
      distances.toSorted((a, b) => b - a),
    );
    const { source, labels } = data.test!;
    const ids = Int32Array.from([mistakes[0]!.index]);
    for await (using batch of new Loader({ source, labels, pipeline: classifier.pipeline, ids, batchSize: 1 })) {
      const { cls, dist } = torch.noGrad(() => classifier.logits(batch.images));
      const [a, b] = [cls!, dist!].map((logits) => softmax([...logits.toTypedArray()].map(Number)));
      const expected = a!.reduce((sum, p, i) => sum + Math.abs(p - b![i]!), 0) / 2;
      assert.ok(Math.abs(distances[0]! - expected) < 1e-3, `${distances[0]} and ${expected}`);
    }
  });
});

function softmax(logits: readonly number[]): number[] {
  const powers = logits.map(Math.exp);
  const sum = powers.reduce((total, x) => total + x, 0);
  return powers.map((x) => x / sum);
}

suite('GET and POST /review', () => {
  test('gives wrong predictions page by page and class by class', async () => {
    assert.deepEqual(await (await asked({ run: 'student', kind: 'mistakes' })).json(), { state: 'idle' });
    const all = await found('student', 'mistakes');
    assert.match(all.facts[0]!, new RegExp(`^${all.total} of 44 test images \\(.* %\\) are classified wrongly`));
    assert.match(all.facts[1]!, /on which CLS and DIST disagree most come first/);
    assert.equal(all.rows.length, Math.min(24, all.total));
    const [row] = all.rows;
    assert.ok(row!.kind === 'mistakes' && row!.predictions.cls && row!.predictions.dist);
    const bytes = Buffer.from(row!.image.picture!.replace(/^.*base64,/, ''), 'base64');
    assert.equal((await sharp(bytes).metadata()).width, 16);
    for (const { name, rows } of all.classes) {
      const of = (await (await asked({ run: 'student', kind: 'mistakes', class: name })).json()) as Ready;
      assert.equal(of.total, rows);
      assert.ok(of.rows.every(({ image }) => image.class === name));
    }
    const beyond = (await (await asked({ run: 'student', kind: 'mistakes', page: '99' })).json()) as Ready;
    assert.equal(beyond.page, beyond.pages - 1);
  });

  test('says that a network with one classifier has no CLS and DIST', async () => {
    const { facts, rows } = await found('teacher', 'mistakes');
    assert.match(facts[1]!, /has one classifier, so there is no opinion of CLS and DIST/);
    for (const row of rows) assert.ok(row.kind === 'mistakes' && row.predictions.cls === undefined);
  });

  test('gives the near duplicates of both labels, the most alike first', async () => {
    const { facts, rows } = await found('student', 'duplicates');
    const pairs = rows.map((row) => {
      assert.ok(row.kind === 'duplicates');
      return [row.image, row.other].map(({ name }) => name.split('/').slice(-3).join('/'));
    });
    assert.deepEqual(pairs.toSorted(), [
      ['test/green/copy.jpg', 'train/blue/5.png'],
      ['test/red/copy.jpg', 'train/red/3.png'],
    ]);
    assert.match(facts[0]!, /^2 test images look like a training image/);
    assert.match(facts[1]!, /^One pair has two different labels\.$/);
  });

  test('gives the labels that the model doubts, as inspect --model does', async () => {
    const { facts, rows, total } = await found('student', 'labels');
    assert.equal(rows.length, Math.min(24, total));
    assert.match(facts[0]!, total === 0 ? /doubts none/ : new RegExp(`doubts the labels of ${total} of 80 images`));
    for (const row of rows) assert.ok(row.kind === 'labels' && row.suggested.class !== row.image.class);
  });

  test('ends a search, and refuses what does not exist', async () => {
    await asked({ run: 'teacher', kind: 'labels', do: 'start' }, 'POST');
    const stopped = await asked({ run: 'teacher', kind: 'labels', do: 'stop' }, 'POST');
    assert.deepEqual(await stopped.json(), { state: 'idle' });
    const wrong: readonly Record<string, string>[] = [
      { run: 'none', kind: 'labels' },
      { run: 'teacher', kind: 'other' },
      { run: 'teacher', kind: 'labels', page: '-1' },
    ];
    for (const words of wrong) assert.equal((await asked(words)).status, 404);
    await found('student', 'labels');
    assert.equal((await asked({ run: 'student', kind: 'labels', do: 'other' }, 'POST')).status, 404);
    assert.equal(((await (await asked({ run: 'student', kind: 'labels' })).json()) as Review).state, 'ready');
  });
});

suite('the pages of what a person should look at', { skip: skipBrowser }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  for (const width of [400, 1400])
    test(`search, show and page, ${width} pixels wide`, async (t) => {
      const page = await openPage(t, browser, `${url}#tab=wrong&runs=1&run=student`, { width });
      const again = page.getByRole('button', { name: 'Search again' });
      const start = page.getByRole('button', { name: 'Classify the test images' });
      await start.or(again).click();
      await again.waitFor();
      const first = page.locator('.shown').first();
      await first.waitFor();
      assert.match(
        await first.innerText(),
        /label\s+(red|green|blue)\s+average\s+✗ .*\s+CLS\s+[✓✗] .*\s+DIST\s+[✓✗] .*\s+disagreement\s+\d+ %/,
      );
      await assertFits(page);
      if (width > 1000) {
        const boxes = await page
          .locator('.shown')
          .evaluateAll((all) =>
            all.map(
              (each) =>
                (each as unknown as { getBoundingClientRect(): { right: number } }).getBoundingClientRect().right,
            ),
          );
        assert.ok(Math.max(...boxes) > width - 350, 'the rows fill a wide window');
      }
      await page.getByRole('button', { name: 'Near duplicates' }).click();
      await page.getByRole('button', { name: 'Compare the images' }).or(again).click();
      await page.getByText('different labels', { exact: true }).waitFor();
      await assertFits(page);
    });
});

suite('the images of a run', () => {
  test('are those of its long tail: others were not trained on', async () => {
    const { train } = makeLongTail(await openDataset(images), { ratio: 3 });
    const kept = new Set(Array.from(train.labels, (_, i) => train.images.nameOf(i)));
    assert.ok(kept.size < 36);
    const whole = await found('student', 'duplicates');
    const { facts, rows } = await found('tailed', 'duplicates');
    assert.match(facts[0]!, new RegExp(`${kept.size + 44} images compared`));
    assert.match(facts.at(-1)!, /not the images that the run was trained on/);
    const others = ({ rows }: Ready): string[] => rows.map((row) => (row.kind === 'duplicates' ? row.other.name : ''));
    assert.deepEqual(
      others({ rows } as Ready),
      others(whole).filter((name) => kept.has(name)),
    );
    const labels = await found('tailed', 'labels');
    assert.match(labels.facts[0]!, new RegExp(`of ${kept.size + 44} images`));
    assert.match(labels.facts[1]!, /inspect .*images --imbalance 3 --imbalance-type exp --model .*tailed\./);
  });

  test('are found by the options of the command that trained it', () => {
    const command = 'deit-lt train --data photos --split 0.2 --check headers --skip-bad --root x'.split(' ');
    assert.deepEqual(dataOfRun({ command, data: readRunConfig(student).data }), {
      ...{ data: 'photos', split: 0.2, root: 'x', checkFiles: 'headers', skipBad: true },
    });
  });

  test('may be moved while a list is looked at: it stays without the picture, and the next search sees the new place', async () => {
    const pairs = await found('student', 'duplicates');
    assert.match(pairs.facts[1]!, /^One pair has two different labels/);
    const [from, to] = ['red/copy.jpg', 'green/moved.jpg'].map((name) => path.join(images, 'test', name));
    renameSync(from!, to!);
    const again = (await (await asked({ run: 'student', kind: 'duplicates' })).json()) as Ready;
    const shown = again.rows.flatMap((row) => (row.kind === 'duplicates' ? [row.image, row.other] : []));
    assert.deepEqual(
      shown.filter(({ picture }) => picture === undefined).map(({ name }) => name.split('/').slice(-2).join('/')),
      ['red/copy.jpg'],
    );
    const next = await found('student', 'duplicates');
    assert.match(next.facts[1]!, /^2 pairs have two different labels/);
    assert.ok(next.rows.every((row) => row.kind === 'duplicates' && row.image.picture !== undefined));
    renameSync(to!, from!);
  });

  test('that are gone are an error for every page that asks, until they are back', async () => {
    renameSync(images, `${images}.away`);
    const started = await asked({ run: 'teacher', kind: 'duplicates', do: 'start' }, 'POST');
    let response = started;
    while (response.status === 200) {
      assert.equal(((await response.json()) as Review).state, 'working');
      await wait(20);
      response = await asked({ run: 'teacher', kind: 'duplicates' });
    }
    assert.equal(response.status, 409);
    assert.match(await response.text(), /images/);
    assert.equal((await asked({ run: 'teacher', kind: 'duplicates' })).status, 409);
    renameSync(`${images}.away`, images);
    assert.equal((await found('teacher', 'duplicates')).rows.length, 2);
  });
});
