/** `deit-lt predict` for many images: one row each, a file that is continued, sorting into folders, and a list for review. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, suite, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import * as torch from '@deit-lt/torch';
import sharp from 'sharp';
import type { Prediction } from '../src/cli/predict-files.js';
import { type LineFormat, lineFormats } from '../src/cli/predict-lines.js';
import { csvCells, PredictionOutput } from '../src/cli/predict-output.js';
import { folderNames, ImageSorter } from '../src/cli/sort-images.js';
import { createModel } from '../src/models/index.js';
import { bin, type CliResult } from './cli-helpers.js';
import { deitLt } from './helpers/standing-process.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-output-'));
const at = (name: string): string => path.join(folder, name);
after(() => rmSync(folder, { recursive: true }));

const shape = { ranks: 2, experts: true, unknown: true, set: true };
const names = ['a.jpg', 'b, "c".jpg', 'two\nlines.jpg', 'Ä 写真.jpg', '=1+1.jpg'];
const madeUp = names.map((file, i): Prediction => {
  const top = [
    { class: `cat, "${i}"`, probability: 0.5 + i / 20 },
    { class: 'dog', probability: 0.25 },
  ];
  return {
    file,
    top,
    cls: top,
    dist: [...top].reverse(),
    unknown: i === 1,
    set: ['dog'],
    margin: top[0]!.probability - 0.25,
  };
});

suite('PredictionOutput', () => {
  const write = (format: LineFormat, file: string): void => {
    const output = PredictionOutput.open(file, { format, resume: false });
    output.append(madeUp.slice(0, 3), shape);
    output.append(madeUp.slice(3), shape);
  };

  for (const format of lineFormats)
    test(`continues ${format} that was cut off anywhere, without losing or repeating an image`, () => {
      const [whole, cut] = [at(`whole-${format}`), at(`cut-${format}`)];
      write(format, whole);
      const expected = readFileSync(whole, 'utf8');
      for (let length = 0; length < Buffer.byteLength(expected); length += 5) {
        writeFileSync(cut, expected);
        truncateSync(cut, length);
        const earlier: string[] = [];
        const output = PredictionOutput.open(cut, {
          format,
          resume: true,
          onEarlier: ({ file }) => earlier.push(file),
        });
        const left = madeUp.filter(({ file }) => !output.done.has(file));
        output.append(left, shape);
        assert.equal(readFileSync(cut, 'utf8'), expected, `${length} bytes`);
        if (format !== 'csv') assert.deepEqual(earlier, names.slice(0, names.length - left.length));
      }
    });

  test('refuses a file that exists, is something else, or has other columns, and leaves it as it is', () => {
    write('wide', at('columns.csv'));
    const before = readFileSync(at('columns.csv'), 'utf8');
    const open = (format: LineFormat, resume = true) => PredictionOutput.open(at('columns.csv'), { format, resume });
    assert.throws(() => open('wide', false), { code: 'USAGE', message: /exists\. Continue it with --resume/ });
    for (const format of ['csv', 'json-lines'] as const)
      assert.throws(() => open(format), {
        code: 'RUN_FOLDER',
        message: new RegExp(`not an output of "predict --format ${format}"`),
      });
    assert.throws(() => open('wide').append(madeUp, { ...shape, ranks: 3 }), { message: /has other columns/ });
    assert.throws(() => open('wide').requireShape({ ...shape, set: false }), { message: /has other columns/ });
    for (const [format, text] of [
      ['wide', 'my own notes'],
      ['csv', 'fil or film'],
      ['json-lines', '{"name":'],
    ] as const) {
      writeFileSync(at('notes.txt'), text);
      const options = { format, resume: true };
      assert.throws(() => PredictionOutput.open(at('notes.txt'), options), { message: /is not an output of "predict/ });
      assert.equal(readFileSync(at('notes.txt'), 'utf8'), text);
    }
    assert.equal(readFileSync(at('columns.csv'), 'utf8'), before);
  });

  test('writes CSV that Python reads', (t) => {
    write('wide', at('python.csv'));
    const code = 'import csv, json, sys; print(json.dumps(list(csv.DictReader(open(sys.argv[1], newline="")))))';
    const { status, stdout } = spawnSync('python3', ['-c', code, at('python.csv')], { encoding: 'utf8' });
    if (status !== 0) return t.skip('no python3');
    const rows = JSON.parse(stdout) as Record<string, string>[];
    assert.deepEqual(
      rows.map((row) => [row.file, row.class, Number(row.probability), row.class_2, row.dist, row.unknown, row.set]),
      madeUp.map(({ file, top, unknown }) => [
        file,
        top[0]!.class,
        top[0]!.probability,
        'dog',
        'dog',
        String(unknown),
        'dog',
      ]),
    );
    const [header = ''] = readFileSync(at('python.csv'), 'utf8').split('\n');
    assert.deepEqual(csvCells(header), Object.keys(rows[0]!));
  });
});

suite('ImageSorter', () => {
  const predicted = (file: string, name: string, unknown = false): Prediction => ({
    file,
    top: [{ class: name, probability: 1 }],
    margin: 1,
    ...(unknown && { unknown }),
  });
  const images = ['x/1.jpg', 'y/1.jpg', 'z/1.jpg'].map(at);
  before(() => {
    for (const [i, file] of images.entries()) {
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, `image ${i % 2}`); // the first and the last are equal
    }
  });
  const all = images.map((file) => predicted(file, 'cat'));
  const content = (name: string): [string, string][] =>
    readdirSync(at(name))
      .sort()
      .map((file) => [file, readFileSync(path.join(at(name), file), 'utf8')]);

  for (const link of [false, true])
    test(`gives each image a place of its own, and overwrites nothing (${link ? 'links' : 'copies'})`, async () => {
      const into = at(`sorted-${link}`);
      mkdirSync(path.join(into, 'cat'), { recursive: true });
      writeFileSync(path.join(into, 'cat/1.jpg'), 'of somebody else');
      const sorter = () => new ImageSorter({ folder: into, link, classNames: ['cat'] });
      await sorter().add(all);
      const expected = [
        ['1 (2).jpg', 'image 0'],
        ['1 (3).jpg', 'image 1'],
        ['1 (4).jpg', 'image 0'],
        ['1.jpg', 'of somebody else'],
      ];
      assert.deepEqual(content(`sorted-${link}/cat`).sort(), expected);
      await sorter().add(all); // the same command again
      assert.deepEqual(content(`sorted-${link}/cat`).sort(), expected);
      if (link) assert.equal(readlinkSync(path.join(into, 'cat/1 (2).jpg')), images[0]);
    });

  test('puts "unknown" apart, also from a class of that name', async () => {
    const sorter = new ImageSorter({ folder: at('apart'), link: false, classNames: ['unknown', 'cat'] });
    await sorter.add([predicted(images[0]!, 'unknown'), predicted(images[1]!, 'cat', true)]);
    assert.deepEqual(readdirSync(at('apart')).sort(), ['unknown', 'unknown (2)']);
    assert.equal(readFileSync(at('apart/unknown (2)/1.jpg'), 'utf8'), 'image 1');
  });

  test('folderNames() lead nowhere else and differ from each other', () => {
    const hostile = ['..', '.', '', 'a/b', 'a\\b', '/etc', '../../x', 'A', 'a', 'n\0l', 'ä'.repeat(300)];
    const found = [...folderNames(hostile).values()];
    assert.equal(new Set(found.map((name) => name.toLowerCase())).size, hostile.length + 1);
    for (const name of found) {
      assert.doesNotMatch(name, /[/\\\0]|^\.*$/);
      assert.ok(Buffer.byteLength(name) < 255);
    }
  });
});

suite('deit-lt predict to files', () => {
  const settings = ['--set', 'precision=float32', 'device=cpu'];
  const predict = (...words: string[]): CliResult =>
    deitLt(['predict', 'model.safetensors', ...words, ...settings], { cwd: folder });
  before(async () => {
    torch.manualSeed(3);
    using made = createModel('deit', { numClasses: 4, embedDim: 64, depth: 1 });
    torch.tidy(() => torch.noGrad(() => made.parameters().forEach((each) => void each.mul_(5))));
    torch.safetensors.save(at('model.safetensors'), made.stateDict());
    mkdirSync(at('photos'));
    for (let i = 0; i < 70; i++) {
      const create = { width: 8 + i, height: 8, channels: 3, background: { r: 3 * i, g: 255 - 3 * i, b: i } } as const;
      await sharp({ create })
        .png()
        .toFile(at(`photos/${i}.png`));
    }
  });

  test('one row for each image, sorted and listed for review, and continued after a cut', () => {
    const words = [
      'photos',
      '--wide',
      '--top',
      '2',
      '--out',
      'wide.csv',
      '--review',
      'review.csv',
      '--sort-into',
      'sorted',
    ];
    const first = predict(...words);
    assert.deepEqual([first.status, first.stdout], [0, ''], first.stderr);
    const rows = readFileSync(at('wide.csv'), 'utf8').trim().split('\n').map(csvCells);
    assert.equal(
      rows[0]!.join(),
      'file,class,probability,margin,class_2,probability_2,cls,cls_probability,dist,dist_probability',
    );
    assert.equal(rows.length, 71);
    for (const [file, name, probability, margin, , second] of rows.slice(1)) {
      assert.ok(Math.abs(Number(probability) - Number(second) - Number(margin)) < 1e-9);
      assert.ok(existsSync(at(`sorted/${name}/${path.basename(file!)}`)));
    }
    for (const inside of ['photos', 'photos/sorted']) {
      const refused = predict('photos', '--sort-into', inside);
      assert.equal(refused.status, 2, refused.stderr);
      assert.match(refused.stderr, /--sort-into photos.* is in photos, whose images are classified/);
    }
    const review = readFileSync(at('review.csv'), 'utf8').trim().split('\n').map(csvCells);
    const margins = review.slice(1).map((cells) => Number(cells[3]));
    assert.deepEqual(
      margins,
      margins.toSorted((a, b) => a - b),
    );
    assert.equal(margins.length, 70);
    const copies = readdirSync(at('sorted'), { recursive: true }).length;

    truncateSync(at('wide.csv'), Math.floor(readFileSync(at('wide.csv')).length / 2));
    assert.match(predict(...words).stderr, /^deit-lt: --out wide\.csv exists\. Continue it with --resume/m);
    const again = predict(...words, '--resume');
    assert.equal(again.status, 0, again.stderr);
    assert.match(again.stderr, /wide\.csv has \d+ images already: \d+ are left/);
    const continued = readFileSync(at('wide.csv'), 'utf8').trim().split('\n').map(csvCells);
    assert.deepEqual(
      continued.map(([file, name]) => [file, name]),
      rows.map(([file, name]) => [file, name]),
    );
    assert.equal(readFileSync(at('review.csv'), 'utf8').trim().split('\n').length, 71);
    assert.equal(readdirSync(at('sorted'), { recursive: true }).length, copies, 'no image was copied twice');

    rmSync(at('sorted'), { recursive: true });
    assert.equal(predict(...words, '--resume').status, 0);
    assert.equal(readdirSync(at('sorted'), { recursive: true }).length, copies, 'earlier images are sorted, too');
    const other = predict(...words.map((word) => (word === '2' ? '3' : word)), '--resume');
    assert.deepEqual([other.status, /wide\.csv has other columns/.test(other.stderr)], [1, true], other.stderr);
  });

  test('names the file and --resume after a signal, and continues there', { timeout: 120_000 }, async () => {
    mkdirSync(at('many'));
    for (let i = 0; i < 1500; i++) linkSync(at(`photos/${i % 70}.png`), at(`many/${i}.png`));
    const words = ['predict', 'model.safetensors', 'many', '--wide', '--out', 'many.csv', ...settings];
    const env = { ...process.env, OMP_NUM_THREADS: '1', npm_command: undefined };
    const child = spawn(process.execPath, [bin, ...words], { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] });
    const said = text(child.stderr);
    const ended = once(child, 'exit');
    while (!existsSync(at('many.csv')) || statSync(at('many.csv')).size === 0) await wait(5);
    child.kill('SIGINT');
    assert.deepEqual(await ended, [130, null]);
    assert.match(
      await said,
      /stopped before the end; many\.csv has the images so far\. The same command with --resume/,
    );
    const rows = () => readFileSync(at('many.csv'), 'utf8').trim().split('\n').length - 1;
    assert.ok(rows() > 0 && rows() < 1500, `${rows()} images before the signal`);
    const { status, stderr } = predict(...words.slice(2, 6), '--resume');
    assert.deepEqual([status, rows()], [0, 1500], stderr);
  });

  test('never replaces a file that it did not write', () => {
    writeFileSync(at('mine.csv'), 'file,remark\n');
    for (const more of [[], ['--wide', '--out', 'new.csv', '--resume']]) {
      const { status, stderr } = predict('photos', '--review', 'mine.csv', ...more);
      assert.deepEqual([status, /--review mine\.csv exists/.test(stderr)], [2, true], stderr);
    }
    assert.equal(readFileSync(at('mine.csv'), 'utf8'), 'file,remark\n');
    const same = predict('photos', '--wide', '--out', 'one.csv', '--review', './one.csv');
    assert.deepEqual([same.status, /are the same file, one\.csv/.test(same.stderr)], [2, true], same.stderr);
  });

  test('refuses options that do not go together', () => {
    for (const [words, message] of [
      [['photos', '--wide', '--json'], /--wide is CSV: leave out --json/],
      [['photos', '--out', 'x.csv'], /--out needs lines that can be continued/],
      [['photos', '--wide', '--resume'], /--resume needs the file that it continues/],
    ] as const) {
      const { status, stderr } = predict(...words);
      assert.deepEqual([status, message.test(stderr)], [2, true], stderr);
    }
    const { status, stderr } = predict('photos', '--review', 'nowhere/x.csv');
    assert.deepEqual([status, /cannot write nowhere\/x\.csv/.test(stderr)], [1, true], stderr);
  });
});
