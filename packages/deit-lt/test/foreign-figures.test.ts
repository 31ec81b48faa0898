/** Figures of models from elsewhere: their classes come in another order than the data's, or have no names at all. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import sharp from 'sharp';
import type { Comparison } from '../src/analysis/comparison.js';
import { GraphBuilder } from '../src/export/onnx/graph-builder.js';
import { encodeModel } from '../src/export/onnx/proto.js';
import { createModel } from '../src/models/index.js';
import { loadRuntime } from '../src/onnx/runtime.js';
import { makeReport } from '../src/report/report.js';
import { readRuns } from '../src/report/report-run.js';
import { deitLt } from './helpers/standing-process.js';
import { temporaryFolder } from './helpers/temporary-folder.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-foreign-'));
const at = (name: string): string => path.join(folder, name);
const images = at('images');

const colors = { red: [255, 0, 0], green: [0, 255, 0], blue: [0, 0, 255] } as const;
/** Oblong images by class and colour. By the rule of counts apple is tail, bird is mid, cloud is head. */
const made = {
  train: { apple: { green: 5 }, bird: { blue: 30 }, cloud: { red: 101 } },
  test: { apple: { red: 1, blue: 1 }, bird: { blue: 3, red: 1 }, cloud: { red: 1 } },
} as const;

async function writeImages(): Promise<void> {
  for (const [split, classes] of Object.entries(made))
    for (const [name, of] of Object.entries(classes)) {
      mkdirSync(path.join(images, split, name), { recursive: true });
      for (const [color, count] of Object.entries(of as Record<keyof typeof colors, number>)) {
        const [r, g, b] = colors[color as keyof typeof colors];
        const file = await sharp({ create: { width: 12, height: 8, channels: 3, background: { r, g, b } } })
          .png()
          .toBuffer();
        for (let i = 0; i < count; i++) writeFileSync(path.join(images, split, name, `${color}${i}.png`), file);
      }
    }
}

before(writeImages);
after(() => rmSync(folder, { recursive: true }));

const skip = (await loadRuntime()) === undefined && 'no onnxruntime-node here';

suite('deit-lt eval of an ONNX model', { skip }, () => {
  /** Takes red for the first of its classes, green for the second, blue for the third. */
  function colorModel(name: string, classes: readonly string[] | undefined): string {
    const graph = new GraphBuilder('fp32');
    const input = graph.input('images', ['n', 3, 8, 8]);
    const means = graph.op('ReduceMean', [input], { axes: { ints: [2, 3] }, keepdims: { int: 0 } });
    graph.output('logits', means, ['n', 3]);
    const metadata = { mean: '[0, 0, 0]', std: '[1, 1, 1]', ...(classes && { classes: JSON.stringify(classes) }) };
    writeFileSync(at(name), encodeModel(graph.build('colors', '0', metadata)));
    return at(name);
  }

  const figuresOf = (model: string) => {
    const { status, stdout, stderr } = deitLt(['eval', model, '--data', images, '--json', '--set', 'device=cpu']);
    assert.equal(status, 0, stderr);
    const { classes, groups, imagesPerClass, avg } = JSON.parse(stdout);
    const { head, mid, tail, balanced, overall, perClass } = avg;
    return { classes, groups, imagesPerClass, perClass, head, mid, tail, balanced, overall };
  };

  test('counts the groups of the data by the names of its classes, whose order is another', () => {
    const found = figuresOf(colorModel('permuted.onnx', ['cloud', 'apple', 'bird']));
    assert.deepEqual(found, {
      ...{ classes: ['cloud', 'apple', 'bird'], groups: ['head', 'tail', 'mid'], imagesPerClass: [1, 2, 4] },
      ...{ perClass: [100, 0, 75], head: 100, mid: 75, tail: 0, balanced: 175 / 3, overall: 400 / 7 },
    });
  });

  test('takes the classes of a model without names in the order of the data', () => {
    const { perClass, tail, mid, ...of } = figuresOf(colorModel('unnamed.onnx', undefined));
    assert.deepEqual(
      [of.classes, of.groups],
      [
        ['apple', 'bird', 'cloud'],
        ['tail', 'mid', 'head'],
      ],
    );
    // Red is apple, green is bird, blue is cloud.
    assert.deepEqual([perClass, tail, mid], [[50, 0, 0], 50, 0]);
  });
});

suite('an imported checkpoint that does not name its classes', () => {
  test('has the same figures by eval, compare, analyze and report', async (t) => {
    const run = path.join(temporaryFolder(t), 'run');
    torch.manualSeed(3);
    using model = createModel('deit', { numClasses: 3, embedDim: 64, depth: 1 });
    torch.safetensors.save(at('deit.safetensors'), model.stateDict());
    const output = (...words: string[]): string => {
      const { status, stdout, stderr } = deitLt(words);
      assert.equal(status, 0, stderr);
      return stdout;
    };
    output('import', at('deit.safetensors'), '--out', run);
    const { avg, classes, groups } = JSON.parse(output('eval', run, '--data', images, '--save', '--json'));
    assert.deepEqual(
      [classes, groups],
      [
        ['apple', 'bird', 'cloud'],
        ['tail', 'mid', 'head'],
      ],
    );
    const names = ['balanced', 'overall', 'head', 'mid', 'tail'] as const;
    const { rows } = JSON.parse(output('compare', run, '--json')) as Comparison;
    const compared = rows.find((row) => row.output === 'avg')!.figures;
    const analysis = JSON.parse(output('analyze', run, '--data', images, '--json'));
    const [read] = readRuns([run]);
    for (const name of names) {
      assert.equal(compared[name]!.value, avg[name], name);
      assert.equal(analysis.outputs.avg.accuracy[name], avg[name], name);
      assert.equal(read!.evaluation!.avg[name], avg[name], name);
    }
    assert.deepEqual([read!.config.data.classNames, read!.config.data.groups], [classes, groups]);
    assert.match((await makeReport([read!], { resamples: 10 })).html, />bird</);
  });
});
