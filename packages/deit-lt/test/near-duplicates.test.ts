/** Near duplicates across splits: copies that Pillow made of training images are found, other images are not. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { fileSplit } from '../src/data/file-split.js';
import { materialize } from '../src/data/image-files.js';
import { findNearDuplicates } from '../src/data/near-duplicates/near-duplicates.js';
import { pillow, skipPillow } from './helpers/pillow.js';
import { deitLt } from './helpers/standing-process.js';
import { temporaryFolder } from './helpers/temporary-folder.js';

torch.setNumThreads(1);
const originals = 24;
const unrelated = 24;

/**
 * Writes textures with structure at all scales, as photographs have (amplitude ~ 1/frequency), in `train` (files 0 … 23) and unrelated ones in
 * `test`, with a copy of each training image by each change. Returns the names of the copies by the change.
 */
const draw = `
import io, os
rng = np.random.default_rng(7)
def picture(w, h):
    fy, fx = np.meshgrid(np.fft.fftfreq(h), np.fft.rfftfreq(w), indexing='ij')
    amplitude = 1 / np.maximum(np.hypot(fx, fy), 1 / 64) ** 1.1
    planes = [np.fft.irfft2(amplitude * np.exp(2j * np.pi * rng.random(fx.shape)), s=(h, w)) for _ in range(4)]
    colours = np.stack([planes[0] + 0.4 * plane for plane in planes[1:]], -1)
    return Image.fromarray(np.clip(128 + 50 * (colours - colours.mean()) / colours.std(), 0, 255).astype(np.uint8))
def jpeg(image, quality):
    file = io.BytesIO(); image.save(file, 'JPEG', quality=quality); return Image.open(io.BytesIO(file.getvalue())).convert('RGB')
def crop(image, l, t, r, b):
    w, h = image.size; return image.crop((round(l * w), round(t * h), round((1 - r) * w), round((1 - b) * h)))
changes = {
    'half': lambda x: x.resize((x.width // 2, x.height // 2), Image.LANCZOS),
    'small': lambda x: x.resize((40, 30), Image.BILINEAR),
    'jpeg 30': lambda x: jpeg(x, 30),
    'crop all': lambda x: crop(x, .04, .04, .04, .04),
    'crop corner': lambda x: crop(x, .04, .04, 0, 0),
    'brighter': lambda x: x.point(lambda v: min(255, int(v * 1.1 + 5))),
    'all of it': lambda x: jpeg(crop(x, .03, .02, .02, .04).resize((96, 72), Image.BICUBIC), 60),
}
out = {name: [] for name in changes}
for folder in ('train', 'test'): os.makedirs(os.path.join(given['folder'], folder, 'a'))
place = lambda *names: os.path.join(given['folder'], *names)
for i in range(given['originals']):
    image = picture(160, 120)
    image.save(place('train', 'a', f'{i:02}.png'))
    for name, change in changes.items():
        file = place('test', 'a', f'{name} {i:02}.png'); change(image).save(file); out[name].append(file)
for i in range(given['unrelated']): picture(160, 120).save(place('test', 'a', f'unrelated {i:02}.png'))
`;

suite('findNearDuplicates()', { skip: skipPillow }, () => {
  test('finds resized, compressed and cropped copies, and nothing else', async (t) => {
    const folder = temporaryFolder(t);
    const copies = pillow<Record<string, string[]>>(draw, { folder, originals, unrelated });
    const filesIn = (name: string): string[] =>
      fs.readdirSync(path.join(folder, name, 'a')).map((file) => path.join(folder, name, 'a', file));
    const [trainFiles, testFiles] = [filesIn('train'), filesIn('test')];
    const train = fileSplit(trainFiles, new Array<number>(trainFiles.length).fill(0));
    const labels = new Array<number>(testFiles.length).fill(0);
    const found = await findNearDuplicates({ name: 'x', classNames: ['a'], train, test: fileSplit(testFiles, labels) });
    assert.equal(found.images, trainFiles.length + testFiles.length);
    const originalOf = new Map(found.pairs.map((pair) => [pair.test.name, pair]));
    for (const [change, files] of Object.entries(copies)) {
      const right = files.filter((file, i) => originalOf.get(file)?.train.name === trainFiles[i]);
      assert.ok(right.length >= 0.95 * originals, `${change}: ${right.length} of ${originals}`);
    }
    const wrong = found.pairs.filter((pair) => path.basename(pair.test.name).startsWith('unrelated'));
    assert.deepEqual(wrong, []);
    assert.ok(found.pairs.every(({ distance }, i, all) => i === 0 || distance >= all[i - 1]!.distance));
  });

  test('is named by deit-lt inspect, beside equal images, unless it is switched off', (t) => {
    const folder = temporaryFolder(t);
    pillow(draw, { folder, originals: 4, unrelated: 2 });
    fs.mkdirSync(path.join(folder, 'train', 'b'));
    for (const [from, to] of [
      ['test/a/unrelated 01.png', 'train/b/equal.png'],
      ['test/a/unrelated 00.png', 'test/a/again.png'],
    ] as const)
      fs.copyFileSync(path.join(folder, from), path.join(folder, to));
    const { stdout, status } = deitLt(['inspect', folder, '--no-speed']);
    assert.equal(status, 0);
    assert.match(stdout, /^duplicates {2}2 sets of equal images; 1 test image also in the training set/m);
    assert.match(stdout, /^near {8}28 test images look like a training image in another form/m);
    assert.match(stdout, /0\.0\d\d {2}test \S.*\.png ~ train \S.*\.png\n/);
    const json = JSON.parse(deitLt(['inspect', folder, '--no-speed', '--json']).stdout);
    assert.equal(json.nearDuplicates.pairs.length, 28);
    const off = deitLt(['inspect', folder, '--no-speed', '--near-duplicates', 'no']);
    assert.match(off.stdout, /^near {8}not compared; --near-duplicates yes decodes all images$/m);
  });

  test('compares images in memory as files, and even ones with none', async (t) => {
    const folder = temporaryFolder(t);
    pillow(draw, { folder, originals: 2, unrelated: 1 });
    const at = (name: string): string => path.join(folder, name);
    const train = await materialize(fileSplit([at('train/a/00.png'), at('train/a/01.png')], [0, 0]));
    const found = await findNearDuplicates({
      ...{ name: 'x', classNames: ['a'], train },
      test: fileSplit([at('test/a/small 01.png'), at('test/a/unrelated 00.png')], [0, 0]),
    });
    assert.deepEqual(
      found.pairs.map((pair) => [pair.test.index, pair.train.index]),
      [[0, 1]],
    );
    const even = { kind: 'memory', length: 2, width: 4, height: 4, nameOf: String } as const;
    const grey = { images: { ...even, pixels: new Uint8Array(96).fill(9) }, labels: Int32Array.of(0, 0) };
    const none = await findNearDuplicates({ name: 'x', classNames: ['a'], train: grey, test: grey });
    assert.deepEqual(none.pairs, []);
    assert.deepEqual(await findNearDuplicates({ name: 'x', classNames: ['a'], train }), { pairs: [], images: 0 });
  });

  test('names a file that cannot be read', async (t) => {
    const folder = temporaryFolder(t);
    const file = path.join(folder, 'bad.png');
    fs.writeFileSync(file, 'not an image');
    const split = fileSplit([file], [0]);
    await assert.rejects(findNearDuplicates({ name: 'x', classNames: ['a'], train: split, test: split }), /bad\.png/);
  });
});
