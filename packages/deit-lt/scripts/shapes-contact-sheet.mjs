#!/usr/bin/env node
/** Draws docs/images/shapes.png: a row for each class, 16 test images in each, enlarged. Run it after `npm run build`. */
import path from 'node:path';
import sharp from 'sharp';
import { drawShapes } from '../dist/src/data/shapes/index.js';

const columns = 16;
const zoom = 2;
const gap = 2;

const target = path.resolve(import.meta.dirname, '../../../docs/images/shapes.png');
const { classNames, test } = drawShapes({ trainPerClass: 0, testPerClass: columns });
const { width, height, pixels } = test.images;
const tile = { width: zoom * width, height: zoom * height };

const tiles = Array.from(test.labels, async (label, i) => ({
  input: await sharp(pixels.subarray(i * width * height * 3, (i + 1) * width * height * 3), {
    raw: { width, height, channels: 3 },
  })
    .resize({ ...tile, kernel: 'nearest' })
    .png()
    .toBuffer(),
  left: gap + Math.floor(i / classNames.length) * (tile.width + gap),
  top: gap + label * (tile.height + gap),
}));

await sharp({
  create: {
    width: gap + columns * (tile.width + gap),
    height: gap + classNames.length * (tile.height + gap),
    channels: 3,
    background: 'white',
  },
})
  .composite(await Promise.all(tiles))
  .png({ compressionLevel: 9 })
  .toFile(target);
console.log(target);
