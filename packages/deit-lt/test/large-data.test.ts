/** ImageNet-LT and iNaturalist-2018 in their published layouts: their lists, and their recipes on a few images. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import sharp from 'sharp';
import { exampleMachines } from '../src/cli/plan-page.js';
import { classCounts, type Dataset } from '../src/data/dataset.js';
import { type DatasetDescription, describeDataset } from '../src/data/describe.js';
import { openDataset } from '../src/data/open.js';
import { prepareData } from '../src/data/prepare-data.js';
import { planFor } from '../src/planning/plan.js';
import { stream } from '../src/random/stream.js';
import { completeRecipe, loadRecipe } from '../src/recipe/load.js';
import { trainAll } from '../src/training/train.js';
import { labelOfRank, listImages, publishedCounts, type shapes } from './helpers/large-layout.js';
import { temporaryFolder, write } from './helpers/temporary-folder.js';

type Layout = keyof typeof shapes;
const lists = {
  'imagenet-lt': { train: 'ImageNet_LT_train.txt', test: 'ImageNet_LT_test.txt' },
  'inaturalist-2018': { train: 'iNaturalist18_train.txt', test: 'iNaturalist18_val.txt' },
} as const;

/** The lists of a data set, and the first of its images. */
function listsOf(t: TestContext, name: Layout): { list: string; counts: Int32Array } {
  const root = temporaryFolder(t);
  const counts = publishedCounts(name);
  const [train, held]: [string[], string[]] = [[], []];
  listImages(name, counts, (file, label) => void train.push(`${file} ${label}\n`));
  listImages(name, new Int32Array(counts.length).fill(1), (file, label) => void held.push(`${file} ${label}\n`), 'v');
  write(path.join(root, lists[name].train), train.join(''));
  write(path.join(root, lists[name].test), held.join(''));
  for (const [first] of [train, held]) write(path.join(root, first!.split(' ')[0]!), '');
  return { list: path.join(root, lists[name].train), counts };
}

/** The description of listed files, of which none is read. */
async function describeListed(dataset: Dataset): Promise<DatasetDescription> {
  const side = { min: 100, median: 400, max: 1000 };
  const described = await describeDataset({ ...dataset, train: { ...dataset.train, images: noImages } });
  return { ...described, imageSizes: { width: side, height: side, looked: 0 }, kind: 'files' };
}

const noImages = { kind: 'memory', length: 0, width: 1, height: 1, pixels: new Uint8Array(), nameOf: String } as const;

suite('published lists', () => {
  for (const [name, recipe, bounds] of [
    ['imagenet-lt', 'imagenet-lt', [390, 835]],
    ['inaturalist-2018', 'inat2018', [842, 4543]],
  ] as const)
    test(`of ${name}: classes from the largest to the smallest, their groups, and the recipe`, async (t) => {
      const { list, counts } = listsOf(t, name);
      const dataset = await openDataset(list, { check: false });
      assert.equal(dataset.classNames.length, counts.length);
      assert.equal(dataset.test?.labels.length, counts.length);
      const plan = planFor(await describeListed(dataset), exampleMachines['eight GPUs']!, {
        seconds: null,
        goal: 'accuracy',
      });
      assert.equal(plan.rung.published?.recipe, recipe);
      const data = prepareData(dataset, completeRecipe({ ...plan.values }, { where: 'plan' }));
      assert.deepEqual([...data.trainCounts], [...counts]);
      assert.equal(data.classNames[1], String(labelOfRank(1, counts.length)));
      assert.deepEqual([data.groups.indexOf('mid'), data.groups.indexOf('tail')], bounds);
      assert.deepEqual(
        [data.groups.lastIndexOf('head'), data.groups.lastIndexOf('mid')],
        bounds.map((bound) => bound - 1),
      );
    });
});

const perClass = [9, 6, 4, 2];

/** A photograph of noise about a colour. */
async function photograph(file: string, label: number, seed: number): Promise<void> {
  const random = stream(seed, 'draw');
  const pixels = Uint8Array.from({ length: 48 * 40 * 3 }, (_, i) => (i % 3 === label % 3 ? 200 : 40) + random.int(50));
  fs.mkdirSync(path.dirname(file), { recursive: true });
  await sharp(pixels, { raw: { width: 48, height: 40, channels: 3 } })
    .jpeg()
    .toFile(file);
}

interface Small {
  readonly images: { readonly file: string; readonly label: number }[];
  readonly root: string;
}

/** A few images in the layout. */
async function small(
  t: TestContext,
  name: Layout,
  tag: string,
  counts: readonly number[],
  root = temporaryFolder(t),
): Promise<Small> {
  const images: Small['images'] = [];
  listImages(name, Int32Array.from(counts), (file, label) => void images.push({ file, label }), tag);
  for (const [i, { file, label }] of images.entries()) await photograph(path.join(root, file), label, i);
  return { images, root };
}

/** Networks and images that a processor trains in a moment; all else stays as in the recipe. */
const cut = [
  'precision=float32',
  'device=cpu',
  'data.groups=auto',
  'evaluation.select=last',
  'teacher.model.name=resnet20',
  'teacher.imageSize=40',
  'teacher.epochs=2',
  'teacher.batchSize=8',
  'teacher.schedule.warmupEpochs=1',
  'student.model={replace: true, name: deit, patchSize: 8, embedDim: 48, depth: 2, numHeads: 2}',
  'student.imageSize=40',
  'student.epochs=2',
  'student.batchSize=8',
  'student.sampler=repeated-augmentation', // the published one needs 256 images
  'student.drw.epoch=1',
  'student.schedule.warmupEpochs=1',
];

async function trainsBy(t: TestContext, name: string, dataset: Dataset, more: readonly string[]): Promise<void> {
  const recipe = loadRecipe(name, { settings: [...cut, ...more] });
  const folder = path.join(temporaryFolder(t), 'run');
  const { teacher, student } = await trainAll({ dataset, recipe, folder });
  for (const { evaluation } of [teacher, student]) assert.equal(evaluation?.avg.images, 4);
  const { data } = JSON.parse(fs.readFileSync(path.join(folder, 'student/config.json'), 'utf8')) as {
    data: { trainCounts: number[] };
  };
  assert.deepEqual(data.trainCounts, perClass);
}

suite('recipes of the large data sets', () => {
  test('imagenet-lt trains on list files', async (t) => {
    const { images, root } = await small(t, 'imagenet-lt', '', perClass);
    const held = await small(t, 'imagenet-lt', 'v', [1, 1, 1, 1], root);
    const text = (of: Small['images']): string => of.map(({ file, label }) => `${file} ${label}\n`).join('');
    write(path.join(root, 'ImageNet_LT_train.txt'), text(images));
    write(path.join(root, 'ImageNet_LT_test.txt'), text(held.images));
    const dataset = await openDataset(path.join(root, 'ImageNet_LT_train.txt'), {
      cacheDir: temporaryFolder(t),
      checkFiles: 'headers',
    });
    assert.notDeepEqual([...classCounts(dataset.train.labels, 4)], perClass, 'the classes are not in order');
    await trainsBy(t, 'imagenet-lt', dataset, ['teacher.drw.epoch=1']);
  });

  test('inat2018-paco trains on annotations', async (t) => {
    const { images, root } = await small(t, 'inaturalist-2018', '', perClass);
    const held = await small(t, 'inaturalist-2018', 'v', [1, 1, 1, 1], root);
    const json = (of: Small['images']): string =>
      JSON.stringify({
        images: of.map(({ file }, id) => ({ id, file_name: file })),
        annotations: of.map(({ label }, id) => ({ id, image_id: id, category_id: label })),
        categories: perClass.map((_, id) => ({ id, name: `species ${id}` })),
      });
    write(path.join(root, 'train2018.json'), json(images));
    write(path.join(root, 'val2018.json'), json(held.images));
    const dataset = await openDataset(path.join(root, 'train2018.json'), {
      cacheDir: temporaryFolder(t),
      checkFiles: 'headers',
    });
    await trainsBy(t, 'inat2018-paco', dataset, ['teacher.loss.queue=32', 'teacher.loss.batchNormParts=2']);
  });
});
