#!/usr/bin/env node
/**
 * Draws docs/images/augmentations.png: the same 16 images through every operation, every augmentation and the pipelines
 * of a recipe. Run it after `npm run build`.
 *
 *   node packages/deit-lt/scripts/contact-sheet.mjs [DATA] [--recipe NAME] [--out FILE]
 *
 * DATA is what `deit-lt train` takes; without it the embedded shapes.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import * as torch from '@deit-lt/torch';
import sharp from 'sharp';

import { centerWindow } from '../dist/src/augment/center-crop.js';
import { cutmixOf, mixImages } from '../dist/src/augment/mixup.js';
import { applyPlans } from '../dist/src/augment/ops.js';
import { augmentations, buildPipeline, windowNames } from '../dist/src/augment/registry.js';
import { Loader } from '../dist/src/data/loader.js';
import { openDataset } from '../dist/src/data/open.js';
import { openPixels } from '../dist/src/data/open-pixels.js';
import { drawShapes } from '../dist/src/data/shapes/index.js';
import { loadRecipe } from '../dist/src/recipe/load.js';
import { trainingPipeline } from '../dist/src/training/training-pipeline.js';

const columns = 16;
const gap = 2;
const labelWidth = 190;
const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Each operation with an argument that shows what it does; several for those with two directions. */
const operations = [
  ['autocontrast', [0]],
  ['equalize', [0]],
  ['invert', [0]],
  ['posterize', [1, 2, 4]],
  ['solarize', [64, 128, 192]],
  ['solarizeAdd', [40, 80, 110]],
  ['color', [0.1, 0.5, 1.5, 1.9]],
  ['contrast', [0.1, 0.5, 1.5, 1.9]],
  ['brightness', [0.3, 0.6, 1.4, 1.9]],
  ['sharpness', [0.1, 0.5, 1.5, 1.9]],
  ['hue', [-0.3, -0.1, 0.1, 0.3]],
  ['grayscale', [0]],
  ['gaussianBlur', [0.5, 1, 1.5, 2]],
  ['rotate', [-27, -10, 10, 27]],
  ['shearX', [-0.3, -0.1, 0.1, 0.3]],
  ['shearY', [-0.3, -0.1, 0.1, 0.3]],
  ['translateX', [-0.4, -0.2, 0.2, 0.4]],
  ['translateY', [-0.4, -0.2, 0.2, 0.4]],
];

/** Options under which an augmentation changes every image; those without an entry show their defaults. */
const shown = {
  flip: { probability: 1 },
  verticalFlip: { probability: 1 },
  randomAffine: { degrees: 20, shear: 0.2, translate: 0.1 },
  colorJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
  randomErasing: { probability: 1 },
};

/** Augmentations that are one operation of the list above on a share of the images. */
const single = new Set(['grayscale', 'gaussianBlur', 'solarize', 'posterize', 'wholeImage', 'centerCrop']);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { recipe: { type: 'string', default: 'default' }, out: { type: 'string' } },
});
const out = values.out ?? path.resolve(import.meta.dirname, '../../../docs/images/augmentations.png');
const recipe = loadRecipe(values.recipe);
const { images, labels } = await chosenImages(positionals[0]);
const source = openPixels(images);
const ids = Int32Array.from({ length: columns }, (_, i) => i);
const tile = images.kind === 'memory' && images.width <= 48 ? images.width : 64;

/** @type {{ label: string, pixels: Uint8Array }[]} rows of the sheet */
const rows = [];
const plain = await read({
  size: tile,
  filter: 'bicubic',
  window: (w, h) => centerWindow(w, h, tile, 1),
  transforms: [],
});
add('original', plain);
drawOperations();
await drawAugmentations();
await drawPipelines();
await source[Symbol.asyncDispose]();
await save();

/** 16 images, of as many classes as there are. */
async function chosenImages(data) {
  const { test, train, classNames } =
    data === undefined ? drawShapes({ trainPerClass: 0, testPerClass: 2 }) : await openDataset(data);
  const split = test ?? train;
  const byClass = classNames.map((_, c) => [...split.labels.keys()].filter((id) => split.labels[id] === c));
  const ids = Array.from({ length: columns }, (_, i) => {
    const ofClass = byClass[i % byClass.length];
    return ofClass[Math.floor(i / byClass.length) % ofClass.length];
  });
  const { subset } = await import('../dist/src/data/dataset.js');
  return subset(split, Int32Array.from(ids));
}

/** The 16 images as a pipeline makes them, each view for itself. */
async function readViews(pipeline, seed = 0) {
  const loader = new Loader({ source, labels, pipeline, ids, batchSize: columns, seed });
  for await (const { images, more } of loader) return [images, ...more];
  throw new Error('internal: no batch');
}

async function read(pipeline, seed = 0) {
  const [images] = await readViews(pipeline, seed);
  return images;
}

/** A row of images of levels 0…255, or normalised ones. */
function add(label, images, normalisation) {
  const pixels = torch.tidy(() => {
    const sized = images.size(3) === tile ? images : resized(images, tile);
    const levels = normalisation ? denormalised(sized, normalisation) : sized;
    return levels.round().clamp(0, 255).permute(0, 2, 3, 1).contiguous().to('uint8').toTypedArray();
  });
  rows.push({ label, pixels });
}

function denormalised(images, { mean, std }) {
  const perChannel = (values) => torch.tensor([...values]).view([1, 3, 1, 1]);
  return images.mul(perChannel(std)).add(perChannel(mean)).mul(255);
}

function resized(images, size) {
  return torch.nn.functional.interpolate(images, { size, mode: 'bicubic', antialias: true });
}

function drawOperations() {
  const fill = imageNet.mean.map((value) => Math.round(255 * value));
  for (const [op, args] of operations) {
    const choices = Array.from({ length: columns }, (_, i) => [{ op, arg: args[i % args.length] }]);
    add(args.length > 1 ? `${op}: ${args.join(', ')}` : op, applyPlans(plain, choices, { fill }));
  }
}

async function drawAugmentations() {
  const context = { size: tile, ...imageNet, filter: 'bicubic' };
  for (const name of Object.keys(augmentations).filter((name) => !single.has(name))) {
    const window = windowNames.includes(name) ? {} : { centerCrop: { enlarge: 1 } };
    const variants = name === 'randomErasing' ? ['pixel', 'rand', 'const'].map((fill) => ({ fill })) : [{}];
    for (const variant of variants) {
      const options = { ...shown[name], ...variant };
      const pipeline = buildPipeline({ ...window, [name]: options }, context);
      const detail = Object.values(variant).join('');
      add(detail === '' ? name : `${name}, ${detail}`, await read(pipeline), imageNet);
    }
  }
}

async function drawPipelines() {
  const { student, teacher } = recipe;
  const pipeline = trainingPipeline(student);
  const views = await readViews(pipeline);
  add('student', views[0], student);
  add('student, next epoch', await read(pipeline, 1), student);
  const side = views[0].size(3);
  const half = Math.round(side / 2);
  const box = { top: Math.round(side / 8), left: Math.round(side / 4), height: half, width: half };
  const mixes = [
    ['Mixup', { kind: 'mixup', lambda: 0.65 }],
    ['CutMix', cutmixOf(box, side, side)],
  ];
  for (const [name, mix] of mixes) {
    const mixed = mixImages(views[0], [mix]);
    add(`student, ${name}`, mixed, student);
    if (teacher.imageSize < side) add(`… as the teacher sees it`, resized(mixed, teacher.imageSize), student);
  }
  const crops = {
    ...student,
    multiCrop: { global: 2, local: 2, globalScale: [0.4, 1], localSize: 96, localScale: [0.05, 0.4] },
  };
  const several = await readViews(trainingPipeline(crops));
  for (const [v, name] of ['multi-crop, global', '', 'multi-crop, local', ''].entries())
    if (name !== '') add(name, several[v], student);
  for (const preset of ['deit3', 'paco-query', 'paco-key', 'eval'])
    add(`preset ${preset}`, await read(buildPipeline({ preset }, { ...student, size: tile })), student);
  add('teacher in training', await read(trainingPipeline(teacher)), teacher);
}

async function save() {
  const cell = tile + gap;
  const [width, height] = [labelWidth + columns * cell, gap + rows.length * cell];
  const tiles = rows.flatMap(({ pixels }, row) =>
    Array.from({ length: columns }, (_, i) => ({
      input: Buffer.from(pixels.subarray(i * tile * tile * 3, (i + 1) * tile * tile * 3)),
      raw: { width: tile, height: tile, channels: 3 },
      left: labelWidth + i * cell,
      top: gap + row * cell,
    })),
  );
  const sheet = await sharp({ create: { width, height, channels: 3, background: 'white' } })
    .composite([{ input: Buffer.from(labelsSvg(width, height, cell)), left: 0, top: 0 }, ...tiles])
    .removeAlpha()
    .raw()
    .toBuffer();
  const image = sharp(sheet, { raw: { width, height, channels: 3 } });
  // 256 colours: a third of the size, and hardly to be seen in so small images.
  const { size } = await image
    .png({ palette: true, colours: 256, dither: 0.5, compressionLevel: 9, effort: 10 })
    .toFile(out);
  console.log(`${out}: ${rows.length} rows, ${width} × ${height} pixels, ${Math.round(size / 1000)} kB`);
}

function labelsSvg(width, height, cell) {
  const texts = rows.map(({ label }, row) => {
    const y = gap + row * cell + tile / 2 + 4;
    return `<text x="${labelWidth - 8}" y="${y}" text-anchor="end">${label}</text>`;
  });
  const style = 'font-family="DejaVu Sans, Arial, sans-serif" font-size="11" fill="#222"';
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ${style}>${texts.join('')}</svg>`;
}
