/** `data.background`: what transparent images are composed on, from the recipe to the pixels, in memory, in files and in the cache. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import sharp from 'sharp';
import { backgroundOfOptions } from '../src/cli/background.js';
import type { Rgb } from '../src/data/decode/background.js';
import { openDataset } from '../src/data/open.js';
import { prepareData, type TrainingData } from '../src/data/prepare-data.js';
import { checkRecipe, loadRecipe, recipeNames } from '../src/recipe/load.js';
import { movedClock } from './helpers/moved-clock.js';
import { temporaryFolder } from './helpers/temporary-folder.js';

const black: Rgb = [0, 0, 0];
const half = { r: 200, g: 100, b: 50, alpha: 0.5 };

/** Two classes of two transparent images, of one size or of two. */
async function writeImages(t: TestContext, sizes: readonly number[]): Promise<string> {
  const root = temporaryFolder(t);
  for (const name of ['train/a', 'train/b', 'test/a']) {
    mkdirSync(path.join(root, name), { recursive: true });
    for (const [i, width] of sizes.entries())
      await sharp({ create: { width, height: 20, channels: 4, background: half } }).toFile(
        path.join(root, name, `${i}.png`),
      );
  }
  return root;
}

/** The first pixel of the first training image, as a training gets it. */
async function firstPixel({ train: { source } }: TrainingData): Promise<number[]> {
  await using pixels = source;
  const ids = Int32Array.of(0);
  await pixels.measure?.(ids);
  const window = { x: 0, y: 0, width: 4, height: 4, flip: false };
  using images = await pixels.read(ids, [window], 4, 'bilinear');
  return [0, 1, 2].map((c) => images.select(1, c).max().item() as number);
}

const recipeOn = (background: Rgb) =>
  loadRecipe('quickstart', {
    settings: [
      `data.background=[${background}]`,
      'data.imbalance=null',
      'data.groups=auto',
      'data.validation=0',
      'evaluation.select=last',
    ],
  });

suite('data.background', () => {
  for (const [what, sizes] of Object.entries({ 'images in memory': [20, 20], 'image files': [20, 30] }))
    test(`is what a training sees below ${what}`, async (t) => {
      const root = await writeImages(t, sizes);
      for (const [background, expected] of [
        [
          [255, 255, 255],
          [227, 177, 152],
        ],
        [black, [100, 50, 25]],
      ] as const) {
        const dataset = await openDataset(root, { background, cacheDir: temporaryFolder(t) });
        assert.equal(dataset.train.images.kind, sizes[0] === sizes[1] ? 'memory' : 'files');
        assert.deepEqual(dataset.train.images.background, background);
        const found = await firstPixel(prepareData(dataset, recipeOn(background)));
        found.forEach((level, c) => {
          assert.ok(Math.abs(level - expected[c]!) <= 1, `${found}`);
        });
      }
    });

  test('of decoded images must be that of the recipe', async (t) => {
    const root = await writeImages(t, [20, 20]);
    const dataset = await openDataset(root, { cacheDir: temporaryFolder(t) });
    const refused = {
      code: 'RECIPE',
      message: /background \[255,255,255\], but data\.background of the recipe is \[0,0,0\]/,
    };
    assert.throws(() => prepareData(dataset, recipeOn(black)), refused);
  });

  test('belongs to what the cache remembers', async (t) => {
    const root = temporaryFolder(t);
    for (const name of ['a', 'b']) {
      mkdirSync(path.join(root, name));
      const content = await sharp({ create: { width: 4, height: 4, channels: 4, background: half } })
        .png()
        .toBuffer();
      for (let i = 0; i < 510; i++) writeFileSync(path.join(root, name, `${i}.png`), content);
    }
    movedClock(t).pass(2100); // pixels of files that were changed less than two seconds ago are not kept
    const cacheDir = temporaryFolder(t);
    const first = async (background: Rgb): Promise<number> => {
      const { images } = (await openDataset(root, { background, cacheDir })).train;
      return images.kind === 'memory' ? images.pixels[0]! : -1;
    };
    const [onBlack, onWhite] = [await first(black), await first([255, 255, 255])];
    assert.ok(onBlack < 110 && onWhite > 220, `${onBlack}, ${onWhite}`);
    assert.equal(readdirSync(path.join(cacheDir, 'decoded')).length, 2);
    assert.equal(await first(black), onBlack);
  });

  test('is a colour, white by default, and in all recipes that data can choose', () => {
    const recipe = loadRecipe('default');
    assert.deepEqual(recipe.data.background, [255, 255, 255]);
    for (const wrong of [[0, 0], [0, 0, 256], [0.5, 0, 0], 'white'])
      assert.throws(() => checkRecipe({ ...recipe, data: { ...recipe.data, background: wrong } }, 'recipe'), {
        code: 'RECIPE',
        message: /data\.background/,
      });
    for (const name of recipeNames()) assert.deepEqual(loadRecipe(name).data.background, [255, 255, 255], name);
    assert.deepEqual(backgroundOfOptions({ set: ['data.background=[1,2,3]'] }), [1, 2, 3]);
    assert.deepEqual(backgroundOfOptions({ recipe: 'quickstart', set: ['data.background=[1,2,3]'] }), [1, 2, 3]);
  });
});
