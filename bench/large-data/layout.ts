/** A tree of linked files in the shape of iNaturalist-2018, and its three descriptions: list files, annotations, folders. */
import fs from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { LinkedFiles, listImages, publishedCounts } from '#deit-lt-test/helpers/large-layout.js';

export const layout = 'inaturalist-2018';

/** Images in each file of the tree, of each test class, in pixels. */
const testPerClass = 3;
const side = { width: 64, height: 48 };

/** The class sizes of iNaturalist-2018 times `images` by its number of images, at least one each. */
export function countsFor(images: number): Int32Array {
  const published = publishedCounts(layout);
  const factor = images / published.reduce((a, b) => a + b, 0);
  return published.map((count) => Math.max(1, Math.round(count * factor)));
}

interface Image {
  readonly file: string;
  readonly label: number;
}

/** Writes `root/train/…`, `root/test/…`, `train.txt`, `test.txt`, `train.json` and `val.json`. */
export async function writeLayout(root: string, images: number): Promise<{ train: number; test: number }> {
  const counts = countsFor(images);
  const train = imagesOf('train', counts);
  const test = imagesOf('test', new Int32Array(counts.length).fill(testPerClass));
  const noise = { type: 'gaussian', mean: 128, sigma: 40 } as const;
  const content = await sharp({ create: { ...side, channels: 3, background: 'grey', noise } })
    .jpeg()
    .toBuffer();
  const files = new LinkedFiles(root, content);
  for (const { file } of [...train, ...test]) files.add(file);
  describe(path.join(root, 'train'), train, counts.length);
  describe(path.join(root, 'test'), test, counts.length);
  fs.renameSync(path.join(root, 'test.json'), path.join(root, 'val.json'));
  return { train: train.length, test: test.length };
}

function imagesOf(split: 'train' | 'test', counts: Int32Array): Image[] {
  const images: Image[] = [];
  const add = (file: string, label: number): void => {
    images.push({ file: `${split}/${file.split('/').slice(2).join('/')}`, label });
  };
  listImages(layout, counts, add, split === 'test' ? 'v' : '');
  return images;
}

/** `base.txt` and `base.json`. */
function describe(base: string, images: readonly Image[], classes: number): void {
  fs.writeFileSync(`${base}.txt`, images.map(({ file, label }) => `${file} ${label}\n`).join(''));
  const json = {
    images: images.map(({ file }, id) => ({ id, file_name: file, ...side, license: 3, rights_holder: 'somebody' })),
    annotations: images.map(({ label }, id) => ({ id, image_id: id, category_id: label })),
    categories: Array.from({ length: classes }, (_, id) => ({ id, name: String(id), supercategory: 'any' })),
  };
  fs.writeFileSync(`${base}.json`, JSON.stringify(json));
}
