/** What a model says of images: on the command line, and asked from a server. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import sharp from 'sharp';
import { openClassifier } from '../src/classifier/classifier.js';
import { packPaths } from '../src/data/file-paths.js';
import { fileImages } from '../src/data/file-split.js';
import { Loader } from '../src/data/loader.js';
import { openPixels } from '../src/data/open-pixels.js';
import { DeitLT } from '../src/deit-lt.js';
import type { Opinion } from '../src/evaluation/ranking.js';
import { createModel } from '../src/models/index.js';
import { liveTensors, settledLiveTensors } from './helpers/live-tensors.js';

torch.setNumThreads(1);

const bin = path.resolve(import.meta.dirname, '../../bin/deit-lt.mjs');
const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-predict-'));
const model = path.join(folder, 'model.safetensors');
const images = path.join(folder, 'images');
const imageCount = 5;
const place = (i: number): string => path.join(images, `photo, ${i}.png`);
const settings = ['precision=float32', 'device=cpu'];

function predict(words: readonly string[], input = '') {
  const env = { ...process.env, OMP_NUM_THREADS: '1', npm_command: undefined };
  const args = [bin, 'predict', model, ...words, '--set', ...settings];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env, input });
  return { status, stdout, stderr };
}

const linesOf = (stdout: string): (Opinion & { file: string })[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

before(async () => {
  torch.manualSeed(3);
  using made = createModel('deit', { numClasses: 4, embedDim: 64, depth: 1 });
  torch.tidy(() => torch.noGrad(() => made.parameters().forEach((each) => void each.mul_(5)))); // opinions that differ
  torch.safetensors.save(model, made.stateDict());
  mkdirSync(images);
  for (let i = 0; i < imageCount; i++) {
    const pixels = torch
      .rand([30 + 7 * i, 40, 3])
      .mul(255)
      .to('uint8')
      .toTypedArray<'uint8'>();
    await sharp(pixels, { raw: { width: 40, height: 30 + 7 * i, channels: 3 } }).toFile(place(i));
  }
});
after(() => rmSync(folder, { recursive: true }));

suite('deit-lt predict', () => {
  test('reads a list from the standard input, continues after unreadable files, and names them at the end', () => {
    writeFileSync(path.join(folder, 'broken.jpg'), 'no image');
    const list = [place(0), path.join(folder, 'broken.jpg'), path.join(folder, 'none.png'), place(1)].join('\n');
    const { status, stdout, stderr } = predict(['-', '--format', 'json-lines', '--top', '2'], `${list}\n`);
    assert.equal(status, 1, stderr);
    const lines = linesOf(stdout);
    assert.deepEqual(
      lines.map(({ file }) => file),
      [place(0), place(1)],
    );
    for (const { top, cls, dist } of lines)
      for (const ranked of [top, cls, dist]) {
        assert.equal(ranked!.length, 2);
        assert.ok(ranked![0]!.probability >= ranked![1]!.probability);
      }
    assert.match(stderr, /2 of 4 images could not be read:\n.*broken\.jpg: .*\n.*none\.png: /);
  });

  test('CSV has a line for each rank of each output, with names that have commas in quotes', () => {
    const { status, stdout, stderr } = predict([path.join(images, '*0.png'), '--format', 'csv', '--top', '3']);
    assert.equal(status, 0, stderr);
    const [header, first, ...rest] = stdout.trim().split('\n');
    assert.equal(header, 'file,output,rank,class,probability');
    assert.match(first!, /^"[^"]*photo, 0\.png",prediction,1,[0-3],0\.\d+$/);
    assert.equal(rest.length, 8);
  });

  test('takes patterns with sets, and files and folders by their names, whatever signs these have', () => {
    const signs = path.join(folder, 'signs [1]');
    mkdirSync(signs);
    for (const name of ['7.png', 'x.png', '[x].png']) writeFileSync(path.join(signs, name), readFileSync(place(0)));
    const places = [path.join(signs, '[0-9]*.png'), path.join(signs, '[x].png'), signs];
    const { status, stdout, stderr } = predict([...places, '--format', 'json-lines', '--top', '1']);
    assert.equal(status, 0, stderr);
    assert.deepEqual(
      linesOf(stdout).map(({ file }) => path.relative(signs, file)),
      ['7.png', '[x].png', '7.png', '[x].png', 'x.png'],
    );
  });

  test('reports when nothing matches, and when two formats are requested', () => {
    const none = predict([path.join(images, '*.jpg')]);
    assert.deepEqual([none.status, /there are no images in/.test(none.stderr)], [1, true]);
    const two = predict([images, '--json', '--format', 'csv']);
    assert.deepEqual([two.status, /exclude each other/.test(two.stderr)], [2, true]);
  });
});

suite('DeitLT', () => {
  test('loads a published size whose heads are given although its name implies them', async () => {
    const file = path.join(folder, 'tiny.safetensors');
    using made = createModel('deit_tiny_distilled_patch16_224', { numClasses: 4 });
    torch.safetensors.save(file, made.stateDict());
    using loaded = await DeitLT.load(file, { settings: [...settings, 'student.model.numHeads=3'] });
    assert.equal((await loaded.classify(place(0), { top: 4 })).top.length, 4);
  });

  test('predicts the same as the command line, for paths and bytes, one after the other and all at once', async () => {
    using loaded = await DeitLT.load(model, { settings });
    const all = Array.from({ length: imageCount }, (_, i) => place(i));
    const wanted = linesOf(predict([images, '--format', 'json-lines', '--top', '4']).stdout);
    const alone: Opinion[] = [];
    for (const file of all) alone.push(await loaded.classify(file, { top: 4 }));
    const together = await Promise.all(
      [...all, ...all].map((file, i) => loaded.classify(i < imageCount ? file : readFileSync(file), { top: 4 })),
    );
    assert.deepEqual(together, [...alone, ...alone]);
    for (const [i, { file, ...opinion }] of wanted.entries()) {
      assert.equal(file, place(i));
      assertAlike(alone[i]!, opinion);
    }
    assert.ok(new Set(alone.map(({ top }) => top[0]!.probability)).size === imageCount, 'the images should differ');
    assert.deepEqual(loaded.classNames, ['0', '1', '2', '3']);
  });

  test('makes probabilities of cosines with the factor of the loss that they were trained by', async () => {
    const file = path.join(folder, 'ldam.safetensors');
    using network = createModel('resnet8', { numClasses: 4, cosine: true });
    torch.safetensors.save(file, network.stateDict());
    using classifier = await openClassifier(file, { settings });
    using loaded = await DeitLT.load(file, { settings });
    await using source = openPixels(fileImages(packPaths([place(0)])));
    const [ids, labels] = [new Int32Array(1), new Int32Array(1)];
    const loader = new Loader({ source, labels, pipeline: classifier.pipeline, ids, batchSize: 1 });
    const { top } = await loaded.classify(place(0), { top: 4 });
    for await (using batch of loader) {
      const wanted = classifier.logits(batch.images).avg.mul(30).softmax(1).toTypedArray();
      for (const { class: name, probability } of top)
        assert.ok(Math.abs(probability - wanted[Number(name)]!) < 1e-4, `${name}: ${probability}`);
    }
  });

  test('leaves no tensors behind', async () => {
    using loaded = await DeitLT.load(model, { settings });
    await loaded.classify(place(0));
    const before = await settledLiveTensors();
    await Promise.all(Array.from({ length: 20 }, () => loaded.classify(place(1))));
    const left = liveTensors() - before; // small constants are the collector's, but each call has tensors of its own
    assert.ok(left < 10, `${left} tensors are left of 20 calls`);
  });

  test('rejects what is not an image, and calls after dispose()', async () => {
    const loaded = await DeitLT.load(model, { settings });
    await assert.rejects(loaded.classify(Buffer.from('x')), {
      code: 'DATA_BAD_FILES',
      message: /the image is not an image/,
    });
    await assert.rejects(loaded.classify(path.join(folder, 'none.png')), {
      code: 'DATA_BAD_FILES',
      message: /none\.png/,
    });
    await assert.rejects(loaded.classify(place(0), { top: 0 }), { code: 'USAGE' });
    loaded.dispose();
    loaded.dispose();
    await assert.rejects(loaded.classify(place(0)), { code: 'USAGE', message: /was disposed/ });
  });
});

/** Batches of other sizes round in another way. */
function assertAlike(actual: Opinion, expected: Opinion): void {
  for (const output of ['top', 'cls', 'dist'] as const)
    for (const [i, { class: name, probability }] of expected[output]!.entries()) {
      assert.equal(actual[output]![i]!.class, name);
      assert.ok(Math.abs(actual[output]![i]!.probability - probability) < 1e-4, `${output} ${i}`);
    }
}
