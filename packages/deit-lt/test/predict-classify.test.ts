/** The command line and the library say the same of files of every kind, on whatever background. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import sharp, { type Sharp } from 'sharp';
import { DeitLT } from '../src/deit-lt.js';
import type { Opinion } from '../src/evaluation/ranking.js';
import { createModel } from '../src/models/index.js';
import { pillow, skipPillow } from './helpers/pillow.js';
import { deitLt } from './helpers/standing-process.js';

torch.setNumThreads(1);
const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-agree-'));
const model = path.join(folder, 'model.safetensors');
const images = path.join(folder, 'images');
const at = (name: string): string => path.join(images, name);

/** Waves, so that resized images differ from one another; channel 4 is transparency. */
function picture(width: number, height: number, channels: 3 | 4 = 3): Sharp {
  const pixels = new Uint8Array(width * height * channels);
  for (let i = 0; i < pixels.length; i++) {
    const [x, y, c] = [Math.floor(i / channels) % width, Math.floor(i / channels / width), i % channels];
    pixels[i] = 128 + 120 * Math.sin(((c + 1) * 9 * x) / width + ((5 - c) * 7 * y) / height);
  }
  return sharp(pixels, { raw: { width, height, channels } });
}

async function writeImages(): Promise<void> {
  await picture(1600, 1200).jpeg().toFile(at('large.jpg')); // decoded at a quarter of its size
  await picture(1600, 1200).withMetadata({ orientation: 7 }).jpeg().toFile(at('large-turned.jpg'));
  await picture(1600, 1200).jpeg().toFile(at('large.jfif'));
  await picture(300, 200).toColourspace('cmyk').jpeg().toFile(at('inks.jpg'));
  await picture(90, 130).withMetadata({ orientation: 6 }).png().toFile(at('turned.png'));
  for (const name of ['clear.png', 'clear.gif', 'clear.webp', 'clear.tif']) await picture(90, 70, 4).toFile(at(name));
  await picture(70, 90).avif().toFile(at('image.avif'));
  if (skipPillow) return;
  const code = readFileSync(path.resolve(import.meta.dirname, '../../test/helpers/pillow-images.py'), 'utf8');
  pillow(code, { folder: images });
}

suite('predict and DeitLT.classify()', () => {
  before(async () => {
    torch.manualSeed(3);
    using made = createModel('deit', { numClasses: 4, embedDim: 64, depth: 1, imageSize: 64, patchSize: 16 });
    torch.tidy(() => torch.noGrad(() => made.parameters().forEach((each) => void each.mul_(5))));
    torch.safetensors.save(model, made.stateDict());
    mkdirSync(images);
    await writeImages();
  });
  after(() => rmSync(folder, { recursive: true }));

  const cases = [
    { name: 'every file', files: '', more: [] },
    { name: 'transparent files on green', files: 'clear*', more: ['data.background=[0,200,0]'] },
  ];
  for (const { name, files, more } of cases)
    test(`agree on ${name}`, async () => {
      const settings = ['precision=float32', 'device=cpu', ...more];
      const words = ['predict', model, at(files), '--format', 'json-lines', '--top', '4', '--set', ...settings];
      const { status, stdout, stderr } = deitLt(words);
      assert.equal(status, 0, stderr);
      const said = new Map<string, Opinion>();
      for (const line of stdout.trim().split('\n')) {
        const { file, ...opinion } = JSON.parse(line) as Opinion & { file: string };
        said.set(path.basename(file), opinion);
      }
      const expected = readdirSync(images).filter((file) => files === '' || file.startsWith('clear'));
      assert.deepEqual([...said.keys()].sort(), expected.sort());
      using loaded = await DeitLT.load(model, { settings });
      for (const [file, opinion] of said) {
        assertAlike(await loaded.classify(at(file), { top: 4 }), opinion, file);
        assertAlike(await loaded.classify(readFileSync(at(file)), { top: 4 }), opinion, `the bytes of ${file}`);
      }
    });

  test('the background decides, the hidden colours do not', async () => {
    const one = async (name: string, level: number): Promise<void> => {
      const pixels = Buffer.from(
        Array.from({ length: 40 * 40 }, (_, i) => [level, level, level, i % 3 ? 0 : 255]).flat(),
      );
      for (let i = 0; i < pixels.length; i += 12) pixels.set([200, 90, 10], i); // what is seen
      await sharp(pixels, { raw: { width: 40, height: 40, channels: 4 } }).toFile(path.join(folder, name));
    };
    await one('black-below.png', 0);
    await one('white-below.png', 255);
    const opinionOn = async (name: string, ...more: string[]): Promise<Opinion> => {
      using loaded = await DeitLT.load(model, { settings: ['precision=float32', 'device=cpu', ...more] });
      return await loaded.classify(path.join(folder, name), { top: 4 });
    };
    const white = await opinionOn('black-below.png');
    assert.deepEqual(white, await opinionOn('white-below.png'));
    assert.notDeepEqual(white, await opinionOn('white-below.png', 'data.background=[0,0,0]'));
  });

  test('refuse the same files for the same reasons', async () => {
    const whole = readFileSync(at('large.jpg'));
    const bad = path.join(folder, 'bad');
    mkdirSync(bad);
    writeFileSync(path.join(bad, 'cut.jpg'), whole.subarray(0, whole.length / 2));
    writeFileSync(path.join(bad, 'drawing.png'), '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    writeFileSync(path.join(bad, 'empty.gif'), '');
    const settings = ['precision=float32', 'device=cpu'];
    const { status, stderr } = deitLt(['predict', model, bad, '--set', ...settings]);
    assert.equal(status, 1);
    using loaded = await DeitLT.load(model, { settings });
    for (const name of readdirSync(bad)) {
      const reason = new RegExp(`${name}: (.*)`).exec(stderr)?.[1];
      assert.ok(reason, stderr);
      const refused = { code: 'DATA_BAD_FILES', message: `${path.join(bad, name)} ${reason}` };
      await assert.rejects(loaded.classify(path.join(bad, name)), refused);
    }
  });
});

/** Batches of other sizes round in another way. */
function assertAlike(actual: Opinion, expected: Opinion, name: string): void {
  for (const output of ['top', 'cls', 'dist'] as const) {
    const found = new Map(actual[output]!.map((each) => [each.class, each.probability]));
    for (const { class: one, probability } of expected[output]!)
      assert.ok(
        Math.abs(found.get(one)! - probability) < 1e-4,
        `${name}, ${output} ${one}: ${found.get(one)}, ${probability}`,
      );
  }
}
