import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import {
  binaryFiles,
  labelOf,
  layoutOf,
  pixelOf,
  planesOf,
  writeArchive,
  writeFolder,
} from '../../../test/helpers/cifar.js';
import { longString, numpyArray, python2Files } from '../../../test/helpers/cifar-pickles.js';
import { temporaryFolder, write } from '../../../test/helpers/temporary-folder.js';
import type { Dataset } from '../dataset.js';
import { openDataset } from '../open.js';
import { readCifarArchive } from './files.js';
import { type CifarLayout, imageBytes } from './layouts.js';
import { readCifar } from './read.js';

const quiet = { onProgress: () => {}, signal: undefined };

/** Pixels, labels and names of all images that `binaryFiles` and the like have written. */
function assertWhole({ train, test }: Dataset, layout: CifarLayout): void {
  const fileCount = layout.train.length;
  assert.deepEqual([train.labels.length, test?.labels.length], [2 * fileCount, 2]);
  for (const [split, firstFile] of [[train, 0] as const, [test!, fileCount] as const]) {
    if (split.images.kind !== 'memory') assert.fail('the images should be in memory');
    const { width, height, pixels, nameOf } = split.images;
    assert.deepEqual([width, height], [32, 32]);
    split.labels.forEach((label, i) => {
      assert.equal(label, labelOf(layout, firstFile, i));
      for (const p of [0, 1, 37, 1023])
        assert.deepEqual(
          [...pixels.subarray(i * imageBytes + 3 * p, i * imageBytes + 3 * p + 3)],
          pixelOf(2 * firstFile + i, p),
        );
    });
    assert.equal(nameOf(1), `${[...layout.train, ...layout.test][firstFile]}#1`);
  }
  if (fileCount > 1) assert.equal(train.images.nameOf(3), `${layout.train[1]}#1`);
}

suite('CIFAR, binary version', () => {
  const layout = layoutOf('cifar-10-batches-bin');

  test('the folder, the folder around it and the archive give the same', async (t) => {
    const root = temporaryFolder(t);
    writeFolder(path.join(root, 'data', layout.folder), binaryFiles(layout));
    await writeArchive(path.join(root, 'any name.tar.gz'), layout.folder, binaryFiles(layout));
    for (const spec of [`data/${layout.folder}`, 'data', 'any name.tar.gz']) {
      const dataset = await openDataset(path.join(root, spec));
      assertWhole(dataset, layout);
      assert.deepEqual([dataset.name, dataset.classNames[9]], [path.join(root, spec), 'class 9']);
    }
  });

  test('CIFAR-100 takes the fine label', async (t) => {
    const fine = layoutOf('cifar-100-binary');
    const archive = path.join(temporaryFolder(t), 'x.tgz');
    await writeArchive(archive, fine.folder, binaryFiles(fine));
    assertWhole(readCifar('x', await readCifarArchive(archive, quiet)), fine);
  });

  test('refuses what is missing or cut off, naming the file', async (t) => {
    const cases: [Partial<Record<string, Buffer | undefined>>, RegExp][] = [
      [{ 'data_batch_3.bin': undefined }, /has no data_batch_3\.bin/],
      [{ 'test_batch.bin': Buffer.alloc(5000) }, /test_batch\.bin has 5000 bytes, expected a multiple of 3073/],
      [{ 'data_batch_2.bin': Buffer.alloc(3073, 12) }, /data_batch_2\.bin: image 0 has label 12, expected 0 to 9/],
      [{ 'batches.meta.txt': Buffer.from('a\nb\n') }, /batches\.meta\.txt .* has 2 class names, expected 10/],
    ];
    for (const [changes, message] of cases) {
      const root = temporaryFolder(t);
      const files = binaryFiles(layout);
      for (const [name, content] of Object.entries(changes))
        if (content === undefined) files.delete(name);
        else files.set(name, content);
      writeFolder(root, files);
      await assert.rejects(openDataset(root), { code: 'DATA_LAYOUT', message });
    }
  });

  test('refuses a folder with both data sets', async (t) => {
    const root = temporaryFolder(t);
    for (const each of [layout, layoutOf('cifar-100-binary')])
      writeFolder(path.join(root, each.folder), binaryFiles(each));
    await assert.rejects(openDataset(root), { code: 'DATA_LAYOUT', message: /has two data sets/ });
  });

  test('refuses archives that are damaged or of something else', async (t) => {
    const root = temporaryFolder(t);
    const whole = path.join(root, 'whole.tar.gz');
    await writeArchive(whole, layout.folder, binaryFiles(layout));
    write(path.join(root, 'half.tar.gz'), fs.readFileSync(whole).subarray(0, fs.statSync(whole).size / 2));
    write(path.join(root, 'text.tar.gz'), 'no archive');
    await writeArchive(path.join(root, 'other.tar.gz'), 'flowers', new Map([['a.txt', Buffer.from('x')]]));
    for (const [name, message] of [
      ['half.tar.gz', /half\.tar\.gz cannot be unpacked .*download it again/],
      ['text.tar.gz', /text\.tar\.gz cannot be unpacked/],
      ['other.tar.gz', /not an archive of CIFAR/],
    ] as const)
      await assert.rejects(openDataset(path.join(root, name)), { code: 'DATA_LAYOUT', message });
  });

  test('refuses an archive that unpacks to far more than it should', async (t) => {
    const archive = path.join(temporaryFolder(t), 'bomb.tar.gz');
    const files = binaryFiles(layout);
    files.set('data_batch_1.bin', Buffer.alloc(2 ** 28 + 1));
    await writeArchive(archive, layout.folder, files);
    await assert.rejects(openDataset(archive), { code: 'DATA_LAYOUT', message: /far more than CIFAR has/ });
  });
});

suite('CIFAR, Python version', () => {
  const layout = layoutOf('cifar-10-batches-py');

  test('reads the pickles of Python 2, with a NumPy array or a plain string', async (t) => {
    for (const data of [numpyArray, longString]) {
      const root = temporaryFolder(t);
      writeFolder(root, python2Files(layout, data));
      const dataset = await openDataset(root);
      assertWhole(dataset, layout);
      assert.equal(dataset.classNames[3], 'class 3');
    }
  });

  test('reads the pickles of Python 3 and its NumPy', async (t) => {
    const jobs = [layout, layoutOf('cifar-100-python')].flatMap((layout) =>
      [0, 2, 4].map((protocol) => ({ layout, protocol, folder: temporaryFolder(t) })),
    );
    if (!writeByPython(jobs)) return t.skip('no python3 with NumPy here');
    for (const { layout, folder } of jobs) {
      const files = new Map(fs.readdirSync(folder).map((name) => [name, fs.readFileSync(path.join(folder, name))]));
      const archive = path.join(folder, 'x.tar.gz');
      await writeArchive(archive, layout.folder, files);
      assertWhole(readCifar('x', await readCifarArchive(archive, quiet)), layout);
    }
  });

  test('runs nothing: a pickle with any other name is refused by that name', async (t) => {
    const root = temporaryFolder(t);
    const files = python2Files(layout, numpyArray);
    files.set('data_batch_4', Buffer.from('\x80\x02cos\nsystem\nU\x04echo\x85R.', 'latin1'));
    writeFolder(root, files);
    const message = /data_batch_4 .*refers to os\.system, which has a type that is not allowed; it was not executed/;
    await assert.rejects(openDataset(root), { code: 'DATA_LAYOUT', message });
  });

  test('refuses pickles that are cut off or hold other things', async (t) => {
    const whole = python2Files(layout, numpyArray).get('data_batch_1')!;
    const cases: [Buffer, RegExp][] = [
      [whole.subarray(0, 500), /cut off or damaged/],
      [Buffer.from('\x80\x02]q\x00.', 'latin1'), /does not contain a dictionary/],
      [Buffer.from('\x80\x02}.', 'latin1'), /expected data to be/],
      [Buffer.from('\x80\x02s.', 'latin1'), /stack is empty/],
      [Buffer.from('\xff', 'latin1'), /unknown opcode 0xff at byte 0/],
      [Buffer.alloc(0), /cut off/],
    ];
    for (const [content, message] of cases) {
      const root = temporaryFolder(t);
      const files = python2Files(layout, numpyArray).set('data_batch_1', content);
      writeFolder(root, files);
      await assert.rejects(openDataset(root), { code: 'DATA_LAYOUT', message });
    }
  });
});

interface PythonJob {
  readonly layout: CifarLayout;
  readonly protocol: number;
  readonly folder: string;
}

const script = `
import json, pickle, sys
import numpy
for job in json.load(sys.stdin):
    def dump(name, value):
        with open(job["folder"] + "/" + name, "wb") as file: pickle.dump(value, file, protocol=job["protocol"])
    for f in job["files"]:
        data = numpy.array(f["data"], dtype=numpy.uint8)
        more = {"number": 1.5, "big": 2**70, "minus": -3, "none": None, "pair": (1, True), "text": "\\u732b \\\\ \\n"}
        dump(f["name"], {b"data": data, b"batch_label": b"x", job["labels"]: f["labels"], **more})
    dump(job["meta"], {job["names"]: ["class %d" % i for i in range(job["classes"])]})
`;

/** Writes the same by the machine's Python; false when it has no NumPy. */
function writeByPython(jobs: readonly PythonJob[]): boolean {
  const input = jobs.map(({ layout, protocol, folder }) => ({
    folder,
    protocol,
    labels: layout.dataset === 'cifar100' ? 'fine_labels' : 'labels',
    names: layout.dataset === 'cifar100' ? 'fine_label_names' : 'label_names',
    meta: layout.meta,
    classes: layout.numClasses,
    files: [...layout.train, ...layout.test].map((name, file) => ({
      name,
      labels: [0, 1].map((i) => labelOf(layout, file, i)),
      data: [0, 1].map((i) => [...planesOf(2 * file + i)]),
    })),
  }));
  const python = process.env.PYTHON_TORCH ?? 'python3';
  const { status } = spawnSync(python, ['-c', script], { input: JSON.stringify(input) });
  return status === 0;
}
